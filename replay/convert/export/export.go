// Package export writes captures for the tools that people have: Perfetto,
// Chrome's trace viewer, the Firefox profiler, flame graphs, pprof and strace's
// readers. Each format can hold a part of what a capture knows; what it cannot,
// [Exporter.Finish] returns in words.
package export

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/units"
)

// Options say what to export.
type Options struct {
	Symbols *format.SymbolTable // of the batches and calls
	Meta    *format.Meta        // of the capture; nil: it says nothing about itself
	// Closing returns what the capture says about itself at the end, which a
	// spool knows only then; nil: the same as Meta.
	Closing func() *format.Meta
	Filter  *replay.Filter // chooses calls; nil: all
	Weight  Weight         // of Folded and PProf
	// Limit bounds the calls of formats that must be held in memory as a
	// whole (Firefox); 0: 1,000,000. Those beyond it are left out.
	Limit int
}

// Weight says what the width of a stack means.
type Weight uint8

const (
	Time  Weight = iota // nanoseconds in calls
	Count               // calls
)

// Exporter turns a capture into one format. Push gets every batch with the
// calls that a [replay.Pairer] found to end in it, unfiltered.
type Exporter interface {
	Push(b *format.Batch, calls []replay.Call) error
	// Finish takes the calls that were open at the end, writes what is left,
	// and says in sentences what the format could not hold.
	Finish(calls []replay.Call) (notes []string, err error)
}

type constructor func(w *bufio.Writer, o Options) Exporter

var formats = []struct {
	name    string
	make    constructor
	endings []string // of files of this format
}{
	{"perfetto", newPerfetto, []string{".pftrace", ".perfetto-trace", ".perfetto"}},
	{"chrome", newChrome, []string{".chrome.json", ".trace.json"}},
	{"firefox", newFirefox, []string{".firefox.json", ".profile.json"}},
	{"folded", newFolded, []string{".folded", ".collapsed"}},
	{"pprof", newPProf, []string{".pb.gz", ".pprof"}},
	{"jsonl", newJSONL, []string{".jsonl", ".ndjson"}},
	{"strace", newStrace, []string{".strace"}},
	{"tracee", newTracee, []string{".tracee.json", ".tracee"}},
}

// FormatOf returns the format that a file's name stands for, such as perfetto
// for x.pftrace; "" when it stands for none.
func FormatOf(file string) string {
	for _, f := range formats {
		for _, e := range f.endings {
			if strings.HasSuffix(file, e) {
				return f.name
			}
		}
	}
	return ""
}

// Formats lists the formats that [New] knows.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// Columns are the columns of the events table that exporters need.
const Columns = format.AllColumns

// New returns an exporter of the format to w.
func New(formatName string, w io.Writer, o Options) (Exporter, error) {
	if o.Meta == nil {
		o.Meta = &format.Meta{}
	}
	if o.Limit == 0 {
		o.Limit = 1_000_000
	}
	for _, f := range formats {
		if f.name == formatName {
			return f.make(bufio.NewWriterSize(w, 256<<10), o), nil
		}
	}
	return nil, fmt.Errorf("unknown format %q: want one of %v", formatName, Formats())
}

// visitor sees calls and rows in the order in which they end and happen.
type visitor interface {
	call(c *replay.Call)
	row(b *format.Batch, i int) // rows that are no calls
}

// walker feeds a visitor, and counts what becomes of the calls.
type walker struct {
	o       Options
	v       visitor
	started bool
	first   int64 // capture time of the first row
	last    int64
	shown   [replay.NumStatuses]int64
	lost    int64
}

func (w *walker) push(b *format.Batch, calls []replay.Call) {
	for i := range b.N {
		if !w.started {
			w.started, w.first = true, b.TS[i]
		}
		w.last = b.TS[i]
		for len(calls) > 0 && calls[0].EndSeq <= b.Seq[i] {
			w.one(&calls[0])
			calls = calls[1:]
		}
		if k := b.Kind[i]; k > format.Exit {
			if k == format.Lost {
				w.lost += b.Args[format.LostCount][i]
			}
			w.v.row(b, i)
		}
	}
	w.rest(calls)
}

func (w *walker) rest(calls []replay.Call) {
	for i := range calls {
		w.one(&calls[i])
	}
}

func (w *walker) one(c *replay.Call) {
	if w.o.Filter != nil && !w.o.Filter.Match(c, w.o.Symbols) {
		return
	}
	w.shown[c.Status]++
	w.v.call(c)
}

// instants counts the calls of which only one end is known.
func (w *walker) instants() (n int64) {
	for s, k := range w.shown {
		if !hasSpan(replay.Status(s)) {
			n += k
		}
	}
	return n
}

// hasSpan reports whether calls of a status have a beginning and an end, or
// are known to have been running for a time.
func hasSpan(s replay.Status) bool {
	switch s {
	case replay.OK, replay.Restarted, replay.Sigreturn, replay.Mismatch, replay.OpenAtStart, replay.OpenAtEnd, replay.Killed:
		return true
	}
	return false
}

// measured reports whether the duration of a call is exact.
func measured(s replay.Status) bool { return s == replay.OK || s == replay.Restarted }

// count writes n of something.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return units.Count(n) + " " + many
}

func lossNote(lost int64) []string {
	if lost == 0 {
		return nil
	}
	return []string{count(lost, "event was", "events were") + " lost while recording; the export shows what is there"}
}

// threads follows which thread a tid stands for: ids are used again.
type threads[T any] struct {
	live map[int32]*T
	next uint64
}

// of returns the thread of a tid, made by make when it is new. id is never
// used for another thread.
func (t *threads[T]) of(tid int32, make func(id uint64) *T) *T {
	if th, ok := t.live[tid]; ok {
		return th
	}
	if t.live == nil {
		t.live = map[int32]*T{}
	}
	t.next++
	th := make(t.next)
	t.live[tid] = th
	return th
}

// end forgets the thread of a tid.
func (t *threads[T]) end(tid int32) { delete(t.live, tid) }

// shownName is a thread's name for people.
func shownName(names *format.SymbolTable, comm format.Symbol, tid int32) string {
	if n := names.String(comm); n != "" {
		return n
	}
	return fmt.Sprintf("thread %d", tid)
}

// statusList counts statuses for notes: "1 denied, 3 killed".
func statusList(shown [replay.NumStatuses]int64, want func(replay.Status) bool) string {
	var parts []string
	for s, n := range shown {
		if n > 0 && want(replay.Status(s)) {
			parts = append(parts, fmt.Sprintf("%d %s", n, replay.Status(s)))
		}
	}
	slices.Sort(parts)
	return join(parts)
}

func join(parts []string) string {
	s := ""
	for i, p := range parts {
		if i > 0 {
			s += ", "
		}
		s += p
	}
	return s
}

// instantAt is when a call without a span is known to have happened.
func instantAt(c *replay.Call) int64 {
	if c.EnterSeq >= 0 {
		return c.StartNS
	}
	return c.StartNS + c.DurNS
}
