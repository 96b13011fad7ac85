// Package views is what the results of commands look like: tables and
// sentences for people, columns for machines, pictures. Results come from the
// packages below replay as typed values; how they are made is not known here.
package views

import (
	"fmt"
	"io"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/units"
)

// Capture is what a view says about the capture that its result rests on;
// [replay.Session] is one.
type Capture interface {
	Meta() *format.Meta
	Symbols() *format.SymbolTable
	Coverage() replay.Coverage
	Losses() []replay.LossSpan
	Counted() ([]replay.Counted, bool)
	Warn(error)
}

// Frame is what all views have: where they go and how.
type Frame struct {
	Capture
	Out   io.Writer
	Style out.Style
	Form  string // table, one of out.RecordForms, svg or png
	// Origin is the metadata of a table: where it comes from.
	Origin map[string]string
	Of     string // what tables are of, before their names: latency, sequences

	notes []string          // lines below what people read
	clock *format.WallClock // of the capture, once it was asked for
}

// Machines is a Capture that is the recordings of several machines, one after
// the other on the clock that their walls showed. Its Meta tells what they have
// in common.
type Machines interface {
	Capture
	Each() []*format.Meta
	// LossesOf are those of one machine, by its number.
	LossesOf(node int) []replay.LossSpan
	// CountedOf gives fn the exact numbers of calls of each recording, and the
	// machine's number; ok is false if they are not known of all.
	CountedOf(fn func(node int, counted []replay.Counted)) (ok bool)
}

// about is the value that tells machines what a result is of.
func (f *Frame) about() out.Value {
	if m, several := f.Capture.(Machines); several {
		return out.Value{Name: "captures", Value: m.Each()}
	}
	return out.Value{Name: "capture", Value: f.Meta()}
}

// people reports whether the result is a table for people.
func (f *Frame) people() bool { return f.Form == "table" }

// println writes a line for people. What comes from a capture has been escaped.
func (f *Frame) println(parts ...any) { fmt.Fprintln(f.Out, parts...) }

// note adds a line below the result.
func (f *Frame) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

// name is a name of the capture, fit to be shown.
func (f *Frame) name(s format.Symbol) string { return escape.Text(f.Symbols().String(s)) }

// comm is the name of a thread, fit to be shown where it stands alone: "" in
// quotes for a thread without a name, ? where the capture has none.
func (f *Frame) comm(name string) string {
	if name == "" && f.Capture != nil && f.Meta().Lacks("comm") {
		return "?"
	}
	return escape.Name(name)
}

// date is the time of day at a capture time, with its day.
func (f *Frame) date(ns int64) string { return units.Date(f.wall(ns)) }

// timeOfDay is the time of day at a capture time.
func (f *Frame) timeOfDay(ns int64) string { return units.Clock(f.wall(ns)) }

// wall is what the clock of the recorded machine showed at a capture time.
func (f *Frame) wall(ns int64) int64 {
	if f.clock == nil {
		clock := f.Meta().Clock.Wall()
		f.clock = &clock
	}
	return f.clock.At(ns)
}

// Footer ends what people read with notes and the coverage. Beside what
// machines read it tells both on stderr; JSON has the coverage in it.
func (f *Frame) Footer(stderr io.Writer) error {
	w, dim := f.Out, f.Style.Dim
	switch {
	case f.Form == "json":
		return nil
	case !f.people():
		w, dim = stderr, func(s string) string { return s }
	}
	for _, n := range append(f.notes, "coverage: "+f.Coverage().String()) {
		if f.Style.Width == 0 {
			fmt.Fprintln(w, dim(n))
			continue
		}
		var lines strings.Builder
		out.Wrap(&lines, n, "", f.Style.Width)
		fmt.Fprintln(w, dim(strings.TrimSuffix(lines.String(), "\n")))
	}
	return nil
}

// rest says how many rows are not shown.
func (f *Frame) rest(n int) {
	if n > 0 {
		f.println(f.Style.Dim(fmt.Sprintf("and %s more; --top 0 shows all", countInt(n))))
	}
}

// loss is a stretch of lost events in JSON.
type loss struct {
	FirstNS int64 `json:"first_ns"`
	LastNS  int64 `json:"last_ns"`
	Events  int64 `json:"events"`
}

// losses is the value that tells machines when events were lost.
func (f *Frame) losses() out.Value {
	list := []loss{}
	for _, s := range f.Losses() {
		list = append(list, loss{s.First, s.Last, s.Events})
	}
	return out.Value{Name: "losses", Value: list}
}
