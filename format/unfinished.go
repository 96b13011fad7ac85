package format

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// FileOptions says how the file of a capture is made.
type FileOptions struct {
	Force   bool                 // replace a file that is there
	Created func(*os.File) error // called with the new file, for example to give it to another user; may be nil
}

// Unfinished is a file that gets its name only when it is whole. Until then it
// is NAME.partial in the same folder, made anew and only for its owner: no
// link is followed, and no file that was there is written to. The way of one:
//
//	u, err := format.CreateUnfinished(name, format.FileOptions{Force: force})
//	if err != nil { … }
//	defer u.Abort() // does nothing once it is published
//	… io.Copy(u, results) …
//	err = u.Publish(nil)
//
// It is an io.Writer without a buffer. Two programs cannot write one at the
// same time. What a program that was killed has left is replaced.
type Unfinished struct {
	file *os.File
	name string
	opt  FileOptions
}

// ErrInUse means that another program is writing the file.
var ErrInUse = errors.New("another program is writing it")

// CreateUnfinished begins the file name. It fails with fs.ErrExist if there is
// one and Force is not set, with [ErrInUse] if another program is writing it,
// and for everything that a rename must not replace: folders, devices, pipes,
// and links in /dev and /proc, which stand for open files.
func CreateUnfinished(name string, opt FileOptions) (*Unfinished, error) {
	if err := free(name, opt); err != nil {
		return nil, err
	}
	if needed(name) {
		return nil, &fs.PathError{Op: "replace", Path: PartialName(name), Err: errNeeded}
	}
	return createUnfinished(PartialName(name), name, opt)
}

func createUnfinished(partial, name string, opt FileOptions) (*Unfinished, error) {
	f, err := createExclusive(partial, true)
	if err != nil {
		return nil, namedAs(err, partial, name)
	}
	u := &Unfinished{f, name, opt}
	if opt.Created != nil {
		if err := opt.Created(f); err != nil {
			u.Abort()
			return nil, err
		}
	}
	return u, nil
}

// free reports why a file must not get the name.
func free(name string, opt FileOptions) error {
	info, err := os.Lstat(name)
	if err != nil {
		return nil
	}
	if !opt.Force {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	return replaceable(name, info)
}

// replaceable reports what must not lose its name to a file: it would take
// /dev/null from everybody.
func replaceable(name string, info fs.FileInfo) error {
	kind := info.Mode().Type()
	if kind != 0 && kind != fs.ModeSymlink {
		return &fs.PathError{Op: "replace", Path: name, Err: errors.New("not a regular file")}
	}
	if kind == fs.ModeSymlink {
		if abs, err := filepath.Abs(name); err == nil && (strings.HasPrefix(abs, "/dev/") || strings.HasPrefix(abs, "/proc/")) {
			return &fs.PathError{Op: "replace", Path: name, Err: errors.New("it stands for an open file")}
		}
	}
	return nil
}

// createExclusive makes a new file, and locks it. One that is there is removed, a
// link as a link, if replace is set and no program has locked it; else the error
// is fs.ErrExist or [ErrInUse].
//
// Between making and locking a file another program may take it for one that was
// left. So whoever removes a file holds its lock, and whoever made one looks,
// with the lock, whether it still has its name.
func createExclusive(path string, replace bool) (*os.File, error) {
	for try := 0; ; try++ {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			if own(f, path) {
				return f, nil
			}
			f.Close()
			err = &fs.PathError{Op: "create", Path: path, Err: ErrInUse}
		} else if errors.Is(err, fs.ErrExist) && replace {
			if gone := removeUnused(path); gone != nil {
				return nil, gone
			}
		} else {
			return nil, err
		}
		if try == 3 {
			return nil, err
		}
	}
}

