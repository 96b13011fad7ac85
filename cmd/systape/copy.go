package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"systape/format"
	"systape/replay"
	"systape/replay/units"
)

const copyHelp = `Writes captures anew: trimmed, filtered, split, and the parts of one recording
merged. Such parts, or a spool, become one file; with -C or -G one recording
becomes parts, which every command reads as one again. Without filters the copy is
the same capture, and verify holds it against what the kernel counted.

With filters it is a selection: the calls that were chosen, whole, with what the
recording says of itself and of losses in that time, and what became of the
threads. Rows keep their place in the capture (seq), and the copy says of itself
how many rows the capture had and by what it was chosen, so that its calls have
the statuses that they have there. With --from it begins with the descriptors
that were known to be open then.

-o names the file, and OUT-001.parquet and so on with -C or -G. A file has
another name, FILE.partial, until it is complete. Recordings of different
machines or times are not merged into one file: their threads have the same ids.

With --partition, -o is the folder of a dataset that many recordings share, as
Hive, Spark, DuckDB and Polars know it: events/date=2026-11-27/node=web1/ with
captures of one day and one machine each, and calls/… with their calls, in the
order in which they began. A day is one of ts_ns, in UTC; a call is of the day
on which it began. Every command reads such a folder: --node chooses a machine.

`

type copyFlags struct {
	output string
	size   string
	every  time.Duration
	force  bool

	partition []string
	by        partitions // partition, checked
	noCalls   bool
	bytes     int64 // size, read
}

// partBytes is the size at which a part ends; 0: at none.
func (f *copyFlags) partBytes() int64 {
	if f.bytes == 0 && f.by != nil {
		return partSize
	}
	return f.bytes
}

// newCopyCommand makes the command that writes captures anew.
func newCopyCommand() *cobra.Command {
	var f copyFlags
	c := &cobra.Command{
		Use:   "copy FILE... -o OUT",
		Short: "Trim, filter, merge and split captures",
		Long:  copyHelp + inputHelp,
		Example: `  systape copy trace.parquet -o slice.parquet --from +10s --to +12s
  systape copy trace.parquet -o nginx.parquet --comm 'nginx*' --syscall %network
  systape copy recording/ -o whole.parquet
  systape copy trace.parquet -o part.parquet -C 128MiB
  systape copy web1.parquet web2.parquet -o dataset/ --partition date,node
  systape latency dataset/ --node web1
  duckdb -c "select node, syscall, count(*) from read_parquet('dataset/calls/*/*/*.parquet', hive_partitioning = true) group by all"`,
		RunE: func(c *cobra.Command, args []string) error { return runCopy(c, args, &f) },
	}
	flags := c.Flags()
	flags.StringVarP(&f.output, "output", "o", "", "write the copy to this `file`, - for standard output")
	flags.StringVarP(&f.size, "split-size", "C", "", "begin a new part when one has reached this `size`, such as 128MiB, to the row group")
	addDuration(flags, &f.every, "split-time", "G", 0, "begin a new part every so long, such as 1h")
	flags.StringSliceVar(&f.partition, "partition", nil, "write a dataset below the folder -o, cut into folders by date, node, or date,node")
	flags.BoolVar(&f.noCalls, "no-calls", false, "of a dataset, write only the captures, not the tables of calls")
	flags.BoolVar(&f.force, "force", false, "replace files that exist")
	addFilterFlags(c)
	return c
}

func runCopy(c *cobra.Command, args []string, f *copyFlags) (err error) {
	switch {
	case f.output == "":
		return usageError(c, errors.New("no file to write to: give -o slice.parquet, or -o - for standard output"))
	case f.output == "-" && (f.size != "" || f.every > 0 || f.partition != nil):
		return usageError(c, errors.New("standard output cannot hold several files: give -o slice.parquet"))
	}
	var size uint64
	if f.size != "" {
		if size, err = humanize.ParseBytes(f.size); err != nil || size == 0 || size > 1<<62 {
			return usageError(c, fmt.Errorf("--split-size %s: want a size such as 128MiB", f.size))
		}
	}
	stdin, done, err := holdStdin(c, args)
	if err != nil {
		return err
	}
	defer done()
	c.SetIn(stdin)
	tellUnsigned(c.ErrOrStderr(), args)
	if f.bytes = int64(size); f.partition == nil {
		if f.noCalls {
			return usageError(c, errors.New("--no-calls is for --partition"))
		}
		return copyOne(c, args, f)
	}
	if f.by, err = parsePartitions(f.partition); err != nil {
		return usageError(c, err)
	}
	return copyPartitions(c, args, f)
}

