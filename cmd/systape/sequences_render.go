package main

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"systape/format"
	"systape/replay/sequences"
)

// render writes the view in the form that was asked for.
func (r *sequencesRun) render(w *resultFile) error {
	switch {
	case r.format == "table":
		return r.table(w.Writer)
	case r.format == "json":
		return r.json(w.Writer)
	case r.threads:
		return r.rows(w, sequencesThreadColumns, r.threadRow)
	case r.transitions:
		return r.rows(w, sequencesTransitionColumns, r.transitionRow)
	}
	return r.rows(w, sequencesColumnsOut, r.sequenceRow)
}

func (r *sequencesRun) sequences() ([]sequences.Sequence, int) {
	order := sequences.MostFirst
	if r.rare != "" {
		order = sequences.RarestFirst
	}
	return r.counter.Sequences(order, r.top, r.keep)
}

func (r *sequencesRun) table(w *bufio.Writer) error {
	fmt.Fprintf(w, "sequences of %d calls by %s, in the order of entry\n", r.n, r.by)
	r.summary(w)
	switch {
	case r.threads:
		r.foldTable(w, 0)
		return nil
	case r.transitions:
		r.transitionTable(w, 0)
		return nil
	}
	if r.folds != nil {
		r.foldTable(w, 90)
	}
	r.sequenceTable(w)
	if r.rare == "" {
		r.transitionTable(w, 5)
	}
	return nil
}

func (r *sequencesRun) summary(w io.Writer) {
	t := r.taken
	calls, rate := r.counter.Entropy()
	fmt.Fprintf(w, "%s %s in %s %s, %s windows, %s of them distinct\n", formatCount(t.Calls), plural(t.Calls, "call"), formatCount(t.Streams),
		plural(t.Streams, r.by), formatCount(r.counter.Windows()), formatCount(int64(r.counter.Distinct())))
	fmt.Fprintf(w, "entropy %.2f bits a call, %.2f when the call before is known\n", calls, rate)
	for _, n := range []struct {
		count int64
		what  string
	}{
		{t.Cuts, "cut where calls may have been lost"},
		{t.Programs, "cut where another program was executed"},
		{t.NotEntered, "calls were seen to return only"},
		{t.Folded, "calls continued an interrupted one and are folded into it"},
		{t.Refused, "calls were left out by the filters"},
	} {
		if n.count > 0 {
			fmt.Fprintf(w, "%s %s\n", formatCount(n.count), n.what)
		}
	}
	fmt.Fprintf(w, "coverage: %v\n", r.in.coverage)
}

func plural(n int64, word string) string {
	switch {
	case n == 1:
		return word
	case strings.HasSuffix(word, "s"):
		return word + "es"
	}
	return word + "s"
}

