package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

var latencyFormats = []string{"table", "json", "jsonl", "csv", "parquet"}

// latencyFormatOf chooses the format of the result: what --format says, or
// what the name of the file ends in, or a table.
func latencyFormatOf(flag, file string) (string, error) {
	ext := strings.TrimPrefix(filepath.Ext(file), ".")
	switch {
	case flag != "" && !slices.Contains(latencyFormats, flag):
		return "", fmt.Errorf("--format: unknown format %q, want one of %s", flag, strings.Join(latencyFormats, " "))
	case ext == "svg" && flag != "" && flag != "table":
		return "", fmt.Errorf("--format %s into %s: a name that ends in .svg asks for a picture", flag, file)
	case ext == "svg":
		return "svg", nil
	case flag != "":
		return flag, nil
	case ext == "png":
		return "", errors.New("pictures are written as .svg; rsvg-convert, Inkscape or a browser make a PNG of it")
	case slices.Contains(latencyFormats, ext):
		return ext, nil
	}
	return "table", nil
}

// latencyOutput is where the result goes: standard output, or a file that
// has another name until it is complete.
type latencyOutput struct {
	*bufio.Writer
	file *os.File
	name string
}

func newLatencyOutput(name string, force bool, stdout io.Writer) (*latencyOutput, error) {
	if name == "" || name == "-" {
		return &latencyOutput{Writer: bufio.NewWriterSize(stdout, 64<<10)}, nil
	}
	if _, err := os.Lstat(name); err == nil && !force {
		return nil, &exitError{code: exitFailed, err: fmt.Errorf("%s exists", name), hint: "--force replaces it"}
	}
	f, err := os.OpenFile(name+".partial", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return nil, &exitError{code: exitPermission, err: err}
		}
		return nil, err
	}
	return &latencyOutput{Writer: bufio.NewWriterSize(f, 64<<10), file: f, name: name}, nil
}

// close ends the output. With an error, nothing remains of a file.
func (o *latencyOutput) close(err error) error {
	if err == nil {
		err = o.Flush()
	}
	if o.file == nil {
		return err
	}
	err = errors.Join(err, o.file.Close())
	if err == nil {
		err = os.Rename(o.file.Name(), o.name)
	}
	if err != nil {
		os.Remove(o.file.Name())
	}
	return err
}
