package out

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"systape/format"
)

// errThere says that a name is taken.
var errThere = errors.New("exists")

// unfinished is a file that appears under its name only when it is whole. Its
// mode is 0600: what a capture shows of a machine is not for everyone.
type unfinished struct {
	*os.File
	name  string
	force bool
}

// createUnfinished makes NAME.partial, a new file always: what has that name,
// left by a run that did not end or put there by somebody else, loses it and
// is neither opened nor followed.
func createUnfinished(name string, force bool) (*unfinished, error) {
	if err := free(name, force); err != nil {
		return nil, err
	}
	partial := name + format.PartialSuffix
	if there, err := os.Lstat(partial); err == nil {
		if there.IsDir() {
			return nil, &fs.PathError{Op: "create", Path: partial, Err: errors.New("is a folder")}
		}
		if err := os.Remove(partial); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &unfinished{f, name, force}, nil
}

// free reports whether the name may be given to a file.
func free(name string, force bool) error {
	if _, err := os.Lstat(name); err == nil && !force {
		return fmt.Errorf("%s %w", name, errThere)
	}
	return nil
}

// publish makes the file durable and gives it its name. When it fails the
// file is gone, and what had the name before is there.
func (u *unfinished) publish() error {
	err := u.Sync()
	mine := err == nil && u.own()
	err = errors.Join(err, u.Close())
	switch {
	case err == nil && !mine:
		return fmt.Errorf("%s was taken away: another run writes to %s", u.Name(), u.name)
	case err == nil:
		err = u.rename()
	}
	if err != nil {
		if mine {
			os.Remove(u.Name())
		}
		return err
	}
	return syncFolder(filepath.Dir(u.name))
}

// own reports whether the partial name still means this file.
func (u *unfinished) own() bool {
	here, err := u.Stat()
	there, lerr := os.Lstat(u.Name())
	return err == nil && lerr == nil && os.SameFile(here, there)
}

// rename gives the file its name, and without force never takes it from
// another file that appeared in the meantime.
func (u *unfinished) rename() error {
	if u.force {
		return os.Rename(u.Name(), u.name)
	}
	err := os.Link(u.Name(), u.name) // fails if the name is taken
	switch {
	case err == nil:
		return os.Remove(u.Name())
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s %w", u.name, errThere)
	}
	if err := free(u.name, false); err != nil { // not every file system has hard links
		return err
	}
	return os.Rename(u.Name(), u.name)
}

func (u *unfinished) discard() error {
	mine := u.own()
	err := u.Close()
	if mine {
		err = errors.Join(err, os.Remove(u.Name()))
	}
	return err
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
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
