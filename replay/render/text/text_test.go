package text_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/replay"
	"systape/replay/render/text"
)

var update = flag.Bool("update", false, "rewrite the expected texts of testdata")

const notices = 1<<format.Lost | 1<<format.Fork | 1<<format.Exec | 1<<format.Rename | 1<<format.ThreadEnd

// render makes the transcript of events, cut into batches of size rows.
func render(t testing.TB, events []format.Event, size int, w text.ReorderOptions, o text.Options) string {
	t.Helper()
	var out []byte
	eachLine(t, events, size, w, func(names *format.SymbolTable) func(*text.Line) error {
		p := text.NewPrinter(names, o)
		return func(l *text.Line) error {
			out = p.AppendLine(out, l)
			return nil
		}
	})
	return string(out)
}

func eachLine(t testing.TB, events []format.Event, size int, o text.ReorderOptions, start func(*format.SymbolTable) func(*text.Line) error) {
	t.Helper()
	names := format.NewSymbolTable()
	emit := start(names)
	pairer := replay.NewPairer(replay.PairOptions{})
	w := text.NewReorderer(o)
	b := format.NewBatch(names, size)
	var calls []replay.Call
	flush := func() {
		if b.N == 0 {
			return
		}
		var err error
		if calls, err = pairer.Push(b, calls[:0]); err != nil {
			t.Fatal(err)
		}
		if err := w.Push(b, calls, emit); err != nil {
			t.Fatal(err)
		}
		b.Reset()
	}
	for _, e := range events {
		b.Append(e)
		if b.N == size {
			flush()
		}
	}
	flush()
	if err := w.Finish(pairer.Finish(nil), emit); err != nil {
		t.Fatal(err)
	}
}

