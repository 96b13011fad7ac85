package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// resultFile is where a result goes: standard output, or a file that is
// called NAME.partial until it is complete. It is buffered.
type resultFile struct {
	*bufio.Writer
	file *os.File // nil: standard output, or closed
	name string   // "": written in place
}

// createResult opens the output; "" and "-" are standard output. An existing
// file is replaced with force only, and one of the inputs never. A device or a
// pipe is written to: to give its name to a file would take /dev/null from
// everybody.
func createResult(stdout io.Writer, name string, inputs []string, force bool) (*resultFile, error) {
	buffered := func(w io.Writer) *bufio.Writer { return bufio.NewWriterSize(w, 64<<10) }
	if name == "" || name == "-" {
		return &resultFile{Writer: buffered(stdout)}, nil
	}
	open, r := name, &resultFile{}
	flags := os.O_WRONLY
	there, err := os.Stat(name)
	switch {
	case err == nil && !there.Mode().IsRegular():
	case err == nil:
		for _, in := range inputs {
			if info, err := os.Stat(in); err == nil && os.SameFile(info, there) {
				return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s is the capture itself", name), hint: "choose another name for the result"}
			}
		}
		if !force {
			return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s exists", name), hint: "--force replaces it"}
		}
		fallthrough
	default:
		open, r.name = name+".partial", name
		flags |= os.O_CREATE | os.O_TRUNC
	}
	if r.file, err = os.OpenFile(open, flags, 0o644); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, &exitError{code: exitPermission, err: err}
		}
		return nil, err
	}
	r.Writer = buffered(r.file)
	return r, nil
}

// complete writes what is buffered and gives the file its name once it is
// safe on the disk.
func (r *resultFile) complete() error {
	err := r.Flush()
	if r.file == nil {
		return err
	}
	f := r.file
	if err == nil && r.name != "" {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, r.discard())
	}
	r.file = nil
	err = f.Close()
	if r.name == "" {
		return err
	}
	if err == nil {
		err = os.Rename(f.Name(), r.name)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// discard removes what was written if complete has not been called.
func (r *resultFile) discard() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	if r.name != "" {
		err = errors.Join(err, os.Remove(r.file.Name()))
	}
	r.file = nil
	return err
}

// close ends the output: with an error, nothing remains of a file.
func (r *resultFile) close(err error) error {
	if err != nil {
		return errors.Join(err, r.discard())
	}
	return r.complete()
}
