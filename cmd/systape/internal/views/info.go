package views

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"systape/cmd/systape/internal/out"
	"systape/format"
	"systape/format/abi"
	"systape/format/signature"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/redact"
	"systape/replay/units"
)

// Info is what a capture is: what it says about itself, what it is made of,
// and what became of its calls.
type Info struct {
	*format.Info
	Calls      *InfoCalls             // nil: the capture could not be paired
	Signatures []*signature.Signature // one for each file that could be opened; nil for those that are not signed
}

// InfoCalls is what is told of the calls of a capture.
type InfoCalls struct {
	Coverage replay.Coverage `json:"coverage"`
	Denied   []DeniedCalls   `json:"denied"`
	IOUring  string          `json:"io_uring,omitempty"`
}

// DeniedCalls is how often one process was refused one call.
type DeniedCalls struct {
	PID     int32  `json:"pid"`
	Comm    string `json:"comm"`
	Syscall string `json:"syscall"`
	Errno   string `json:"errno"` // "" when what came back was no error
	Count   int64  `json:"count"`
}

// NewInfoCalls takes what a pass over a capture has found.
func NewInfoCalls(s *replay.Session, notes *replay.Notes) *InfoCalls {
	c := &InfoCalls{Coverage: s.Coverage(), IOUring: notes.IOUring(), Denied: []DeniedCalls{}}
	for _, d := range notes.DeniedByProcess(s.Symbols()) {
		e := ""
		if d.Errno != 0 {
			e = abi.ErrnoName(abi.X86_64, d.Errno)
		}
		c.Denied = append(c.Denied, DeniedCalls{d.PID, s.Symbols().String(d.Comm), s.Symbols().String(d.Syscall), e, d.Count})
	}
	return c
}

// JSON writes the metadata as stored, and what was counted.
func (in *Info) JSON(w io.Writer) error {
	j := struct {
		*format.Meta
		Rows          int64                  `json:"rows"`
		Bytes         int64                  `json:"bytes"`
		BytesPerEvent float64                `json:"bytes_per_event"`
		FirstNS       int64                  `json:"first_ns"`
		LastNS        int64                  `json:"last_ns"`
		DurationNS    int64                  `json:"duration_ns"`
		Kinds         map[string]int64       `json:"kinds"`
		Lost          int64                  `json:"lost"`
		Complete      bool                   `json:"complete"`
		Problem       string                 `json:"problem,omitempty"`
		Files         []format.FileInfo      `json:"files"`
		Columns       []format.ColumnInfo    `json:"columns,omitempty"`
		Signatures    []*signature.Signature `json:"signatures,omitempty"`
		*InfoCalls
	}{Meta: in.Meta, Rows: in.Rows, Bytes: in.Bytes, BytesPerEvent: in.BytesPerEvent(), FirstNS: in.FirstNS, LastNS: in.LastNS,
		DurationNS: in.DurationNS(), Kinds: map[string]int64{}, Lost: in.Lost, Complete: in.Complete, Files: in.Files, Columns: in.Columns, InfoCalls: in.Calls}
	j.Signatures = slices.DeleteFunc(slices.Clone(in.Signatures), func(s *signature.Signature) bool { return s == nil })
	for k, n := range in.Kinds {
		j.Kinds[format.Kind(k).String()] = n
	}
	if in.Problem != nil {
		j.Problem = in.Problem.Error()
	}
	return out.WriteJSON(w, j, "  ")
}

// facts are lines of a name and what is to be said under it.
type facts struct{ strings.Builder }

// add adds a line, unless there is nothing to say. What comes from the capture
// is escaped here, so none of it can begin a line or touch the terminal.
func (f *facts) add(name, format string, args ...any) {
	if text := strings.TrimSpace(escape.Text(fmt.Sprintf(format, args...))); text != "" {
		fmt.Fprintf(f, "%-11s%s\n", name, text)
	}
}

