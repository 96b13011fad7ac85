package importer_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/format/abi"
	"systape/replay/convert/importer"
)

var update = flag.Bool("update", false, "write what the import gives into the cases of testdata")

// TestCases runs the cases of testdata. Each tells its story, then has the
// text (in, or several sources in.TID), the events (want) and what the import
// says about itself (result).
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { runCase(t, name) })
	}
}

func runCase(t *testing.T, name string) {
	ar, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	opt := importer.Options{From: strings.SplitN(filepath.Base(name), "_", 2)[0]}
	for l := range strings.Lines(string(ar.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(l), ": ")
		switch key {
		case "abi":
			opt.ABI, _ = abi.Parse(value)
		case "guess":
			opt.Guess = value == "yes"
		case "date":
			if opt.Date, err = time.Parse("2006-01-02", value); err != nil {
				t.Fatal(err)
			}
		}
	}
	var sources []importer.Source
	want, result := -1, -1
	for i, f := range ar.Files {
		switch {
		case f.Name == "want":
			want = i
		case f.Name == "result":
			result = i
		case f.Name == "map":
			opt.Map = strings.Fields(string(f.Data))
		case strings.HasPrefix(f.Name, "in"):
			src := importer.Source{Name: f.Name, R: bytes.NewReader(f.Data)}
			fmt.Sscanf(f.Name, "in.%d", &src.TID)
			sources = append(sources, src)
		default:
			t.Fatalf("unknown section %q", f.Name)
		}
	}
	var events []format.Event
	var bad strings.Builder
	opt.Bad = func(src string, line int64, text string, err error) {
		fmt.Fprintf(&bad, "bad: %s:%d: %v\n", src, line, err)
	}
	res, err := importer.Import(sources, opt, func(b *format.Batch) error {
		for i := range b.N {
			events = append(events, b.At(i))
		}
		return nil
	})
	if err != nil {
		fmt.Fprintf(&bad, "error: %v\n", err)
	}
	got := string(format.FormatText(events))
	told := fmt.Sprintf("%d lines, %d ignored, %d skipped, %d signals, %d reordered, %d guessed, %d nameless\nmissing: %s\n%s",
		res.Lines, res.Ignored, res.Skipped, res.Signals, res.Reorder, res.Guessed, res.Nameless, strings.Join(res.Missing, " "), bad.String())
	if *update {
		for _, s := range []struct {
			i    *int
			name string
			data string
		}{{&want, "want", got}, {&result, "result", told}} {
			if *s.i < 0 {
				*s.i = len(ar.Files)
				ar.Files = append(ar.Files, txtar.File{Name: s.name})
			}
			ar.Files[*s.i].Data = []byte(s.data)
		}
		if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if w := string(ar.Files[want].Data); got != w {
		t.Errorf("events\n got:\n%s\nwant:\n%s", got, w)
	}
	if w := string(ar.Files[result].Data); told != w {
		t.Errorf("result\n got:\n%s\nwant:\n%s", told, w)
	}
	check(t, events)
}

// check holds events against what every capture must satisfy.
func check(t *testing.T, events []format.Event) {
	t.Helper()
	for i, e := range events {
		if e.Seq != int64(i) || i > 0 && e.TS < events[i-1].TS {
			t.Fatalf("event %d: seq %d, time %d", i, e.Seq, e.TS)
		}
		if e.TID == 0 && e.Kind != format.Lost || e.PID == 0 && e.Kind != format.Lost {
			t.Fatalf("event %d: thread %d/%d", i, e.PID, e.TID)
		}
	}
	if again, err := format.ParseText(bytes.NewReader(format.FormatText(events))); err != nil || len(again) != len(events) {
		t.Fatalf("events do not read back: %v", err)
	}
}

func imported(t testing.TB, from, text string) ([]format.Event, *importer.Result, error) {
	var events []format.Event
	res, err := importer.Import([]importer.Source{{Name: "in", R: strings.NewReader(text)}}, importer.Options{From: from}, func(b *format.Batch) error {
		for i := range b.N {
			events = append(events, b.At(i))
		}
		return nil
	})
	return events, res, err
}

// However the reader cuts the text, the events are the same.
func TestReadsInPieces(t *testing.T) {
	text, err := os.ReadFile("testdata/thr.strace")
	if err != nil {
		t.Fatal(err)
	}
	whole, _, err := imported(t, "strace", string(text))
	if err != nil {
		t.Fatal(err)
	}
	var pieces []format.Event
	_, err = importer.Import([]importer.Source{{Name: "in", R: iotest.OneByteReader(bytes.NewReader(text))}}, importer.Options{From: "strace"}, func(b *format.Batch) error {
		for i := range b.N {
			pieces = append(pieces, b.At(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(format.FormatText(whole), format.FormatText(pieces)) {
		t.Error("byte by byte gives other events")
	}
}

func TestErrors(t *testing.T) {
	if _, _, err := imported(t, "strace", "this is\nno strace\n"); err == nil || !strings.Contains(err.Error(), "no line could be read as strace") {
		t.Errorf("nonsense: %v", err)
	}
	if _, _, err := imported(t, "ktrace", ""); err == nil || !strings.Contains(err.Error(), "unknown source") {
		t.Errorf("unknown source: %v", err)
	}
	full := errors.New("full")
	_, err := importer.Import([]importer.Source{{Name: "in", R: strings.NewReader("1 2 3")}}, importer.Options{From: "numbers"}, func(*format.Batch) error { return full })
	if !errors.Is(err, full) {
		t.Errorf("a writer's error: %v", err)
	}
	broken := errors.New("broken")
	_, err = importer.Import([]importer.Source{{Name: "in", R: iotest.ErrReader(broken)}}, importer.Options{From: "strace"}, func(*format.Batch) error { return nil })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "in: line 1") {
		t.Errorf("a reader's error: %v", err)
	}
	long := "read(0, \"" + strings.Repeat("x", 5<<20) + "\", 1) = 1\nread(0, \"\", 1) = 0\n"
	if ev, res, err := imported(t, "strace", long); err != nil || res.Skipped != 1 || len(ev) != 2 {
		t.Errorf("a line of 5 MiB: %v, %d skipped, %d events", err, res.Skipped, len(ev))
	}
}

func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if strings.HasPrefix(file.Name, "in") {
				f.Add(strings.SplitN(filepath.Base(name), "_", 2)[0], string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, from, text string) {
		events, res, err := imported(t, from, text)
		if err != nil {
			return
		}
		check(t, events)
		if res.Events != int64(len(events)) {
			t.Errorf("%d events, said %d", len(events), res.Events)
		}
		if res.Skipped+res.Ignored > res.Lines {
			t.Errorf("%d lines, %d skipped, %d ignored", res.Lines, res.Skipped, res.Ignored)
		}
	})
}
