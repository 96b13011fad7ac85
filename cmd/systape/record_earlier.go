package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"systape/format"
	"systape/format/signature"
)

// timeInName is what can stand after a % in the name of parts: how time.Format
// writes it, and what it can be in a name.
var timeInName = map[byte]struct{ layout, like string }{
	'Y': {"2006", `\d{4}`}, 'm': {"01", `\d{2}`}, 'd': {"02", `\d{2}`}, 'H': {"15", `\d{2}`}, 'M': {"04", `\d{2}`}, 'S': {"05", `\d{2}`},
	'y': {"06", `\d{2}`}, 'F': {"2006-01-02", `\d{4}-\d{2}-\d{2}`}, 'j': {"002", `\d{3}`}, 'z': {"-0700", `[+-]\d{4}`},
}

// namesLike returns what the names of all files match that recorders of parts make
// of a name without folders, at whatever times.
func namesLike(name string) *regexp.Regexp {
	quote := func(text string) string {
		var b strings.Builder
		for i := 0; i < len(text); i++ {
			if text[i] != '%' || i+1 == len(text) {
				b.WriteString(regexp.QuoteMeta(text[i : i+1]))
				continue
			}
			switch i++; text[i] {
			case 's':
				b.WriteString(`\d+`)
			case '%':
				b.WriteByte('%')
			default:
				b.WriteString(timeInName[text[i]].like)
			}
		}
		return b.String()
	}
	ext := filepath.Ext(name)
	return regexp.MustCompile(`^` + quote(strings.TrimSuffix(name, ext)) + `(-\d{5,}(-\d+)?)?` + quote(ext) + `$`)
}

// leftover is a file that an earlier recorder of the same name left.
type leftover struct {
	path  string // of the capture, or of the spool if there is none
	spool bool
}

// leftovers returns the captures in the folder of the files to come whose names
// recorders of this name make, and the spools that are none yet, in the order of
// their names. Whether they are a recorder's their contents must say.
func (r *rotation) leftovers() (left []leftover) {
	dir, err := formatTime(filepath.Dir(r.name), time.Now())
	if err != nil {
		return nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	like := namesLike(r.like)
	for _, e := range list {
		name, spool := strings.CutSuffix(e.Name(), format.SpoolSuffix)
		path := filepath.Join(dir, name)
		if !like.MatchString(name) || !e.Type().IsRegular() || spool && !missing(path) {
			continue
		}
		if spool {
			path += format.SpoolSuffix
		}
		left = append(left, leftover{path, spool})
	}
	return left
}

// lock reports whether somebody writes the spool.
func (l leftover) lock() format.LockState {
	f, err := os.Open(l.path)
	if err != nil {
		return format.LockUnknown
	}
	defer f.Close()
	return format.SpoolLock(f)
}

// cutOff returns the spools among what earlier recorders left that nobody writes.
func cutOff(left []leftover) (spools []string) {
	for _, l := range left {
		if l.spool && l.lock() == format.LockFree {
			spools = append(spools, l.path)
		}
	}
	return spools
}

// goOn returns the ids of the recordings in the folder that go on; ok is false when
// they cannot be told. A recorder that goes on has a spool at any time, but it
// may be seen between two of them, or with one whose first bytes are not there yet.
func (r *rotation) goOn() (ids map[string]bool, ok bool) {
	for range 40 {
		ids, ok = map[string]bool{}, true
		for _, l := range r.leftovers() {
			if !l.spool {
				continue
			}
			if l.lock() == format.LockFree {
				continue
			}
			m := l.meta()
			if ok = m != nil; !ok {
				break
			}
			ids[m.CaptureID] = true
		}
		if ok {
			return ids, true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, false
}

// meta is what the file says of its recording; nil if it says nothing, or not when
// it began: its recorder may have written nothing yet.
func (l leftover) meta() *format.Meta {
	parts, err := format.Parts([]string{l.path}, format.ReadOptions{})
	if err != nil || len(parts) != 1 || len(parts[0].Meta.Clock.Anchors) == 0 {
		return nil
	}
	return parts[0].Meta
}

// adopt counts what earlier recorders left among the files that are kept, and
// removes what is too much. A file is counted if it says that it comes from a
// recorder of this machine and this name that was told to keep the latest ones, and
// that recording does not go on.
func (r *rotation) adopt(left []leftover) {
	if r.flags.count == 0 {
		return
	}
	type file struct {
		path, capture string
		began         int64
	}
	var files []file
	host, _ := os.Hostname()
	for _, l := range left {
		m := l.meta()
		if m == nil || l.spool && l.lock() != format.LockFree {
			continue
		}
		k := m.Request.Keep
		if k == nil || k.Name != r.like || m.Host.Name != host {
			continue
		}
		files = append(files, file{l.path, m.CaptureID, m.Clock.Anchors[0].RealNS})
	}
	if len(files) == 0 {
		return
	}
	goesOn, ok := r.goOn()
	if !ok {
		r.warn(errors.New("what earlier recorders left is not counted: a spool among it is being written, and does not say of which recording"))
		return
	}
	files = slices.DeleteFunc(files, func(f file) bool { return goesOn[f.capture] })
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.began, b.began) })
	r.mu.Lock()
	for _, f := range files {
		r.earlier = append(r.earlier, f.path)
	}
	old := r.excess()
	r.mu.Unlock()
	r.remove(old)
}

// excess takes the oldest files from the lists of those that are kept, as many as
// there are too many. It is called with the lock held.
func (r *rotation) excess() (old []string) {
	for r.flags.count > 0 && len(r.earlier)+len(r.kept) > r.flags.count {
		list := &r.kept
		if len(r.earlier) > 0 {
			list = &r.earlier
		}
		old, *list = append(old, (*list)[0]), (*list)[1:]
		r.removed++
	}
	return old
}

// remove removes files, and their signatures where there are any.
func (r *rotation) remove(old []string) {
	for _, path := range old {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // -z may have taken it
			r.warn(fmt.Errorf("remove the oldest %s: %w", r.each, err))
		}
		if capture, spool := strings.CutSuffix(path, format.SpoolSuffix); spool {
			os.Remove(format.PartialName(capture)) // what was sealed of it when it was cut off
		}
		if r.signing.signer != nil {
			os.Remove(path + signature.Suffix) // of nothing, and found to be so
		}
	}
}
