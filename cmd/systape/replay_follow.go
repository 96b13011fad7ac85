package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"systape/format"
)

// replayPoll is how often a followed spool is looked at. The recorder writes
// to it about once a second.
const replayPoll = 50 * time.Millisecond

// replayTail reads a file that another program is appending to, and waits at
// its end for more. It ends when the recording does: the recorder then lets go
// of the spool, or has replaced it by the capture.
type replayTail struct {
	ctx   context.Context
	f     *os.File
	name  string
	ended bool // the recording has, and all of it was read
}

// openReplayTail opens the spool that name means. It returns nil if no
// recording goes on there: what there is can be read as any other capture.
func openReplayTail(ctx context.Context, name string) (*replayTail, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // a recording that goes on has a spool only
		if spool, serr := os.Open(format.SpoolName(name)); serr == nil {
			f, name, err = spool, spool.Name(), nil
		}
	}
	if err != nil {
		return nil, inputError(err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &exitError{code: exitUsage, err: errors.New(name + " is a folder: --follow reads one spool")}
	}
	if format.SpoolLock(f) == format.LockFree || format.IsParquet(f) {
		f.Close()
		return nil, nil
	}
	return &replayTail{ctx: ctx, f: f, name: name}, nil
}

// Name returns the name of the spool.
func (t *replayTail) Name() string { return t.name }

func (t *replayTail) Read(b []byte) (int, error) {
	for {
		over := t.over() // asked first: what is written until then is still read
		n, err := t.f.Read(b)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if over {
			t.ended = true
			return 0, io.EOF
		}
		select {
		case <-t.ctx.Done():
			return 0, io.EOF
		case <-time.After(replayPoll):
		}
	}
}

// Seek and ReadAt go to where the recorder has given nothing back.
func (t *replayTail) Seek(to int64, whence int) (int64, error) { return t.f.Seek(to, whence) }

func (t *replayTail) ReadAt(b []byte, at int64) (int, error) { return t.f.ReadAt(b, at) }

// over reports whether nobody writes the file any more: its recorder has let
// go of it, or the name no longer stands for it.
func (t *replayTail) over() bool {
	if format.SpoolLock(t.f) == format.LockFree {
		return true
	}
	now, err := os.Stat(t.name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	mine, err := t.f.Stat()
	return err == nil && !os.SameFile(now, mine)
}

// Close closes the file.
func (t *replayTail) Close() error { return t.f.Close() }

// follow makes c read the recording that goes on under name as it grows. ended
// reports afterwards whether the recording has ended; paths are what is to be
// read.
func follow(c *cobra.Command, name string) (paths []string, ended func() bool, done func(), err error) {
	tail, err := openReplayTail(c.Context(), name)
	if err != nil {
		return nil, nil, nil, err
	}
	if tail == nil {
		return []string{name}, func() bool { return true }, func() {}, nil
	}
	c.SetIn(tail)
	return []string{"-"}, func() bool { return tail.ended }, func() { tail.Close() }, nil
}
