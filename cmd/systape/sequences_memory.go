package main

import (
	"errors"
	"io/fs"
	"os"
	"runtime/debug"

	"systape/replay/sequences"
)

// sequencesMemory is the heap that the garbage collector holds on to. Without it
// there may be as much garbage as there is data.
const sequencesMemory = 216 << 20

// limitMemory holds on to it until the function that it returns is called.
func limitMemory() (undo func()) {
	old := debug.SetMemoryLimit(sequencesMemory)
	return func() { debug.SetMemoryLimit(old) }
}

// newStore returns a store in the folder for temporary files, for what is known
// of threads when there are too many of them. Its file has no name where the
// system allows it, so that nothing stays behind however the program ends.
func newStore() *sequences.Store {
	return sequences.NewStore(func() (sequences.SpillFile, error) {
		f, err := os.CreateTemp("", "systape-")
		if err != nil {
			return nil, err
		}
		os.Remove(f.Name())
		return spillFile{f}, nil
	})
}

type spillFile struct{ *os.File }

func (f spillFile) Close() error {
	err := f.File.Close()
	if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) && err == nil {
		err = e
	}
	return err
}
