package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// sequencesOutput is where a result goes: standard output, or a file that is
// called NAME.partial until it is complete.
type sequencesOutput struct {
	*bufio.Writer
	file *os.File
	name string
}

// newSequencesOutput opens the output. An existing file is replaced with
// force only, and one of the inputs never.
func newSequencesOutput(name string, inputs []string, force bool, stdout io.Writer) (*sequencesOutput, error) {
	if name == "" || name == "-" {
		return &sequencesOutput{Writer: bufio.NewWriterSize(stdout, 64<<10)}, nil
	}
	if there, err := os.Stat(name); err == nil {
		switch {
		case !there.Mode().IsRegular(): // a device or a pipe is written to, never replaced
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return nil, err
			}
			return &sequencesOutput{Writer: bufio.NewWriterSize(f, 64<<10), file: f}, nil
		case !force:
			return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s exists", name), hint: "--force replaces it"}
		}
		for _, in := range inputs {
			if info, err := os.Stat(in); err == nil && os.SameFile(info, there) {
				return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s would be read and written at once", name), hint: "choose another name for the result"}
			}
		}
	}
	f, err := os.OpenFile(name+".partial", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, &exitError{code: exitPermission, err: err}
		}
		return nil, err
	}
	return &sequencesOutput{Writer: bufio.NewWriterSize(f, 64<<10), file: f, name: name}, nil
}

// close ends the output. With an error, nothing remains of a file.
func (o *sequencesOutput) close(err error) error {
	if err == nil {
		err = o.Flush()
	}
	if o.file == nil {
		return err
	}
	err = errors.Join(err, o.file.Close())
	if o.name == "" {
		return err
	}
	if err == nil {
		err = os.Rename(o.file.Name(), o.name)
	}
	if err != nil {
		os.Remove(o.file.Name())
	}
	return err
}
