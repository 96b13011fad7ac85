package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stallFS is a file system with one file, whose fsync takes as long as the test
// wants: it is served by hand (include/uapi/linux/fuse.h).
type stallFS struct {
	file   string
	dev    *os.File
	Fsyncs chan func() // one for each fsync that waits; calling it lets it return
}

// The requests that come, and the sizes of what is read and written.
const (
	fuseLookup, fuseGetattr, fuseOpen, fuseRelease, fuseFsync, fuseFlush, fuseInit = 1, 3, 14, 18, 20, 25, 26

	fuseInHeader, fuseOutHeader = 40, 16
)

func mountStallFS(t *testing.T) *stallFS {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("a file system served by the test: %v", err)
	}
	dir := t.TempDir()
	s := &stallFS{file: filepath.Join(dir, "file"), dev: os.NewFile(uintptr(fd), "/dev/fuse"), Fsyncs: make(chan func(), 16)}
	if err := unix.Mount("stall", dir, "fuse.stall", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd)); err != nil {
		s.dev.Close()
		t.Skipf("a file system served by the test: %v", err)
	}
	t.Cleanup(func() {
		unix.Unmount(dir, unix.MNT_DETACH)
		s.dev.Close()
	})
	go s.serve(fd)
	return s
}

func (s *stallFS) serve(fd int) {
	in := make([]byte, 1<<20)
	for {
		n, err := unix.Read(fd, in)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n < fuseInHeader:
			return // unmounted
		}
		le := binary.LittleEndian
		op, unique, node := le.Uint32(in[4:]), le.Uint64(in[8:]), le.Uint64(in[16:])
		reply := func(errno unix.Errno, body any) {
			var b bytes.Buffer
			if body != nil {
				binary.Write(&b, le, body)
			}
			out := le.AppendUint32(nil, uint32(fuseOutHeader+b.Len()))
			out = le.AppendUint32(out, uint32(-int32(errno)))
			unix.Write(fd, append(le.AppendUint64(out, unique), b.Bytes()...))
		}
		switch op {
		case fuseInit:
			reply(0, [16]uint32{7, 31, 0, 0, 0, 1 << 17}) // version, readahead, flags, background, max_write
		case fuseLookup:
			if name := string(in[fuseInHeader : n-1]); node != 1 || name != "file" {
				reply(unix.ENOENT, nil)
				continue
			}
			reply(0, struct {
				Node, Generation, EntryValid, AttrValid uint64
				Nsec                                    [2]uint32
				Attr                                    fuseAttr
			}{Node: 2, EntryValid: 3600, AttrValid: 3600, Attr: attrOf(2)})
		case fuseGetattr:
			reply(0, struct {
				Valid uint64
				_     [2]uint32
				Attr  fuseAttr
			}{3600, [2]uint32{}, attrOf(node)})
		case fuseOpen:
			reply(0, [2]uint64{1, 0})
		case fuseFsync:
			s.Fsyncs <- func() { reply(0, nil) }
		case fuseFlush, fuseRelease:
			reply(0, nil)
		default:
			reply(unix.ENOSYS, nil)
		}
	}
}

type fuseAttr struct {
	Ino, Size, Blocks, Atime, Mtime, Ctime uint64
	Nsec                                   [3]uint32
	Mode, Nlink, UID, GID, Rdev, Block, _  uint32
}

var _ = [1]struct{}{}[unsafe.Sizeof(fuseAttr{})-88]

func attrOf(node uint64) fuseAttr {
	if node == 1 {
		return fuseAttr{Ino: 1, Mode: unix.S_IFDIR | 0o755, Nlink: 2}
	}
	return fuseAttr{Ino: node, Mode: unix.S_IFREG | 0o644, Nlink: 1}
}
