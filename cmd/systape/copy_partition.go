package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/out"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/units"
)

// partitions are the columns by which a dataset is cut into folders.
type partitions []string

// partitionColumns are those that there are.
var partitionColumns = []string{"date", "node"}

// callsTable is the folder of a dataset that holds the tables of calls.
const callsTable = "calls"

// partSize is about how large a file of a dataset gets: readers share the work
// by files and row groups, and have to open every file.
const partSize = 256 << 20

func parsePartitions(words []string) (partitions, error) {
	for i, w := range words {
		if !slices.Contains(partitionColumns, w) || slices.Contains(words[:i], w) {
			return nil, fmt.Errorf("--partition %s: want date, node, or both, each once", strings.Join(words, ","))
		}
	}
	return words, nil
}

// folder is where rows of a day of a node belong, as Hive names partitions.
func (p partitions) folder(dir, table, date, node string) string {
	dir = filepath.Join(dir, table)
	for _, column := range p {
		value := date
		if column == "node" {
			value = node
		}
		dir = filepath.Join(dir, column+"="+partitionValue(value))
	}
	return dir
}

// partitionValue is a value as it stands in the name of a folder: what a file
// system or a reader might take for something else as %XX, and for none the
// name that Hive has for it.
func partitionValue(s string) string {
	if s == "" {
		return "__HIVE_DEFAULT_PARTITION__"
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// day is the date of a capture time, as ts_ns has it in UTC, and the capture
// time at which the next begins.
func day(ns int64) (date string, next int64) {
	t := time.Unix(0, ns).UTC()
	return t.Format(time.DateOnly), time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC).UnixNano()
}

// fileOf is the name of a file of a recording in a dataset.
func fileOf(captureID string, number int) string {
	return fmt.Sprintf("%.12s-%03d.parquet", captureID, number)
}

// copyPartitions copies recordings into a dataset: one after the other, each as
// its captures and its calls.
func copyPartitions(c *cobra.Command, args []string, f *copyFlags) error {
	recordings, err := format.Recordings(args, format.ReadOptions{Stdin: c.InOrStdin(), Nodes: nodesOf(c), Warn: damageWarner(c)})
	if err != nil {
		return inputError(err)
	}
	for _, r := range recordings {
		if err := copyOne(c, r.Paths, f); err != nil {
			return err
		}
		if f.noCalls {
			continue
		}
		if err := copyCalls(c, r.Paths, f); err != nil {
			return err
		}
	}
	return nil
}

// copyCalls writes the calls of a recording into a dataset.
func copyCalls(c *cobra.Command, paths []string, f *copyFlags) (err error) {
	in, err := openSession(c, paths, replay.Options{Columns: format.AllColumns, Files: true})
	if err != nil {
		return err
	}
	defer in.Close()
	w := &callsWriter{in: in, paths: paths, flags: f, stdout: c.OutOrStdout()}
	defer func() { err = errors.Join(err, w.discard()) }()
	if err := in.callsByStart(w.write); err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	fmt.Fprintf(c.ErrOrStderr(), "calls: %s, %s in %s\n", units.Count(w.calls), units.Bytes(w.bytes), units.Counted(int64(w.files), "file"))
	return nil
}

// callsWriter writes the calls tables of a recording into a dataset: another
// for each day, and when one has reached its size.
type callsWriter struct {
	in     *input
	paths  []string
	flags  *copyFlags
	stdout io.Writer

	file    *resultFile
	counted *countingWriter
	table   *out.Records[replay.Call]
	until   int64 // capture time at which the next day begins
	files   int
	calls   int64
	bytes   int64
}

func (w *callsWriter) write(calls []replay.Call) error {
	for from := 0; from < len(calls); {
		if w.table != nil && (calls[from].StartNS >= w.until || w.counted.n >= w.flags.partBytes()) {
			if err := w.close(); err != nil {
				return err
			}
		}
		if w.table == nil {
			if err := w.open(calls[from].StartNS); err != nil {
				return err
			}
		}
		to := from + 1
		for to < len(calls) && calls[to].StartNS < w.until {
			to++
		}
		if err := w.table.Write(calls[from:to]); err != nil {
			return err
		}
		w.calls += int64(to - from)
		from = to
	}
	return nil
}

func (w *callsWriter) open(ns int64) (err error) {
	m := w.in.Meta()
	date, next := day(ns)
	if w.until = next; !slices.Contains(w.flags.by, "date") {
		w.until = 1<<63 - 1
	}
	w.files++
	dir := w.flags.by.folder(w.flags.output, callsTable, date, m.Host.Name)
	if w.file, err = createInDataset(w.stdout, dir, fileOf(m.CaptureID, w.files), w.paths, w.flags.force); err != nil {
		return err
	}
	w.counted = &countingWriter{w: w.file}
	w.table, err = views.NewCalls(w.counted, "parquet", w.in, tableOrigin(w.in, w.paths))
	return err
}

func (w *callsWriter) close() error {
	if w.table == nil {
		return nil
	}
	if err := w.table.Close(); err != nil {
		return err
	}
	w.table, w.bytes = nil, w.bytes+w.counted.n
	return w.file.complete()
}

// discard removes a file that was not ended.
func (w *callsWriter) discard() error {
	if w.file == nil {
		return nil
	}
	return w.file.discard()
}

// createInDataset creates a file of a dataset, with its folders, which belong to
// the invoking user as the files do.
func createInDataset(stdout io.Writer, dir, name string, inputs []string, force bool) (*resultFile, error) {
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a partition: %w", err)
	}
	for _, d := range made {
		if f, err := os.Open(d); err == nil {
			giveToInvoker(f)
			f.Close()
		}
	}
	return createResult(stdout, filepath.Join(dir, name), inputs, force)
}
