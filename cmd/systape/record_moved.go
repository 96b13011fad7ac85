package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"systape/capture"
	"systape/format"
)

// follow finds the spool again where its folder or itself was renamed or removed
// while it was written. Then there is no place to put the capture.
func (o *recordOutput) follow() error {
	if o.parts != nil || o.file == nil { // each part is looked for when it is made
		return nil
	}
	was := o.spoolPath
	spool, found := whereIs(o.file, was)
	if spool == was {
		return nil
	}
	o.spoolPath = spool
	if found {
		path, named := strings.CutSuffix(o.spoolPath, format.SpoolSuffix)
		if !named {
			path += ".parquet"
		}
		o.path = path
		return fmt.Errorf("%s was renamed while it was recorded into", was)
	}
	return fmt.Errorf("%s was removed while it was recorded into, and what was recorded with it", was)
}

// whereIs returns the name of an open file, which was another when it was made.
func whereIs(f *os.File, was string) (name string, found bool) {
	open, err := f.Stat()
	if err != nil {
		return was, true // not known better
	}
	is := func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && os.SameFile(open, info)
	}
	if is(was) {
		return was, true
	}
	name, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err == nil && is(name) {
		return name, true
	}
	return "", false
}

// followParts does so for parts that are not finished: those that were removed
// are gone, the others have the names that they have now. It returns the first
// that is gone.
func (o *recordOutput) followParts(left []capture.Output) (gone string) {
	there := left[:0:0]
	for _, part := range left {
		if part.File != nil {
			name, found := whereIs(part.File, part.Spool)
			if !found {
				gone = cmp.Or(gone, part.Spool)
				continue
			}
			if part.Spool != name {
				part.Spool, part.Path = name, strings.TrimSuffix(name, format.SpoolSuffix)
			}
		}
		there = append(there, part)
	}
	o.now(there)
	return gone
}
