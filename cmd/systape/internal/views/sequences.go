package views

import (
	"fmt"
	"iter"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay/escape"
	"systape/replay/sequences"
	"systape/replay/units"
)

// Sequences is what the threads of a capture do.
type Sequences struct {
	Frame
	Counter  *sequences.Counter
	Alphabet *sequences.Alphabet
	Folds    *sequences.Folds // nil: not asked for
	Taken    sequences.Taken
	N        int
	By       string
	Top      int // rows to show; 0: all
	// Keep chooses sequences by count and share; nil: all of them, the most
	// frequent first, else the rarest.
	Keep                 func(count int64, share float64) bool
	Transitions, Threads bool // the view: transitions or threads alone
	WithErrors           bool
	Paths                []string // that tell calls apart
	Restarts             string
}

// Write writes the view that was asked for.
func (s *Sequences) Write() error {
	switch {
	case s.people():
		return s.table()
	case s.Form == "json":
		return s.json()
	case s.Threads:
		return s.threadRecords()
	case s.Transitions:
		list := s.Counter.Transitions()
		if s.Top > 0 {
			list = list[:min(len(list), s.Top)]
		}
		return writeRecords(&s.Frame, "transitions", s.transitionFields(), list)
	}
	return s.sequenceRecords()
}

// each goes over the sequences to show, of all those that match. Each is
// valid until the next one.
func (s *Sequences) each() (all iter.Seq[*sequences.Sequence], matched int) {
	order := sequences.MostFirst
	if s.Keep != nil {
		order = sequences.RarestFirst
	}
	return s.Counter.EachSequence(order, s.Top, s.Keep)
}

func (s *Sequences) sequenceRecords() error {
	rec, err := records(&s.Frame, "sequences", s.sequenceFields())
	if err != nil {
		return err
	}
	all, _ := s.each()
	for q := range all {
		if err := rec.Write([]sequences.Sequence{*q}); err != nil {
			return err
		}
	}
	return rec.Close()
}

// names of calls, joined by blanks.
func (s *Sequences) names(ids []sequences.ID) string { return strings.Join(s.Alphabet.Names(ids), " ") }

func (s *Sequences) sequenceFields() []out.Field[sequences.Sequence] {
	type row = sequences.Sequence
	return []out.Field[row]{
		out.List("calls", func(r *row) string { return s.names(r.IDs) }, func(r *row) any { return s.Alphabet.Names(r.IDs) }),
		out.Int("count", func(r *row) int64 { return r.Count }),
		out.Float("share", func(r *row) float64 { return r.Share }),
		out.Int("first_ns", func(r *row) int64 { return r.First.TS }),
		out.Int32("first_pid", func(r *row) int64 { return int64(r.First.PID) }),
		out.Int32("first_tid", func(r *row) int64 { return int64(r.First.TID) }),
	}
}

func (s *Sequences) transitionFields() []out.Field[sequences.Transition] {
	type row = sequences.Transition
	return []out.Field[row]{
		out.Text("from", func(r *row) string { return s.Alphabet.Name(r.From) }),
		out.Text("to", func(r *row) string { return s.Alphabet.Name(r.To) }),
		out.Int("count", func(r *row) int64 { return r.Count }),
		out.Float("p", func(r *row) float64 { return r.P }),
	}
}

// threadRow is one stream with its calls written down.
type threadRow struct {
	*sequences.FoldedStream
	text string
	more int64
}

func (s *Sequences) threadRecords() error {
	rec, err := records(&s.Frame, "threads", []out.Field[threadRow]{
		out.Int32("pid", func(r *threadRow) int64 { return int64(r.PID) }),
		out.Int32("tid", func(r *threadRow) int64 { return int64(r.TID) }),
		out.Text("comm", func(r *threadRow) string { return r.Comm }),
		out.Text("container", func(r *threadRow) string { return r.Container }),
		out.Int("first_ns", func(r *threadRow) int64 { return r.FirstTS }),
		out.Int("last_ns", func(r *threadRow) int64 { return r.LastTS }),
		out.Int("calls", func(r *threadRow) int64 { return r.Calls }),
		out.Text("folded", func(r *threadRow) string { return r.text }),
		out.Int("more", func(r *threadRow) int64 { return r.more }),
	})
	if err != nil {
		return err
	}
	for f := range s.Folds.Streams() { // the text of one at a time
		text, more := f.Folder.Text(s.Alphabet, 0)
		if err := rec.Write([]threadRow{{f, text, more}}); err != nil {
			return err
		}
	}
	return rec.Close()
}

func (s *Sequences) table() error {
	s.println(fmt.Sprintf("sequences of %d calls by %s, in the order of entry", s.N, s.By))
	s.summary()
	switch {
	case s.Threads:
		s.foldTable(0)
		return nil
	case s.Transitions:
		return s.transitionTable(0)
	}
	if s.Folds != nil {
		s.foldTable(90)
	}
	if err := s.sequenceTable(); err != nil || s.Keep != nil {
		return err
	}
	return s.transitionTable(5)
}

func (s *Sequences) summary() {
	for _, line := range s.Summary() {
		s.println(line)
	}
	s.println("coverage:", s.Coverage().String())
}

