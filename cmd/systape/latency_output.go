package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

var latencyFormats = []string{"table", "json", "jsonl", "csv", "parquet"}

// isPicture reports whether a result of this kind is a picture.
func isPicture(kind string) bool { return kind == "svg" || kind == "png" }

// latencyFormatOf chooses the format of the result: what --format says, or
// what the name of the file ends in, or a table.
func latencyFormatOf(flag, file string) (string, error) {
	ext := strings.TrimPrefix(filepath.Ext(file), ".")
	switch {
	case flag != "" && !slices.Contains(latencyFormats, flag):
		return "", fmt.Errorf("--format: unknown format %q, want one of %s", flag, strings.Join(latencyFormats, " "))
	case isPicture(ext) && flag != "" && flag != "table":
		return "", fmt.Errorf("--format %s into %s: a name that ends in .%s asks for a picture", flag, file, ext)
	case isPicture(ext):
		return ext, nil
	case flag != "":
		return flag, nil
	case slices.Contains(latencyFormats, ext):
		return ext, nil
	}
	return "table", nil
}

// latencyOutput is where the result goes: standard output, or a file that
// has another name until it is complete.
type latencyOutput struct {
	*bufio.Writer
	file *pairFile
}

// newLatencyOutput opens it. No name, or -, stands for standard output; inputs
// are files that it must not replace even by force.
func newLatencyOutput(name string, force bool, stdout io.Writer, inputs ...string) (*latencyOutput, error) {
	if name == "" {
		name = "-"
	}
	file, err := createPairFile(stdout, name, inputs, force)
	if err != nil {
		return nil, err
	}
	return &latencyOutput{Writer: bufio.NewWriterSize(file, 64<<10), file: file}, nil
}

// close ends the output. With an error, nothing remains of a file.
func (o *latencyOutput) close(err error) error {
	if err == nil {
		err = o.Flush()
	}
	if err == nil {
		err = o.file.complete()
	}
	return errors.Join(err, o.file.discard())
}