// Each case of testdata holds a story: events, and what they look like.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var events []format.Event
			changed := false
			for i := range ar.Files {
				f := &ar.Files[i]
				if f.Name == "capture" {
					if events, err = format.ParseText(bytes.NewReader(f.Data)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				// Any other file is named after how it is made: words of options.
				w := text.ReorderOptions{Patience: 1000, Notices: notices, Linked: true}
				o := text.Options{Origin: events[0].TS}
				for _, word := range strings.Fields(f.Name) {
					key, value, _ := strings.Cut(word, "=")
					switch key {
					case "calls":
					case "columns":
						if o.Columns, err = text.ParseColumns(value); err != nil {
							t.Fatal(err)
						}
					case "time":
						if o.Time, err = text.ParseTimeStyle(value); err != nil {
							t.Fatal(err)
						}
					case "colour":
						o.Colour = true
					case "unlinked":
						w.Linked = false
					case "errors":
						w.Filter = &replay.Filter{AnyErrno: true}
					case "tid":
						w.Filter = &replay.Filter{TIDs: []int32{8}}
						w.Notices = 0
					default:
						t.Fatalf("unknown word %q", word)
					}
				}
				got := render(t, events, 1<<20, w, o)
				for _, size := range []int{1, 2, 3, 7} {
					if cut := render(t, events, size, w, o); cut != got {
						t.Errorf("%s: batches of %d rows give\n%s\none batch gives\n%s", f.Name, size, cut, got)
					}
				}
				shown := strings.ReplaceAll(got, "\x1b", "^")
				if shown != string(f.Data) {
					if *update {
						f.Data, changed = []byte(shown), true
						continue
					}
					t.Errorf("%s: got\n%s\nwant\n%s", f.Name, shown, f.Data)
				}
			}
			if changed {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A transcript stands in order of time, tells every call once, or twice when
// it is cut, and is the same however the capture is split.
func TestReordererOnRandomStreams(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		events := randomEvents(r, 2000)
		patience := int64(r.IntN(3000))
		window := 1 << r.IntN(10)
		o := text.ReorderOptions{Patience: patience, Window: window, Notices: notices, Linked: true}
		want := render(t, events, 1<<20, o, text.Options{})
		for _, size := range []int{1, 3, 100} {
			if got := render(t, events, size, o, text.Options{}); got != want {
				t.Fatalf("seed %d: batches of %d rows give another text", seed, size)
			}
		}
		last, due := int64(-1), int64(-1)
		whole, begun, resumed, calls := 0, 0, 0, 0
		eachLine(t, events, 64, o, func(*format.SymbolTable) func(*text.Line) error {
			return func(l *text.Line) error {
				if l.TS < last {
					t.Errorf("seed %d: a line at %d comes after %d", seed, l.TS, last)
				}
				if l.Due < due {
					t.Errorf("seed %d: a line is due at %d after %d", seed, l.Due, due)
				}
				last, due = l.TS, l.Due
				switch l.Form {
				case text.Whole:
					whole++
				case text.Begun:
					begun++
				case text.Resumed:
					resumed++
				}
				return nil
			}
		})
		names := format.NewSymbolTable()
		b := format.NewBatch(names, len(events))
		for _, e := range events {
			b.Append(e)
		}
		p := replay.NewPairer(replay.PairOptions{})
		out, err := p.Push(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		out = p.Finish(out)
		calls = len(out)
		if got := whole + begun; got != calls {
			t.Errorf("seed %d: %d lines begin a call, there are %d calls", seed, got, calls)
		}
		if resumed > begun {
			t.Errorf("seed %d: %d lines resume %d calls", seed, resumed, begun)
		}
	}
}

// randomEvents makes calls of several threads, some long, some without end,
// in order of time.
func randomEvents(r *rand.Rand, n int) []format.Event {
	var events []format.Event
	open := map[int32]format.Event{}
	ts := int64(1000)
	for range n {
		ts += int64(r.IntN(200))
		tid := int32(10 + r.IntN(6))
		e := format.Event{TS: ts, Seq: int64(len(events)), PID: 10, TID: tid, Nr: 0, Syscall: "read", Kind: format.Enter}
		in, ok := open[tid]
		switch {
		case r.IntN(50) == 0:
			e.Kind, e.Nr, e.Syscall = format.Lost, -1, ""
			e.PID, e.TID = 0, 0
			e.Args = [6]int64{2, ts, ts, 1, 1, 0}
		case r.IntN(60) == 0:
			e.Kind, e.Nr, e.Syscall = format.ThreadEnd, -1, ""
			delete(open, tid)
		case ok && r.IntN(12) != 0:
			e = in
			e.TS, e.Seq, e.Kind, e.Args, e.Ret = ts, int64(len(events)), format.Exit, [6]int64{}, int64(r.IntN(20)-4)
			delete(open, tid)
		default:
			if r.IntN(8) == 0 {
				e.Nr, e.Syscall = 202, "futex"
			}
			open[tid] = e
		}
		events = append(events, e)
	}
	return events
}

func TestParseColumns(t *testing.T) {
	for in, want := range map[string]string{
		"time,call":       "[time call]",
		"+cpu":            "[time cpu tid comm call result dur]",
		"-comm,-dur":      "[time tid call result]",
		"+status,-time":   "[tid comm call result dur status]",
		"call, call ":     "[call]",
		"+delta":          "[time delta tid comm call result dur]",
		"+container,+pid": "[time container pid tid comm call result dur]",
	} {
		got, err := text.ParseColumns(in)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("ParseColumns(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "tme", "time,,call", "-time,-tid,-comm,-call,-result,-dur"} {
		if cols, err := text.ParseColumns(in); err == nil {
			t.Errorf("ParseColumns(%q) = %v, want an error", in, cols)
		}
	}
}

// What a capture's names hold never reaches the terminal as it is.
func TestNoControlCharacters(t *testing.T) {
	evil := "x\x1b]0;owned\x07\n\r\u202e"
	events := []format.Event{
		{TS: 1, Seq: 0, Kind: format.Enter, PID: 1, TID: 1, Syscall: evil, Comm: evil, Container: evil},
		{TS: 2, Seq: 1, Kind: format.Exit, PID: 1, TID: 1, Syscall: evil, Comm: evil, Container: evil},
		{TS: 3, Seq: 2, Kind: format.Exec, PID: 1, TID: 1, Nr: -1, Detail: evil, Comm: evil, Args: [6]int64{1}},
		{TS: 4, Seq: 3, Kind: format.Rename, PID: 1, TID: 1, Nr: -1, Comm: evil},
	}
	cols, _ := text.ParseColumns("+container,+cpu,+pid,+abi,+seq,+status,+delta")
	got := render(t, events, 10, text.ReorderOptions{Notices: notices}, text.Options{Columns: cols})
	b := format.NewBatch(format.NewSymbolTable(), 4)
	for _, e := range events {
		b.Append(e)
	}
	p := text.NewPrinter(b.Symbols, text.Options{Columns: cols})
	raw := []byte(got)
	for i := range b.N {
		raw = p.AppendEvent(raw, b, i)
	}
	if n := bytes.Count(raw, []byte{'\n'}); n != 7 {
		t.Errorf("%d lines, want 3 of calls and 4 of rows:\n%q", n, raw)
	}
	for _, c := range []string{"\x1b", "\x07", "\r", "\u202e"} {
		if bytes.Contains(raw, []byte(c)) {
			t.Errorf("%q got through:\n%q", c, raw)
		}
	}
}

// bench returns a batch of ordinary calls and their pairs.
func bench(n int) (*format.Batch, *replay.Pairer) {
	b := format.NewBatch(format.NewSymbolTable(), 2*n)
	calls := format.MustParseText(`0 enter 7/8 read(3, 0x7f0000001000, 4096) comm="web"
0 enter 7/9 openat(-100, 0x7ffe00001234, 0x80000) comm="worker"
0 enter 7/8 futex(0x7f0000001000, 128, 2, 0) comm="web"
0 enter 7/9 close(3) comm="worker"
0 enter 7/9 newfstatat(3, 0x7f0000001000, 0x7f0000002000, 0x1000) comm="worker"
0 enter 7/8 write(1, 0x7f0000001000, 12) comm="web"`)
	rets := []int64{12, -2, 0, 0, 0, 12}
	ts := int64(1e18)
	for i := range n {
		k := i % len(calls)
		e := calls[k]
		e.TS, e.Seq = ts, int64(2*i)
		b.Append(e)
		e.TS, e.Seq, e.Kind, e.Args, e.Ret = ts+700, e.Seq+1, format.Exit, [6]int64{}, rets[k]
		b.Append(e)
		ts += 1000
	}
	return b, replay.NewPairer(replay.PairOptions{})
}

func TestLinesAllocateNothing(t *testing.T) {
	b, pairer := bench(1000)
	calls, err := pairer.Push(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := text.NewPrinter(b.Symbols, text.Options{Colour: true, Time: text.Clock})
	w := text.NewReorderer(text.ReorderOptions{Patience: 1e7, Notices: notices})
	buf := make([]byte, 0, 1<<20)
	emit := func(l *text.Line) error {
		buf = p.AppendLine(buf, l)
		return nil
	}
	push := func() {
		buf = buf[:0]
		if err := w.Push(b, slices.Clip(calls), emit); err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			buf = p.AppendEvent(buf[:0], b, i)
		}
	}
	if n := testing.AllocsPerRun(5, push); n > 1 {
		t.Errorf("%v allocations for 1000 calls, want none", n)
	}
}

func BenchmarkLines(b *testing.B) {
	const n = 100_000
	batch, pairer := bench(n)
	calls, err := pairer.Push(batch, nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, colour := range []bool{false, true} {
		b.Run(fmt.Sprintf("colour=%t", colour), func(b *testing.B) {
			p := text.NewPrinter(batch.Symbols, text.Options{Colour: colour})
			var buf []byte
			lines := 0
			emit := func(l *text.Line) error {
				if len(buf) > 1<<16 {
					buf = buf[:0]
				}
				lines++
				buf = p.AppendLine(buf, l)
				return nil
			}
			for b.Loop() {
				w := text.NewReorderer(text.ReorderOptions{Patience: 1e7})
				if err := w.Push(batch, calls, emit); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(lines)/b.Elapsed().Seconds()/1e6, "Mlines/s")
		})
	}
}
