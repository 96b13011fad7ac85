package format

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// FileOptions says how the file of a capture is made.
type FileOptions struct {
	Force   bool                 // replace a capture that is there
	Created func(*os.File) error // called with the new file, for example to give it to another user; may be nil
}

// partialFile is a file that appears under its name only when it is whole.
type partialFile struct {
	*os.File
	name string
	opt  FileOptions
}

// createPartial makes NAME.partial, with mode 0600: what a capture shows of a
// machine is not for everyone. A partial file that is there already was left
// by a run that did not end, and is overwritten.
func createPartial(name string, opt FileOptions) (*partialFile, error) {
	if info, err := os.Lstat(name); err == nil {
		if !opt.Force {
			return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
		if kind := info.Mode().Type(); kind != 0 && kind != fs.ModeSymlink {
			// To give its name to a file would take /dev/null from everybody.
			return nil, &fs.PathError{Op: "replace", Path: name, Err: errors.New("not a regular file")}
		}
	}
	f, err := os.OpenFile(name+PartialSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	p := &partialFile{f, name, opt}
	if opt.Created != nil {
		if err := opt.Created(f); err != nil {
			p.abort()
			return nil, err
		}
	}
	return p, nil
}

// abort removes the file.
func (p *partialFile) abort() { p.Close(); os.Remove(p.Name()) }

// publish makes the file durable, lets check look at it, and gives it its
// name. When it fails the file is gone, and what had the name before is there.
func (p *partialFile) publish(check func(*os.File) error) error {
	err := p.Sync()
	if err == nil && check != nil {
		err = check(p.File)
	}
	err = errors.Join(err, p.Close())
	if err == nil {
		err = p.rename()
	}
	if err != nil {
		os.Remove(p.Name())
		return err
	}
	return syncFolder(filepath.Dir(p.name))
}

// rename gives the file its name, and without force never takes it from
// another file that appeared in the meantime.
func (p *partialFile) rename() error {
	if p.opt.Force {
		return os.Rename(p.Name(), p.name)
	}
	err := os.Link(p.Name(), p.name) // fails if the name is taken
	if err == nil {
		return os.Remove(p.Name())
	}
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: p.name, Err: fs.ErrExist}
	}
	// Not every file system has hard links.
	if _, serr := os.Lstat(p.name); serr == nil {
		return &fs.PathError{Op: "create", Path: p.name, Err: fs.ErrExist}
	}
	return os.Rename(p.Name(), p.name)
}

// syncFolder makes a name durable.
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
