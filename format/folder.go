package format

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"systape/format/internal/parquet"
)

// EventsTable is the folder of a dataset that holds its captures, in partitions:
// folders that are called key=value, as Hive does it.
const EventsTable = "events"

// inFolder returns the files in a folder that may be captures, and those in
// partitions below it. Of other folders only a dataset's events are looked at.
func inFolder(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir() && (strings.Contains(e.Name(), "=") || e.Name() == EventsTable):
			below, err := inFolder(name)
			if err != nil {
				return nil, err
			}
			files = append(files, below...)
		case !e.IsDir() && (strings.HasSuffix(name, ".parquet") || strings.HasSuffix(name, SpoolSuffix)):
			files = append(files, name)
		}
	}
	return files, nil
}

// foreign reports whether a Parquet file that cannot be opened is none of ours:
// it has no head, and its footer is not there or is of a shape that captures
// never have.
func foreign(path string, err error) bool {
	if c, ok := errors.AsType[*CorruptError](err); !ok || c.Rule != RuleFile {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false
	}
	var magic [4]byte
	f.ReadAt(magic[:], 0)
	_, _, err = readHead(f, st.Size())
	return string(magic[:]) == parquet.Magic && err == errNoHead
}

// openFolder opens all captures in a folder and in the partitions below it.
func openFolder(dir string, opt *ReadOptions, damaged func(error) bool) (parts []*part, err error) {
	warn := opt.Warn
	files, err := inFolder(dir)
	if err != nil {
		return nil, err
	}
	var empty []*part
	var broken []error // files that are damaged
	bad := 0
	for _, name := range files {
		p, err := opt.open(name)
		if errors.Is(err, ErrNotCapture) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ELOOP) || err != nil && foreign(name, err) {
			warn(fmt.Errorf("left out: %w", err)) // other tables may lie beside a capture, and links to what is gone
			continue
		}
		if err != nil && damaged != nil && damaged(err) {
			bad++
			continue
		}
		if _, corrupt := errors.AsType[*CorruptError](err); damaged == nil && (corrupt || errors.Is(err, ErrIncomplete)) {
			broken = append(broken, err)
			continue
		}
		if err == nil && p.empty != "" {
			empty = append(empty, p)
			continue
		}
		if err != nil {
			return parts, err
		}
		parts = append(parts, p)
	}
	for i, p := range empty {
		if len(parts) == 0 && i == 0 {
			parts = append(parts, p) // nothing else is there
			continue
		}
		warn(fmt.Errorf("left out: %s: %s", p.name, p.empty))
		p.close()
	}
	if len(parts) == 0 && len(broken) > 0 {
		return nil, broken[0]
	}
	for _, err := range broken { // what the others hold is of use
		warn(&LeftOutError{err})
	}
	if len(parts) == 0 && bad == 0 {
		return nil, fmt.Errorf("%s: %w: no captures in the folder", dir, ErrNotCapture)
	}
	return parts, nil
}

// SeveralError is an attempt to read several recordings as one capture: their
// threads have the same ids.
type SeveralError struct {
	First, Other string   // two files of them
	Nodes        []string // the machines they are of
}

// Error names two of the files.
func (e *SeveralError) Error() string {
	return fmt.Sprintf("%s and %s are of different recordings", e.First, e.Other)
}

// ofNodes returns the parts that are of these machines, and closes the others.
func ofNodes(parts []*part, nodes []string) ([]*part, error) {
	if len(nodes) == 0 {
		return parts, nil
	}
	there := nodesOf(parts)
	var kept []*part
	for _, p := range parts {
		if slices.Contains(nodes, p.meta.Host.Name) {
			kept = append(kept, p)
			continue
		}
		p.close()
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("no recording is of %s; there are those of %s", strings.Join(nodes, ", "), strings.Join(there, ", "))
	}
	return kept, nil
}

// nodesOf returns the names of the machines that the parts are of, in order.
func nodesOf(parts []*part) (names []string) {
	for _, p := range parts {
		names = append(names, cmp.Or(p.meta.Host.Name, "a machine without a name"))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Recording is what the files of one recording among several are.
type Recording struct {
	CaptureID string
	Node      string   // the machine's name; "" if the capture does not tell
	Paths     []string // of its files, in the order of their names
}

// Recordings sorts the files that the paths name by recording, as [Open] would
// find them: captures, spools, folders and partitions. The recordings come in
// the order of their machines' names, and of their first rows. Of files that are
// left out opt.Warn is told.
func Recordings(paths []string, opt ReadOptions) ([]Recording, error) {
	if opt.Warn == nil {
		opt.Warn = func(error) {}
	}
	opt.metaOnly = true // there may be more than can be open at a time
	parts, err := openAll(paths, &opt, nil)
	if err != nil {
		return nil, err
	}
	defer func() { closeAll(parts) }()
	if parts, err = ofNodes(parts, opt.Nodes); err != nil {
		return nil, err
	}
	slices.SortStableFunc(parts, func(a, b *part) int {
		return cmp.Or(strings.Compare(a.meta.Host.Name, b.meta.Host.Name), cmp.Compare(begun(a.meta), begun(b.meta)),
			strings.Compare(a.meta.CaptureID, b.meta.CaptureID), cmp.Compare(a.meta.Part.Number, b.meta.Part.Number), strings.Compare(a.name, b.name))
	})
	var out []Recording
	for _, p := range parts {
		if n := len(out); n == 0 || out[n-1].CaptureID != p.meta.CaptureID {
			out = append(out, Recording{CaptureID: p.meta.CaptureID, Node: p.meta.Host.Name})
		}
		path := p.name
		if p.stream != nil || p.lent {
			path = "-"
		}
		last := &out[len(out)-1]
		last.Paths = append(last.Paths, path)
	}
	return out, nil
}

// begun returns the capture time at which a recording began, as far as it is
// known.
func begun(m *Meta) int64 {
	switch {
	case len(m.Probes) > 0:
		return m.Probes[0].AttachNS
	case len(m.Clock.Anchors) > 0:
		return m.Clock.Anchors[0].TS
	}
	return 0
}
