package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// maxSmall bounds files that people write: keys, rules, profiles.
const maxSmall = 16 << 20

// readSmall is os.ReadFile of a file that is no capture, and may be anything.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("more than 16 MiB: too much for a key, rules or a profile")}
	}
	return text, err
}