// copyOne copies the capture that args make up.
func copyOne(c *cobra.Command, args []string, f *copyFlags) error {
	chosen, filter, start, err := chooseRows(c, args)
	if err != nil {
		return err
	}
	s, err := openCopied(c, args, chosen != nil)
	if err != nil {
		return err
	}
	defer s.Close()
	w := &copyWriter{flags: f, size: f.partBytes(), inputs: args, stdout: c.OutOrStdout(), source: s.Meta(), chosen: chosen, filter: filter, start: start}
	if err := w.copy(c, s); err != nil {
		return errors.Join(err, w.discard())
	}
	fmt.Fprintf(c.ErrOrStderr(), "copied: %s of %s, %s in %s\n", units.Count(w.rows), units.Counted(w.seen, "row"), units.Bytes(w.bytes), units.Counted(int64(w.parts), "file"))
	return nil
}

// copy makes the pass that writes.
func (w *copyWriter) copy(c *cobra.Command, s *replay.Session) error {
	if err := w.plan(); err != nil {
		return err
	}
	if err := inputError(s.Batches(c.Context(), w.batch)); err != nil {
		return err
	}
	w.source, w.ended = s.Meta(), s.Incomplete()
	return w.finish()
}

// openCopied opens the captures for the pass that copies. Warnings that the
// pass that chooses has printed are not printed again.
func openCopied(c *cobra.Command, args []string, again bool) (*replay.Session, error) {
	opt := replay.Options{Columns: format.AllColumns, Stdin: c.InOrStdin(), Warn: damageWarner(c)}
	if again {
		opt.Warn = nil
	}
	if len(args) == 0 {
		return nil, usageError(c, errors.New("no capture given"))
	}
	opt.Nodes = nodesOf(c)
	s, err := replay.Open(args, opt)
	return s, inputError(oneRecording(c, args, err))
}

