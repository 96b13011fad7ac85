package format

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReadText is [os.ReadFile] of a file that is no capture, such as a key or rules,
// and may be anything: of one with more than most bytes it reads no more, and
// fails with the words tooLong.
func ReadText(name string, most int64, tooLong string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(text)) > most:
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New(tooLong)}
	}
	return text, nil
}
