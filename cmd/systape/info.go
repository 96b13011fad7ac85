package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay"
)

// newInfoCommand makes the command that tells what a capture is.
func newInfoCommand() *cobra.Command {
	var formatName string
	c := &cobra.Command{
		Use:   "info FILE...",
		Short: "Tell what a capture is: where from, how long, how much, what is missing",
		Long: `Tells what a capture says about itself and what is in it: the machine, what was
asked to be recorded, how long, how many events of each kind, what was lost,
what became of the calls, which were refused, what recording cost, and what each
column takes. Made to be pasted into a bug report.

FILE is a Parquet capture, a spool, a folder with the parts of one recording,
or - for a spool on standard input. Several FILEs of one recording are one
capture.`,
		Example: `  systape info trace.parquet
  systape info --format json trace.parquet | jq .kinds
  systape info trace.parquet.spool`,
		RunE: func(c *cobra.Command, args []string) error { return runInfo(c, args, formatName) },
	}
	c.Flags().StringVar(&formatName, "format", "table", "table or json")
	return c
}

func runInfo(c *cobra.Command, args []string, formatName string) error {
	if len(args) == 0 {
		return &exitError{code: exitUsage, err: errors.New("no capture given"), hint: "see 'systape info --help'"}
	}
	if formatName != "table" && formatName != "json" {
		return &exitError{code: exitUsage, err: fmt.Errorf("unknown format %q", formatName), hint: "use --format table or --format json"}
	}
	warn := func(err error) { fmt.Fprintf(c.ErrOrStderr(), "systape: warning: %v\n", err) }
	stdin := c.InOrStdin()
	if slices.Contains(args, "-") {
		pipe, err := replay.HoldPipe(stdin)
		if err != nil {
			return err
		}
		defer pipe.Close()
		stdin = pipe.File()
	}
	in, err := format.ReadInfo(args, format.ReadOptions{Stdin: stdin, Warn: warn})
	if err != nil {
		return inputError(err)
	}
	calls, err := infoPair(c, args, stdin)
	if err != nil && (in.Problem == nil || errors.Is(in.Problem, format.ErrIncomplete)) {
		in.Problem, in.Complete = err, false
	}
	if formatName == "json" {
		err = printInfoJSON(c.OutOrStdout(), in, calls)
	} else {
		err = printInfo(c.OutOrStdout(), in, calls)
	}
	switch {
	case err != nil:
		return err
	case errors.Is(in.Problem, format.ErrIncomplete):
		warn(in.Problem)
	case in.Problem != nil:
		return inputError(in.Problem)
	}
	return nil
}

// infoJSON is what info --format json prints: the metadata as stored, and what
// was counted.
type infoJSON struct {
	*format.Meta
	Rows          int64               `json:"rows"`
	Bytes         int64               `json:"bytes"`
	BytesPerEvent float64             `json:"bytes_per_event"`
	FirstNS       int64               `json:"first_ns"`
	LastNS        int64               `json:"last_ns"`
	DurationNS    int64               `json:"duration_ns"`
	Kinds         map[string]int64    `json:"kinds"`
	Lost          int64               `json:"lost"`
	Complete      bool                `json:"complete"`
	Problem       string              `json:"problem,omitempty"`
	Files         []format.FileInfo   `json:"files"`
	Columns       []format.ColumnInfo `json:"columns,omitempty"`
	*infoCalls
}

