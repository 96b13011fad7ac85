package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"systape/format"
	"systape/format/signature"
	"systape/replay/escape"
)

// maxNameBytes is how long a file's name may be on every file system in use.
const maxNameBytes = 255

// refusal is why a capture cannot be made under a name, and what helps. It is
// [fs.ErrExist] where something stands there, and [format.ErrRecording] where a
// recorder writes it.
type refusal struct {
	err  error
	hint string
}

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// taken says that something stands where a file is to be made.
type taken string

func (t taken) Error() string      { return string(t) }
func (taken) Is(target error) bool { return target == fs.ErrExist }

// isTaken reports whether another name may be free.
func isTaken(err error) bool {
	return errors.Is(err, fs.ErrExist) || errors.Is(err, format.ErrRecording)
}

// createSpool makes the spool of a capture of this name, which must not be there.
// What it fails with is a refusal.
func createSpool(path string, force bool, signing *signFlags) (*os.File, error) {
	refuse := func(err error, hint string) (*os.File, error) { return nil, &refusal{err, hint} }
	exists := func() (*os.File, error) {
		return refuse(taken(path+" exists"), "choose another name with -o, or --force to replace it")
	}
	if name := filepath.Base(path); len(name) > maxNameBytes {
		return refuse(fmt.Errorf("the name %s… has %d bytes, a file's name has at most %d", name[:20], len(name), maxNameBytes), "choose a shorter name with -o")
	}
	if err := signing.signable(path, force); err != nil {
		return refuse(taken(path+signature.Suffix+" exists"), "it is the signature of another file: choose another name with -o, or --force to replace it")
	}
	if info, err := os.Lstat(path); err == nil {
		if kind := info.Mode().Type(); kind != 0 && kind != fs.ModeSymlink {
			return refuse(taken(path+" is not a regular file"), "name a new file with -o, or - for standard output")
		}
		if !force {
			return exists()
		}
	}
	spool := format.SpoolName(path)
	for _, there := range []string{path, spool} {
		if force && heldFast(there) {
			return refuse(taken(there+" is another user's, and in its folder nobody else may replace it"), "choose another name with -o")
		}
	}
	f, err := format.CreateSpool(path, format.FileOptions{Force: force})
	if errors.Is(err, fs.ErrExist) && format.RemoveEmptySpool(spool) { // of a recorder that was killed as it began
		f, err = format.CreateSpool(path, format.FileOptions{Force: force})
	}
	switch {
	case err == nil:
		// Another recorder of the name may have finished since that was looked at:
		// its capture came before its spool went.
		if _, err := os.Lstat(path); err == nil && !force {
			os.Remove(spool)
			f.Close()
			return exists()
		}
		return f, nil
	case errors.Is(err, format.ErrRecording):
		return refuse(fmt.Errorf("%s: %w", spool, format.ErrRecording), "choose another name with -o")
	case errors.Is(err, fs.ErrExist):
		return refuse(taken(spool+" exists"), "it is of a recording that was cut off: "+escape.Command([]string{"systape", "recover", spool})+", or --force to replace it")
	}
	return refuse(fmt.Errorf("create the spool: %w", err), "name a file in a folder that can be written to with -o")
}