// own locks a new file. It reports false when another program has removed it.
func own(f *os.File, path string) bool {
	for range 100 { // others hold the lock for a moment, to see whether it is held
		if lock(f) == nil {
			return named(f, path)
		}
		if !named(f, path) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// named reports whether the path is the name of the open file.
func named(f *os.File, path string) bool {
	there, err := os.Lstat(path)
	if err != nil {
		return false
	}
	open, err := f.Stat()
	return err == nil && os.SameFile(there, open)
}

// removeUnused removes what is at path, which may be nothing any more. It fails
// with [ErrInUse] when a program has locked it.
func removeUnused(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return &fs.PathError{Op: "create", Path: path, Err: errors.New("it is a folder")}
	}
	if info.Mode().IsRegular() {
		if f, err := os.Open(path); err == nil {
			defer f.Close()
			if lock(f) != nil {
				return &fs.PathError{Op: "create", Path: path, Err: ErrInUse}
			}
			if !named(f, path) {
				return nil
			}
			if runtime.GOOS == "windows" { // where an open file keeps its name
				f.Close()
			}
		}
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Write implements io.Writer.
func (u *Unfinished) Write(p []byte) (int, error) {
	if u.file == nil {
		return 0, fs.ErrClosed
	}
	n, err := u.file.Write(p)
	return n, namedAs(err, u.file.Name(), u.name)
}

// namedAs gives an error of the system about the unfinished file the name that
// the user gave. That another program is writing it, or something else has its
// name, is of the unfinished one.
func namedAs(err error, partial, name string) error {
	e, ok := errors.AsType[*fs.PathError](err)
	if _, system := errors.AsType[syscall.Errno](err); ok && system && e.Path == partial && error(e) == err {
		return &fs.PathError{Op: e.Op, Path: name, Err: e.Err}
	}
	return err
}

// Name returns the name that the file will get.
func (u *Unfinished) Name() string { return u.name }

// File returns the file itself, which belongs to u: to seek in it, or for
// what wants an *os.File.
func (u *Unfinished) File() *os.File { return u.file }

// Abort removes the file, unless it was published.
func (u *Unfinished) Abort() {
	if u.file == nil {
		return
	}
	ours := u.stillThere()
	u.file.Close() // before it is removed: Windows wants it so
	if ours {
		os.Remove(u.file.Name())
	}
	u.file = nil
}

// leave closes the file and lets it stay as it is, unfinished.
func (u *Unfinished) leave() {
	if u.file != nil {
		u.file.Close()
		u.file = nil
	}
}

// stillThere reports whether NAME.partial is the file that was made.
func (u *Unfinished) stillThere() bool {
	there, err := os.Lstat(u.file.Name())
	if err != nil {
		return false
	}
	ours, err := u.file.Stat()
	return err == nil && os.SameFile(there, ours)
}

// Publish makes the file durable, lets check look at it, gives it its name and
// makes that durable. Check may be nil. When it fails the file is gone, and
// what had the name before is there.
func (u *Unfinished) Publish(check func(*os.File) error) error {
	if u.file == nil {
		return fmt.Errorf("publish %s: %w", u.name, errClosed)
	}
	defer u.Abort()
	if err := u.file.Sync(); err != nil {
		return err
	}
	if check != nil {
		if err := check(u.file); err != nil {
			return err
		}
	}
	if !u.stillThere() {
		return &fs.PathError{Op: "publish", Path: u.file.Name(), Err: errors.New("another program has removed or replaced it")}
	}
	if runtime.GOOS == "windows" { // open files cannot be renamed there
		path := u.file.Name()
		err := u.file.Close()
		u.file = nil
		if err == nil {
			err = rename(path, u.name, u.opt.Force)
		}
		if err != nil {
			os.Remove(path)
		}
		return err
	}
	if err := rename(u.file.Name(), u.name, u.opt.Force); err != nil {
		return err
	}
	err := u.file.Close()
	u.file = nil
	return errors.Join(err, syncFolder(filepath.Dir(u.name)))
}

// rename gives a file its name, and without force never takes it from another
// file, however late that appeared.
func rename(from, to string, force bool) error {
	if force {
		return os.Rename(from, to)
	}
	err := os.Link(from, to) // fails if the name is taken
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	// Not every file system has hard links: an empty file takes the name, and
	// is replaced.
	place, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	place.Close()
	if err := os.Rename(from, to); err != nil {
		os.Remove(to)
		return err
	}
	return nil
}

// syncFolderOf makes the name of a file durable.
func syncFolderOf(path string) error { return syncFolder(filepath.Dir(path)) }

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be flushed there
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// maxNameLen is how many bytes a file's name has at most, on every file system
// in use.
const maxNameLen = 255

// SpoolName returns the name of the spool of the capture name: NAME.spool, and
// for names that would become too long a shorter one that ends so.
func SpoolName(name string) string { return withSuffix(name, SpoolSuffix) }

// PartialName returns the name under which the file name is written: like
// [SpoolName], with .partial.
func PartialName(name string) string { return withSuffix(name, PartialSuffix) }

func withSuffix(name, suffix string) string {
	dir, base := filepath.Split(name)
	if len(base)+len(suffix) <= maxNameLen {
		return name + suffix
	}
	suffix = fmt.Sprintf("~%08x%s", crc32.Checksum([]byte(base), castagnoli), suffix)
	base = base[:maxNameLen-len(suffix)]
	for len(base) > 0 && !utf8.ValidString(base) && utf8.ValidString(name) {
		base = base[:len(base)-1]
	}
	return dir + base + suffix
}

var _ io.Writer = (*Unfinished)(nil)