func printInfoJSON(w io.Writer, in *format.Info, calls *infoCalls) error {
	j := infoJSON{Meta: in.Meta, Rows: in.Rows, Bytes: in.Bytes, BytesPerEvent: in.BytesPerEvent(), FirstNS: in.FirstNS, LastNS: in.LastNS,
		DurationNS: in.DurationNS(), Kinds: make(map[string]int64), Lost: in.Lost, Complete: in.Complete, Files: in.Files, Columns: in.Columns, infoCalls: calls}
	for k, n := range in.Kinds {
		j.Kinds[format.Kind(k).String()] = n
	}
	if in.Problem != nil {
		j.Problem = in.Problem.Error()
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(j)
}

// printInfo prints one fact a line, then the files and the columns.
func printInfo(w io.Writer, in *format.Info, calls *infoCalls) error {
	var out strings.Builder
	m := in.Meta
	line := func(name, text string, args ...any) {
		if text = fmt.Sprintf(text, args...); strings.TrimSpace(text) != "" {
			fmt.Fprintf(&out, "%-11s%s\n", name, text)
		}
	}
	state := "complete"
	switch {
	case m.Recovered != "":
		state = "incomplete, " + m.Recovered
	case in.Problem != nil && !errors.Is(in.Problem, format.ErrIncomplete):
		state = "damaged"
	case !in.Complete:
		state = "incomplete"
	}
	line("capture", "%s, %s", m.CaptureID, state)
	line("events", "%s in %s, %s, %.2f bytes an event", humanize.Comma(in.Rows), infoDuration(in.DurationNS()), humanize.Bytes(uint64(in.Bytes)), in.BytesPerEvent())
	wall := m.Clock.Wall()
	if in.Rows > 0 {
		line("time", "%s to %s", infoTime(wall.At(in.FirstNS)), infoTime(wall.At(in.LastNS)))
	}
	if moved := wall.Moved(); moved != 0 {
		line("clock", "the time of day moved by %s against the time that passed: the machine slept, or its clock was set", infoDuration(moved))
	}
	if i := m.Imported; i != nil {
		line("imported", "from %s, %s lines skipped%s", i.From, humanize.Comma(i.Skipped), infoList(", without ", i.Missing))
	}
	if h := m.Host; h != (format.Host{}) {
		line("host", "%s, Linux %s, %s, %d CPUs, %s", h.Name, h.Kernel, h.Arch, h.CPUs, h.Distribution)
	}
	line("tool", "%s, format %d", m.Tool, m.Version)
	line("request", "%s", infoRequest(&m.Request))
	kinds := make([]string, 0, len(in.Kinds))
	for k, n := range in.Kinds {
		if n > 0 {
			kinds = append(kinds, humanize.Comma(n)+" "+format.Kind(k).String())
		}
	}
	line("kinds", "%s", strings.Join(kinds, ", "))
	switch {
	case in.Lost > 0:
		line("lost", "%s events (%s enters, %s exits)", humanize.Comma(in.Lost), humanize.Comma(in.LostEnters), humanize.Comma(in.LostExits))
	case m.Imported == nil:
		line("lost", "nothing")
	}
	if calls != nil {
		calls.lines(line)
	}
	if m.Cost != nil {
		line("cost", "%.2f s of CPU, %s of memory at most%s", m.Cost.CPUSeconds, humanize.IBytes(uint64(max(m.Cost.PeakRSSBytes, 0))), infoProbeCost(m.Cost))
	}
	for _, p := range m.Probes {
		until := "still attached"
		if p.DetachNS != 0 {
			until = infoTime(wall.At(p.DetachNS))
		}
		line("probe", "%s, %s to %s", p.Name, infoTime(wall.At(p.AttachNS)), until)
	}
	infoFiles(&out, in)
	infoColumns(&out, in)
	_, err := io.WriteString(w, out.String())
	return err
}

func infoFiles(out *strings.Builder, in *format.Info) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out)
	fmt.Fprintln(t, "file\tform\tpart\tevents\tsize\trow groups")
	for _, f := range in.Files {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%d\n", f.Path, f.Form, f.Part, humanize.Comma(f.Rows), humanize.Bytes(uint64(f.Bytes)), f.Groups)
	}
	t.Flush()
}

func infoColumns(out *strings.Builder, in *format.Info) {
	if len(in.Columns) == 0 || in.Rows == 0 {
		return
	}
	var sum int64
	for _, c := range in.Columns {
		sum += c.Bytes
	}
	fmt.Fprintln(out)
	fmt.Fprintf(out, "%-10s  %-6s  %10s  %11s  %6s\n", "column", "type", "bytes", "bytes/event", "share")
	for _, c := range in.Columns {
		fmt.Fprintf(out, "%-10s  %-6s  %10s  %11.3f  %5.1f%%\n", c.Name, c.Type, humanize.Comma(c.Bytes), float64(c.Bytes)/float64(in.Rows), 100*float64(c.Bytes)/float64(max(sum, 1)))
	}
}

func infoTime(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

func infoDuration(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.String()
}

func infoList[T any](head string, list []T) string {
	if len(list) == 0 {
		return ""
	}
	return head + strings.Trim(fmt.Sprint(list), "[]")
}

func infoRequest(r *format.Request) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(r.Command) > 0 {
		add("%s", strings.Join(r.Command, " "))
	}
	if len(r.PIDs) > 0 {
		add("processes %s", infoList("", r.PIDs))
	}
	if r.All {
		add("the whole system")
	}
	if r.Follow {
		add("with children")
	}
	if r.Syscalls != "" {
		add("calls %s", r.Syscalls)
	}
	if len(r.Comms) > 0 {
		add("threads named %s", infoList("", r.Comms))
	}
	if len(r.UIDs) > 0 {
		add("users %s", infoList("", r.UIDs))
	}
	if len(r.Cgroups) > 0 {
		add("cgroups %s", infoList("", r.Cgroups))
	}
	if len(r.Containers) > 0 {
		add("containers %s", infoList("", r.Containers))
	}
	if r.Sample > 1 {
		add("one call in %d", r.Sample)
	}
	if r.Hook != "" {
		add("by %s, %s a CPU", r.Hook, humanize.IBytes(uint64(max(r.BufferSize, 0))))
	}
	return strings.Join(out, "; ")
}

func infoProbeCost(c *format.Cost) string {
	if c.ProbeNSPerCall == 0 {
		return ""
	}
	return fmt.Sprintf(", %.0f ns a call in the kernel", c.ProbeNSPerCall)
}