// Text writes one fact a line, then the files and the columns: made to be
// pasted into a bug report.
func (in *Info) Text(w io.Writer, style out.Style) error {
	var f facts
	m, wall := in.Meta, in.Meta.Clock.Wall()
	f.add("capture", "%s, %s", m.CaptureID, in.state())
	f.add("events", "%s in %s, %s, %.2f bytes an event", units.Count(in.Events()), units.Duration(in.DurationNS()), units.Bytes(in.Bytes), in.BytesPerEvent())
	if in.Rows > 0 {
		f.add("time", "%s to %s", Instant(wall.At(in.FirstNS)), Instant(wall.At(in.LastNS)))
	}
	if moved := wall.Moved(); moved != 0 {
		f.add("clock", "the time of day moved by %s against the time that passed: the machine slept, or its clock was set", signed(moved))
	}
	if fl := m.Flight; fl != nil {
		f.add("flight", "%s", flightWords(fl))
		f.add("because", "%s", flightReason(fl))
	}
	if i := m.Imported; i != nil {
		f.add("imported", "from %s, %s skipped%s", i.From, units.Counted(i.Skipped, "line"), listed(", without ", i.Missing))
	}
	if s := m.Selection; s != nil {
		f.add("selection", "%s", selectionWords(s))
	}
	if r := m.Redacted; r != nil {
		f.add("redacted", "by %s with key %s%s: names are pseudonyms, times shifted, addresses blurred", r.Tool, r.Key, listed(", without ", r.Dropped))
	}
	f.add("signed", "%s", signedWords(in.Signatures))
	f.add("host", "%s", hostWords(m.Host))
	f.add("tool", "%s, format %d", m.Tool, m.Version)
	f.add("request", "%s", requestWords(&m.Request))
	f.add("kinds", "%s", in.kinds())
	switch {
	case in.Lost > 0:
		f.add("lost", "%s (%s, %s)", units.Counted(in.Lost, "event"), units.Counted(in.LostEnters, "enter"), units.Counted(in.LostExits, "exit"))
	case m.Imported == nil && m.Selection == nil && in.Complete:
		f.add("lost", "nothing")
	case m.Imported == nil && in.whole():
		f.add("lost", "nothing of what is here")
	}
	f.add("filtered", "%s", filteredWords(m.Filtered))
	if in.Calls != nil {
		f.add("calls", "%s", in.Calls.Coverage)
		in.Calls.denied(&f)
		f.add("io_uring", "%s", strings.TrimPrefix(in.Calls.IOUring, "io_uring is "))
	}
	if c := m.Cost; c != nil {
		probe := ""
		if c.ProbeNSPerCall != 0 {
			probe = fmt.Sprintf(", %.0f ns a call in the kernel", c.ProbeNSPerCall)
		}
		parts := ""
		if c.UserSeconds+c.SystemSeconds > 0 {
			parts = fmt.Sprintf(" (user %.2f, system %.2f)", c.UserSeconds, c.SystemSeconds)
		}
		f.add("cost", "%.2f s of CPU%s, %s of memory at most%s", c.CPUSeconds, parts, units.Bytes(max(c.PeakRSSBytes, 0)), probe)
	}
	for _, p := range m.Probes {
		until := "still attached"
		if p.DetachNS != 0 {
			until = Instant(wall.At(p.DetachNS))
		}
		f.add("probe", "%s, %s to %s", p.Name, Instant(wall.At(p.AttachNS)), until)
	}
	if _, err := io.WriteString(w, f.String()+"\n"); err != nil {
		return err
	}
	return in.parts(w, style)
}

// whole reports whether everything in the capture could be read.
func (in *Info) whole() bool {
	return in.Problem == nil || errors.Is(in.Problem, format.ErrIncomplete)
}

func (in *Info) state() string {
	switch {
	case !in.whole():
		return "damaged"
	case in.Meta.Selection != nil && in.Problem == nil:
		return "a selection"
	case in.Meta.Recovered != "":
		return "incomplete, " + in.Meta.Recovered
	case !in.Complete:
		return "incomplete"
	}
	return "complete"
}

