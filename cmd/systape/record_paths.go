package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/files"
)

// pathsWarning says that --paths will know no descriptor, because -e leaves out
// calls without which none can be followed, and how to have them; nil where they are
// followed.
func (f *recordFlags) pathsWarning() error {
	if f.paths != "all" || f.expression == "" {
		return nil
	}
	followed := func(expression string) bool {
		return files.NewFollower(&format.Meta{Request: format.Request{Syscalls: expression, Paths: f.paths, Sample: 1}}).Follows()
	}
	if followed(f.expression) {
		return nil
	}
	const says = "-e leaves out calls that close or replace descriptors, so it will not be known what those of the others stand for"
	if calls, not := strings.CutPrefix(f.expression, "!"); not {
		kept := slices.DeleteFunc(strings.Split(calls, ","), func(name string) bool { return slices.Contains(files.Needed(), name) })
		if with := "!" + strings.Join(kept, ","); len(kept) > 0 && followed(with) {
			return fmt.Errorf("%s; with them: -e '%s'", says, with)
		}
		return errors.New(says)
	}
	set, err := abi.ParseSet(f.expression)
	if err != nil {
		return err
	}
	with := f.expression
	for _, name := range files.Needed() {
		if nr, ok := abi.Number(abi.X86_64, name); ok && !set.Has(abi.X86_64, nr) {
			with += "," + name
		}
	}
	return fmt.Errorf("%s; with them: -e %s", says, with)
}