// sequencesWho names a stream.
func sequencesWho(by string, pid, tid int32, comm, container string) string {
	if container != "" && by != "container" {
		comm += " in " + container[:min(12, len(container))]
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

func (r *sequencesRun) foldTable(w io.Writer, limit int) {
	list, all := r.folds.Streams()
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\nwhat %s do\n", plural(2, r.by))
	for i := range list {
		s := &list[i]
		fmt.Fprintf(w, "  %s, %s %s\n", sequencesWho(r.by, s.PID, s.TID, s.Comm, s.Container), formatCount(s.Calls), plural(s.Calls, "call"))
		text, more := s.Folder.Text(r.alphabet, limit)
		if more == 0 || limit == 0 {
			wrap(w, text, "    ", 100)
			if more > 0 {
				fmt.Fprintf(w, "    … and %s more calls\n", formatCount(more))
			}
			continue
		}
		wrap(w, text+" …", "    ", 100)
		for _, l := range s.Folder.Loops(r.alphabet, 3) {
			if share := float64(l.Calls) / float64(s.Calls); share >= 0.02 {
				wrap(w, fmt.Sprintf("%s %s", latencyPad(formatPercent(share), 5), l.Text), "    ", 100)
			}
		}
	}
	if more := all - int64(len(list)); more > 0 {
		fmt.Fprintf(w, "  … and %s more %s with fewer calls\n", formatCount(more), plural(more, r.by))
	}
}

// wrap writes text in lines of about width characters, broken at blanks.
func wrap(w io.Writer, text, indent string, width int) {
	line := 0
	for i, word := range strings.Split(text, " ") {
		n := len([]rune(word))
		switch {
		case i == 0:
			io.WriteString(w, indent)
		case line+1+n > width:
			io.WriteString(w, "\n"+indent)
			line = 0
		default:
			io.WriteString(w, " ")
			line++
		}
		io.WriteString(w, word)
		line += n
	}
	io.WriteString(w, "\n")
}

func (r *sequencesRun) sequenceTable(w io.Writer) {
	list, matched := r.sequences()
	what := "most frequent sequences"
	if r.rare != "" {
		what = "rare sequences"
	}
	if len(list) == 0 {
		fmt.Fprintf(w, "\nno %s\n", strings.TrimPrefix(what, "most frequent "))
		return
	}
	fmt.Fprintf(w, "\n%s\n", what)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, s := range list {
		where := ""
		if r.rare != "" {
			where = fmt.Sprintf("   first at %s in %d/%d", latencyClock(s.First.TS), s.First.PID, s.First.TID)
		}
		fmt.Fprintf(t, "%s\t%s\t  %s%s\n", formatCount(s.Count), formatPercent(s.Share), sequences.FoldNames(r.alphabet.Names(s.IDs)), where)
	}
	t.Flush()
	if more := matched - len(list); more > 0 {
		fmt.Fprintf(w, "  … and %s more\n", formatCount(int64(more)))
	}
}

// transitionTable writes the matrix row by row: each call, and what follows
// upon it, the most probable first.
func (r *sequencesRun) transitionTable(w io.Writer, each int) {
	type row struct {
		from  sequences.ID
		total int64
		next  []sequences.Transition
	}
	var rows []*row
	byID := map[sequences.ID]*row{}
	for _, t := range r.counter.Transitions() {
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
		return
	}
	sortRows(rows, func(x *row) (int64, string) { return x.total, r.alphabet.Name(x.from) })
	all := len(rows)
	if r.top > 0 && all > r.top {
		rows = rows[:r.top]
	}
	fmt.Fprintf(w, "\nwhat follows upon what\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, x := range rows {
		var next []string
		for i, n := range x.next {
			if each > 0 && i == each && len(x.next) > each+1 {
				next = append(next, fmt.Sprintf("and %d others", len(x.next)-i))
				break
			}
			next = append(next, fmt.Sprintf("%s %s", r.alphabet.Name(n.To), formatPercent(n.P)))
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\n", r.alphabet.Name(x.from), latencyPad(formatCount(x.total), 9), strings.Join(next, ", "))
	}
	t.Flush()
	if more := all - len(rows); more > 0 {
		fmt.Fprintf(w, "  … and %d more calls\n", more)
	}
}

// sequencesJSON is the form that DESIGN fixes; later keys are additions.
type sequencesJSON struct {
	Coverage    any              `json:"coverage"`
	By          string           `json:"by"`
	N           int              `json:"n"`
	Windows     int64            `json:"windows"`
	Distinct    int              `json:"distinct"`
	Sequences   []sequenceJSON   `json:"sequences"`
	Transitions []transitionJSON `json:"transitions"`

	Entropy     float64      `json:"entropy_bits"`
	EntropyRate float64      `json:"entropy_rate_bits"`
	Order       string       `json:"order"`
	Restarts    string       `json:"restarts"`
	WithErrors  bool         `json:"with_errors"`
	Streams     int64        `json:"streams"`
	Calls       int64        `json:"calls"`
	CutsLost    int64        `json:"cuts_lost"`
	CutsExec    int64        `json:"cuts_exec"`
	Threads     []threadJSON `json:"threads,omitempty"`
}

type sequenceJSON struct {
	Calls []string `json:"calls"`
	Count int64    `json:"count"`
	Share float64  `json:"share"`
	First int64    `json:"first_ns,omitempty"`
	PID   int32    `json:"first_pid,omitempty"`
	TID   int32    `json:"first_tid,omitempty"`
}

type transitionJSON struct {
	From  string  `json:"from"`
	To    string  `json:"to"`
	Count int64   `json:"count"`
	P     float64 `json:"p"`
}

type threadJSON struct {
	PID       int32  `json:"pid"`
	TID       int32  `json:"tid"`
	Comm      string `json:"comm"`
	Container string `json:"container"`
	FirstNS   int64  `json:"first_ns"`
	LastNS    int64  `json:"last_ns"`
	Calls     int64  `json:"calls"`
	Folded    string `json:"folded"`
	More      int64  `json:"more"`
}

func (r *sequencesRun) json(w io.Writer) error {
	list, _ := r.sequences()
	calls, rate := r.counter.Entropy()
	j := sequencesJSON{Coverage: r.in.coverage, By: r.by, N: r.n, Windows: r.counter.Windows(), Distinct: r.counter.Distinct(),
		Sequences: []sequenceJSON{}, Transitions: []transitionJSON{}, Entropy: calls, EntropyRate: rate, Order: "entry",
		Restarts: r.restarts, WithErrors: r.withErrors, Streams: r.taken.Streams, Calls: r.taken.Calls,
		CutsLost: r.taken.Cuts, CutsExec: r.taken.Programs}
	for _, s := range list {
		j.Sequences = append(j.Sequences, sequenceJSON{r.alphabet.Names(s.IDs), s.Count, s.Share, s.First.TS, s.First.PID, s.First.TID})
	}
	for _, t := range r.counter.Transitions() {
		j.Transitions = append(j.Transitions, transitionJSON{r.alphabet.Name(t.From), r.alphabet.Name(t.To), t.Count, t.P})
	}
	if r.folds != nil {
		folded, _ := r.folds.Streams()
		for i := range folded {
			s := &folded[i]
			text, more := s.Folder.Text(r.alphabet, 0)
			j.Threads = append(j.Threads, threadJSON{s.PID, s.TID, s.Comm, s.Container, s.FirstTS, s.LastTS, s.Calls, text, more})
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(j)
}

var (
	sequencesColumnsOut = []format.Column{{Name: "calls", Type: format.String}, {Name: "count", Type: format.Int64}, {Name: "share", Type: format.Float64},
		{Name: "first_ns", Type: format.Int64}, {Name: "first_pid", Type: format.Int32}, {Name: "first_tid", Type: format.Int32}}
	sequencesTransitionColumns = []format.Column{{Name: "from", Type: format.String}, {Name: "to", Type: format.String},
		{Name: "count", Type: format.Int64}, {Name: "p", Type: format.Float64}}
	sequencesThreadColumns = []format.Column{{Name: "pid", Type: format.Int32}, {Name: "tid", Type: format.Int32}, {Name: "comm", Type: format.String},
		{Name: "container", Type: format.String}, {Name: "first_ns", Type: format.Int64}, {Name: "last_ns", Type: format.Int64},
		{Name: "calls", Type: format.Int64}, {Name: "folded", Type: format.String}, {Name: "more", Type: format.Int64}}
)

func (r *sequencesRun) sequenceRow(put func(...any) error) error {
	list, _ := r.sequences()
	for _, s := range list {
		if err := put(strings.Join(r.alphabet.Names(s.IDs), " "), s.Count, s.Share, s.First.TS, s.First.PID, s.First.TID); err != nil {
			return err
		}
	}
	return nil
}

func (r *sequencesRun) transitionRow(put func(...any) error) error {
	for i, t := range r.counter.Transitions() {
		if r.top > 0 && i == r.top {
			break
		}
		if err := put(r.alphabet.Name(t.From), r.alphabet.Name(t.To), t.Count, t.P); err != nil {
			return err
		}
	}
	return nil
}

func (r *sequencesRun) threadRow(put func(...any) error) error {
	list, _ := r.folds.Streams()
	for i := range list {
		s := &list[i]
		text, more := s.Folder.Text(r.alphabet, 0)
		if err := put(s.PID, s.TID, s.Comm, s.Container, s.FirstTS, s.LastTS, s.Calls, text, more); err != nil {
			return err
		}
	}
	return nil
}

// rows writes a view as rows, in one of the machine formats.
func (r *sequencesRun) rows(w io.Writer, cols []format.Column, fill func(put func(...any) error) error) error {
	switch r.format {
	case "csv":
		c := csv.NewWriter(w)
		head := make([]string, len(cols))
		for i := range cols {
			head[i] = cols[i].Name
		}
		if err := c.Write(head); err != nil {
			return err
		}
		if err := fill(func(row ...any) error {
			for i, v := range row {
				if f, ok := v.(float64); ok {
					head[i] = strconv.FormatFloat(f, 'g', -1, 64)
				} else {
					head[i] = fmt.Sprint(v)
				}
			}
			return c.Write(head)
		}); err != nil {
			return err
		}
		c.Flush()
		return c.Error()
	case "jsonl":
		return fill(func(row ...any) error {
			line := []byte{'{'}
			for i, v := range row {
				if i > 0 {
					line = append(line, ',')
				}
				if cols[i].Name == "calls" && cols[i].Type == format.String {
					v = strings.Fields(v.(string))
				}
				value, err := json.Marshal(v)
				if err != nil {
					return err
				}
				line = append(append(append(line, '"'), cols[i].Name...), '"', ':')
				line = append(line, value...)
			}
			_, err := w.Write(append(line, '}', '\n'))
			return err
		})
	}
	t, err := format.NewTableWriter(w, format.Parquet, cols, nil)
	if err != nil {
		return err
	}
	n := 0
	if err := fill(func(row ...any) error {
		for i, v := range row {
			switch v := v.(type) {
			case string:
				*t.Strings(i) = append(*t.Strings(i), v)
			case int64:
				*t.Int64(i) = append(*t.Int64(i), v)
			case int32:
				*t.Int32(i) = append(*t.Int32(i), v)
			case float64:
				*t.Float64(i) = append(*t.Float64(i), v)
			}
		}
		if n++; n%8192 == 0 {
			return t.Flush()
		}
		return nil
	}); err != nil {
		return err
	}
	return t.Close()
}

// sortRows sorts by count, the largest first, and then by name.
func sortRows[T any](rows []T, key func(T) (int64, string)) {
	slices.SortFunc(rows, func(a, b T) int {
		n, x := key(a)
		m, y := key(b)
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(x, y))
	})
}