// chooseRows makes the pass that chooses: nil without filters. It returns the
// filters as the command line has them, too, and with what the copy is to
// begin; nil where it begins as the capture does, or descriptors cannot be followed.
func chooseRows(c *cobra.Command, args []string) (*replay.ChosenRows, *copyFilter, *copyStart, error) {
	opt := replay.Options{Columns: format.ColPID | format.ColSeq}
	if later := c.Flags().Changed("from"); later {
		opt.Files, opt.Columns = true, opt.Columns|format.ColComm|format.ColContainer
	}
	in, err := openSession(c, args, opt)
	if err != nil {
		return nil, nil, nil, err
	}
	defer in.Close()
	if in.filter.Empty() {
		return nil, nil, nil, nil
	}
	rows := &replay.ChosenRows{From: in.filter.From, To: in.filter.To}
	var start *copyStart
	if in.filter.From != 0 && in.filter.WholeProcesses() && in.Meta().Version > 1 { // version 1 has no rows that could tell
		start = &copyStart{at: in.filter.From, names: map[int32]*copyNames{}, seq: -1}
		in.NoteFiles(start.at, in.filter.HasProcess)
	}
	err = in.calls(func(calls []replay.Call) error {
		if start != nil {
			start.learn(calls, in.names)
		}
		return rows.Add(calls)
	})
	if err == nil {
		err = rows.Add(nil)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	f := &copyFilter{from: in.filter.From, to: in.filter.To, threads: in.filter.WholeThreads(), processes: in.filter.WholeProcesses()}
	visitFilters(c.Flags(), func(name, value string) {
		if name != "from" && name != "to" && name != "node" { // the bounds of time stand apart, and a recording is of one machine
			f.words = append(f.words, "--"+name+" "+value)
		}
	})
	if start != nil {
		if start.known, f.processes = in.NotedFiles(); f.processes {
			rows.Restated = true
		} else {
			start = nil
		}
	}
	return rows, f, start, nil
}

// copyFilter is what a copy says of how its calls were chosen.
type copyFilter struct {
	from, to int64
	words    []string

	threads, processes bool // what is here of one is all of it
}

// copyWriter writes the parts of a copy.
type copyWriter struct {
	flags  *copyFlags
	size   int64
	inputs []string
	stdout io.Writer
	source *format.Meta
	chosen *replay.ChosenRows
	filter *copyFilter
	start  *copyStart // until it was written

	file        *resultFile
	part        *format.ParquetWriter
	meta        format.Meta // of the parts, but for what each has of its own
	kept        format.Batch
	parts       int
	begun       int64 // capture time of the part's first row
	until       int64 // capture time at which the next part begins; 0: none
	rows, seen  int64
	begin, end  int64 // capture time of the source's rows
	bytes       int64
	first, last int64 // capture time of the part's rows
	ended       error // why the source is incomplete
}

// plan says what all parts say of themselves.
func (w *copyWriter) plan() error {
	m := *w.source
	m.Tool = "systape " + version
	m.Request.Keep = nil                           // a copy is not the recorder's to remove
	later := m.Part.Number > 1 && !m.Part.Rotation // of a recording in parts the first ones need not be there
	if w.chosen == nil && (w.size > 0 || w.flags.every > 0) && (later || !m.Part.Last && m.Complete) {
		return &exitError{code: exitFailed, err: errors.New("these are not all parts of the recording, so others have the numbers of new ones"), hint: "give all files of the recording, or their folder"}
	}
	if f := w.filter; f != nil {
		m.Counts = nil // they are of all rows
		sel := format.Selection{By: "systape", Of: m.Part.Rows, Calls: true, Threads: f.threads, Processes: f.processes}
		if s := m.Selection; s != nil {
			sel.Begin, sel.End = s.Begin, s.End
			f.words = append([]string{s.Filter}, f.words...)
			sel.Of, sel.Calls, sel.Threads, sel.Processes = s.Of, s.Calls, sel.Threads && s.Threads, sel.Processes && s.Processes
			if !s.Calls {
				sel.By = s.By + ", then systape"
			}
		}
		sel.From, sel.To, sel.Filter, sel.Seen = f.from, f.to, strings.TrimSpace(strings.Join(f.words, " ")), w.chosen.Seen()
		m.Selection = &sel
		m.Part = format.Part{Number: 1, Last: true}
	}
	w.meta = m
	return nil
}

// batch writes the rows of a batch that were chosen.
func (w *copyWriter) batch(b *format.Batch) error {
	if w.seen += int64(b.N); b.N > 0 {
		w.begin, w.end = cmp.Or(w.begin, b.TS[0]), b.TS[b.N-1]
	}
	if w.chosen == nil {
		return w.write(b)
	}
	w.kept.Reset()
	for i := 0; i < b.N; {
		if w.start != nil && b.TS[i] >= w.start.at {
			w.start.tell(&w.kept, b.Symbols, b.Seq[i])
			w.start = nil
		}
		if !w.chosen.Has(b, i) {
			i++
			continue
		}
		from := i
		for i++; i < b.N && w.chosen.Has(b, i) && (w.start == nil || b.TS[i] < w.start.at); i++ {
		}
		w.kept.AppendRows(b, from, i)
	}
	if w.start != nil && w.kept.N > 0 {
		w.start.seq = w.kept.Seq[w.kept.N-1]
	}
	return w.write(&w.kept)
}

// write writes rows to the part that they belong to.
func (w *copyWriter) write(b *format.Batch) error {
	for from := 0; from < b.N; {
		if w.part != nil && (w.size > 0 && w.part.Bytes() >= w.size || w.until > 0 && b.TS[from] >= w.until) {
			if err := w.close(false); err != nil {
				return err
			}
		}
		if w.part == nil {
			if err := w.open(b.TS[from]); err != nil {
				return err
			}
		}
		to := from + 1
		for to < b.N && (w.until == 0 || b.TS[to] < w.until) {
			to++
		}
		rows := b
		if from > 0 || to < b.N {
			rows = new(format.Batch)
			rows.AppendRows(b, from, to)
		}
		if err := w.part.Write(rows); err != nil {
			return err
		}
		w.last = b.TS[to-1]
		from = to
	}
	return nil
}

// open begins a part whose first row is of the capture time ts.
func (w *copyWriter) open(ts int64) (err error) {
	w.parts++
	name := w.flags.output
	date, next := day(ts)
	w.first, w.until = ts, 0
	switch by := w.flags.by; {
	case by != nil:
		if slices.Contains(by, "date") {
			w.until = next
		}
		dir := by.folder(name, format.EventsTable, date, w.meta.Host.Name)
		w.file, err = createInDataset(w.stdout, dir, fileOf(w.meta.CaptureID, w.meta.Part.Number+w.parts-1), w.inputs, w.flags.force)
	case w.size > 0 || w.flags.every > 0:
		ext := filepath.Ext(name)
		name = fmt.Sprintf("%s-%03d%s", strings.TrimSuffix(name, ext), w.parts, ext)
		fallthrough
	default:
		w.file, err = createResult(w.stdout, name, w.inputs, w.flags.force)
	}
	if err != nil {
		return err
	}
	if every := w.flags.every.Nanoseconds(); every > 0 {
		if w.begun == 0 {
			w.begun = ts
		}
		w.begun += (ts - w.begun) / every * every
		if w.begun+every < w.until || w.until == 0 {
			w.until = w.begun + every
		}
	}
	m := w.ofPart(false)
	m.Part.Rows = -1
	w.part, err = format.NewParquetWriter(w.file.Writer, m)
	return err
}

// close ends the part.
func (w *copyWriter) close(last bool) error {
	if err := w.part.Close(w.ofPart(last)); err != nil {
		return err
	}
	w.rows, w.bytes = w.rows+w.part.Rows(), w.bytes+w.part.Bytes()
	w.part = nil
	return w.file.complete()
}

// ofPart is the metadata of the part at hand.
func (w *copyWriter) ofPart(last bool) *format.Meta {
	m := w.meta
	m.Part.Number += w.parts - 1
	m.Part.Last = last && w.meta.Part.Last
	if !last {
		m.Counts, m.Cost = nil, nil // of the whole recording
	}
	if w.parts > 1 || !last { // of the clock, what this part needs
		m.Clock.Anchors = nil
		for i, a := range w.source.Clock.Anchors {
			next := i+1 == len(w.source.Clock.Anchors) || w.source.Clock.Anchors[i+1].TS > w.first
			before := i == 0 || w.source.Clock.Anchors[i-1].TS < w.last
			if next && before || w.parts == 1 && a.TS < w.first || last && a.TS > w.last {
				m.Clock.Anchors = append(m.Clock.Anchors, a)
			}
		}
	}
	return &m
}

// finish ends the last part with what is known at the end of the source.
func (w *copyWriter) finish() error {
	if w.part == nil {
		if err := w.open(0); err != nil {
			return err
		}
	}
	from := w.source
	w.meta.Probes, w.meta.Clock, w.meta.Cost, w.meta.Complete, w.meta.Recovered = from.Probes, from.Clock, from.Cost, from.Complete, from.Recovered
	switch {
	case w.filter == nil:
		w.meta.Counts, w.meta.Part.Last = from.Counts, from.Part.Last
	case from.Selection == nil:
		w.meta.Selection.Of, w.meta.Selection.Begin, w.meta.Selection.End = w.seen, w.begin, w.end
	}
	if w.ended != nil {
		w.meta.Complete, w.meta.Counts = false, nil
		if w.meta.Recovered == "" && w.meta.Part.Last {
			w.meta.Recovered = "copied from a capture without its end"
		}
	}
	return w.close(true)
}

// discard removes a part that was not ended.
func (w *copyWriter) discard() error {
	if w.file == nil {
		return nil
	}
	return w.file.discard()
}
