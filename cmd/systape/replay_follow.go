package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"systape/format"
)

// replayPoll is how often a followed spool is looked at. The recorder writes
// to it about once a second.
const replayPoll = 50 * time.Millisecond

// replayTail reads a file that another program is appending to, and waits at
// its end for more. It ends when the file has gone and has given everything:
// the recorder replaces its spool when it is done.
type replayTail struct {
	ctx  context.Context
	f    *os.File
	name string
}

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
	return &replayTail{ctx: ctx, f: f, name: name}, nil
}

func (t *replayTail) Read(b []byte) (int, error) {
	for {
		gone := t.gone() // asked first: what is written until then is still read
		n, err := t.f.Read(b)
		if n > 0 || err != io.EOF {
			return n, err
		}
		if gone {
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

// Name returns the spool's name.
func (t *replayTail) Name() string { return t.name }

// gone reports whether the name no longer stands for the file.
func (t *replayTail) gone() bool {
	now, err := os.Stat(t.name)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	mine, err := t.f.Stat()
	return err == nil && !os.SameFile(now, mine)
}

// Close closes the file.
func (t *replayTail) Close() error { return t.f.Close() }