// signedWords says which files have signatures, and that this proves nothing.
func signedWords(all []*signature.Signature) string {
	var keys []string
	n := 0
	for _, s := range all {
		if s == nil {
			continue
		}
		if n++; !slices.Contains(keys, s.Key) {
			keys = append(keys, s.Key)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s, with key %s; 'systape verify --key' checks it", n, units.Counted(int64(len(all)), "file"), strings.Join(keys, ", "))
}

// selectionWords says who chose the rows, and among how many.
func selectionWords(s *format.Selection) string {
	words := "by " + s.By
	if s.Of >= 0 {
		words += ", of " + units.Counted(s.Of, "row")
	}
	if !s.Calls {
		words += "; calls may be here by half"
	}
	return words
}

func (in *Info) kinds() string {
	var kinds []string
	for k, n := range in.Kinds {
		if n > 0 {
			kinds = append(kinds, units.Count(n)+" "+format.Kind(k).String())
		}
	}
	return strings.Join(kinds, ", ")
}

// parts writes what files there are and what each column takes.
func (in *Info) parts(w io.Writer, style out.Style) error {
	files := out.Table{Columns: out.Columns("file", "form", ">part", ">rows", ">size", ">row groups")}
	for _, f := range in.Files {
		files.Add(f.Path, f.Form, fmt.Sprint(f.Part), units.Count(f.Rows), units.Bytes(f.Bytes), units.Count(int64(f.Groups)))
	}
	if err := files.Write(w, style); err != nil || len(in.Columns) == 0 || in.Rows == 0 {
		return err
	}
	var sum int64
	for _, c := range in.Columns {
		sum += c.Bytes
	}
	columns := out.Table{Columns: out.Columns("column", "type", ">bytes", ">bytes/event", ">share")}
	for _, c := range in.Columns {
		columns.Add(c.Name, c.Type, units.Count(c.Bytes), fmt.Sprintf("%.3f", float64(c.Bytes)/float64(max(in.Events(), 1))), units.ShareCell(float64(c.Bytes)/float64(max(sum, 1))))
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return columns.Write(w, style)
}

// denied tells the refused calls of the processes that were most concerned.
func (c *InfoCalls) denied(f *facts) {
	const processes = 5
	type process struct {
		pid  int32
		comm string
	}
	var order []process
	texts, sums := map[process][]string{}, map[process]int64{}
	for _, d := range c.Denied {
		p := process{d.PID, d.Comm}
		if texts[p] == nil {
			order = append(order, p)
		}
		sums[p] += d.Count
		texts[p] = append(texts[p], fmt.Sprintf("%s ×%d", strings.TrimSpace(d.Syscall+" "+d.Errno), d.Count))
	}
	slices.SortStableFunc(order, func(a, b process) int { return int(min(max(sums[b]-sums[a], -1), 1)) })
	for i, p := range order {
		if i == processes {
			f.add("denied", "and %s more", units.Counted(int64(len(order)-processes), "process"))
			break
		}
		f.add("denied", "%d %s: %s", p.pid, escape.Name(p.comm), strings.Join(texts[p], ", "))
	}
}

// Instant writes a time to the nanosecond, as offline commands take it.
func Instant(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func signed(ns int64) string {
	if ns < 0 {
		return "-" + units.Duration(-ns)
	}
	return "+" + units.Duration(ns)
}

func listed[T any](head string, list []T) string {
	if len(list) == 0 {
		return ""
	}
	return head + strings.Trim(fmt.Sprint(list), "[]")
}

// hostWords tells what is known of a host.
// HostWords says which machine was recorded. It is not escaped.
func HostWords(h format.Host) string { return hostWords(h) }

// RequestWords says what was asked to be recorded, secrets masked. It is not
// escaped.
func RequestWords(r *format.Request) string { return requestWords(r) }

func hostWords(h format.Host) string {
	var words []string
	add := func(known bool, format string, arg any) {
		if known {
			words = append(words, fmt.Sprintf(format, arg))
		}
	}
	add(h.Name != "", "%s", h.Name)
	add(h.Kernel != "", "Linux %s", h.Kernel)
	add(h.Arch != "", "%s", h.Arch)
	add(h.CPUs != 0, "%s", units.Counted(int64(h.CPUs), "CPU"))
	add(h.Distribution != "", "%s", h.Distribution)
	return strings.Join(words, ", ")
}

// requestWords tells what was asked to be recorded, the command as it can be
// pasted.
// commandWords is a command line short enough to be read, and without its
// secrets, as far as they can be known.
func commandWords(r *format.Request) string {
	masked, _ := redact.MaskCommand(r.Command)
	words := out.Snip(escape.Command(masked), 200)
	if r.Hidden == "arguments" {
		words += " …"
	}
	return words
}

// filteredWords says how many calls were seen and not recorded.
func filteredWords(f *format.Filtered) string {
	if f == nil {
		return ""
	}
	var words []string
	for _, part := range []struct {
		n    int64
		what string
	}{
		{f.Processes, "of other processes"}, {f.Syscalls, "that -e left out"}, {f.UIDs, "of other users"}, {f.Comms, "of other names"},
		{f.Cgroups, "of other cgroups"}, {f.Sample, "not drawn"}, {f.Outcome, "that ended otherwise"}, {f.Unfinished, "begun outside"},
	} {
		if part.n > 0 {
			words = append(words, units.Counted(part.n, "call")+" "+part.what)
		}
	}
	return strings.Join(words, ", ")
}

func requestWords(r *format.Request) string {
	var words []string
	add := func(asked bool, format string, args ...any) {
		if asked {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(len(r.Command) > 0, "%s", commandWords(r))
	add(len(r.Command) == 0 && r.Hidden != "", "a command, left out")
	add(len(r.PIDs) > 0, "processes %s", listed("", r.PIDs))
	add(r.All, "the whole system")
	add(r.Follow, "with children")
	add(r.Syscalls != "", "calls %s", r.Syscalls)
	add(len(r.Comms) > 0, "threads named %s", listed("", r.Comms))
	add(len(r.UIDs) > 0, "users %s", listed("", r.UIDs))
	add(len(r.Cgroups) > 0, "cgroups %s", listed("", r.Cgroups))
	add(len(r.Containers) > 0, "containers %s", listed("", r.Containers))
	add(r.Failed, "calls that fail")
	add(r.MinNS > 0, "calls of %s and longer", units.Duration(r.MinNS))
	add(r.Sample > 1, "one call in %d", r.Sample)
	add(r.MaxRate > 0, "at most %s a second", units.Counted(r.MaxRate, "call"))
	add(r.Budget > 0, "at most %.3g %% of the machine", 100*r.Budget)
	add(r.MaxMemory > 0, "at most %s of memory", units.Bytes(r.MaxMemory))
	add(r.Hook != "", "by %s, %s a CPU", r.Hook, units.Bytes(max(r.BufferSize, 0)))
	return strings.Join(words, "; ")
}