// Summary says in sentences how much was counted, how predictable it is, and
// where sequences were cut.
func (s *Sequences) Summary() []string {
	t := s.Taken
	lines := []string{fmt.Sprintf("%s in %s, %s, %s of them distinct", units.Counted(t.Calls, "call"), units.Counted(t.Streams, s.By),
		units.Counted(s.Counter.Windows(), "window"), countInt(s.Counter.Distinct()))}
	if t.Calls > 0 {
		calls, rate := s.Counter.Entropy()
		lines = append(lines, fmt.Sprintf("entropy %.2f bits a call, %.2f when the call before is known", calls, rate))
	}
	for _, n := range []struct {
		count int64
		what  string
	}{
		{t.Cuts, "cut where calls may have been lost"},
		{t.Programs, "cut where another program was executed"},
		{t.NotEntered, "calls were seen to return only"},
		{t.Continued, "calls continued an interrupted one and are folded into it"},
		{t.Refused, "calls were left out by the filters"},
	} {
		if n.count > 0 {
			lines = append(lines, units.Count(n.count)+" "+n.what)
		}
	}
	return lines
}

// streamName names a stream, as people read it.
func (f *Frame) streamName(by string, pid, tid int32, comm, container string) string {
	comm, container = f.comm(comm), escape.Text(container)
	if container != "" && by != "container" {
		comm += " in " + out.Snip(container, 12)
	}
	switch by {
	case "thread":
		return strings.TrimSpace(fmt.Sprintf("%d/%d %s", pid, tid, comm))
	case "process":
		return strings.TrimSpace(fmt.Sprintf("%d %s", pid, comm))
	case "container":
		if container == "" {
			return "host"
		}
		return container
	}
	return "capture"
}

func (s *Sequences) foldTable(limit int) {
	kept, all := s.Folds.Count()
	if kept == 0 {
		return
	}
	s.println("\nwhat " + units.Plural(2, s.By) + " do")
	for f := range s.Folds.Streams() {
		s.println("  " + s.streamName(s.By, f.PID, f.TID, f.Comm, f.Container) + ", " + units.Counted(f.Calls, "call"))
		text, more := f.Folder.Text(s.Alphabet, limit)
		text = escape.Text(text)
		if more == 0 || limit == 0 {
			out.Wrap(s.Out, text, "    ", 100)
			if more > 0 {
				s.println(fmt.Sprintf("    … and %s more calls", units.Count(more)))
			}
			continue
		}
		out.Wrap(s.Out, text+" …", "    ", 100)
		for _, l := range f.Folder.Loops(s.Alphabet, 3) {
			if share := float64(l.Calls) / float64(f.Calls); share >= 0.02 {
				out.Wrap(s.Out, out.Pad(units.ShareCell(share), 5)+" "+escape.Text(l.Text), "    ", 100)
			}
		}
	}
	if more := all - int64(kept); more > 0 {
		s.println(fmt.Sprintf("  … and %s more %s with fewer calls", units.Count(more), units.Plural(more, s.By)))
	}
}

func (s *Sequences) sequenceTable() error {
	all, matched := s.each()
	what := "most frequent sequences"
	if s.Keep != nil {
		what = "rare sequences"
	}
	if matched == 0 {
		s.println("\nno " + strings.TrimPrefix(what, "most frequent "))
		return nil
	}
	s.println("\n" + what)
	t := out.Table{Columns: out.Columns(">", ">", ""), Indent: "  "}
	shown := 0
	for q := range all {
		shown++
		where := ""
		if s.Keep != nil {
			where = fmt.Sprintf("   first at %s in %d/%d", s.timeOfDay(q.First.TS), q.First.PID, q.First.TID)
		}
		t.Add(units.Count(q.Count), units.ShareCell(q.Share), sequences.FoldNames(s.Alphabet.Names(q.IDs))+where)
	}
	if err := t.Write(s.Out, s.Style); err != nil {
		return err
	}
	if more := matched - shown; more > 0 {
		s.println(fmt.Sprintf("  … and %s more", countInt(more)))
	}
	return nil
}

// transitionTable writes the matrix row by row: each call, and what follows
// upon it, the most probable first; each of them at most, 0 for all.
func (s *Sequences) transitionTable(each int) error {
	type row struct {
		from  sequences.ID
		total int64
		next  []sequences.Transition
	}
	var rows []*row
	byID := map[sequences.ID]*row{}
	for _, t := range s.Counter.Transitions() {
		x := byID[t.From]
		if x == nil {
			x = &row{from: t.From}
			byID[t.From] = x
			rows = append(rows, x)
		}
		x.total += t.Count
		x.next = append(x.next, t)
	}
	if len(rows) == 0 {
		return nil
	}
	sortRows(rows, func(x *row) (int64, string) { return x.total, s.Alphabet.Name(x.from) })
	all := len(rows)
	if s.Top > 0 && all > s.Top {
		rows = rows[:s.Top]
	}
	s.println("\nwhat follows upon what")
	t := out.Table{Columns: out.Columns("", ">", ""), Indent: "  "}
	t.Columns[1].Min = 9
	for _, x := range rows {
		var next []string
		for i, n := range x.next {
			if each > 0 && i == each && len(x.next) > each+1 {
				next = append(next, fmt.Sprintf("and %d others", len(x.next)-i))
				break
			}
			next = append(next, s.Alphabet.Name(n.To)+" "+units.ShareCell(n.P))
		}
		t.Add(s.Alphabet.Name(x.from), units.Count(x.total), strings.Join(next, ", "))
	}
	if err := t.Write(s.Out, s.Style); err != nil {
		return err
	}
	if more := all - len(rows); more > 0 {
		s.println(fmt.Sprintf("  … and %d more calls", more))
	}
	return nil
}
