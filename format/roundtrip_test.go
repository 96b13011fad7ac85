package format_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"systape/format"
)

const groupRows = 1 << 17 // of FORMAT.md

// events returns n events of the mix.
func events(seed uint64, n int) []format.Event {
	m := newMix(seed, 9)
	out := make([]format.Event, n)
	for i := range out {
		out[i] = m.next()
	}
	return out
}

// batches returns the events as batches of at most size rows.
func batches(ev []format.Event, size int) []*format.Batch {
	names := format.NewSymbolTable()
	var out []*format.Batch
	for len(ev) > 0 {
		n := min(size, len(ev))
		b := format.NewBatch(names, n)
		for _, e := range ev[:n] {
			b.Append(e)
		}
		out = append(out, b)
		ev = ev[n:]
	}
	return out
}

// completed is testMeta as it is when a recording has ended properly.
func completed() *format.Meta {
	m := testMeta()
	m.Complete, m.Part.Last = true, true
	m.Counts = &format.Counts{PerCPU: []format.CPUCounts{{CPU: 0, Enters: 5, Exits: 4}, {CPU: 1, LostExits: 1}}}
	m.Probes = []format.Probe{{Name: "sys_exit", AttachNS: 1, DetachNS: 9}, {Name: "sys_enter", AttachNS: 2, DetachNS: 8}}
	return m
}

func writeSpool(t testing.TB, w io.Writer, ev []format.Event, size int) error {
	t.Helper()
	s, err := format.NewSpoolWriter(w, testMeta())
	if err != nil {
		return err
	}
	for _, b := range batches(ev, size) {
		if err := s.Write(b); err != nil {
			return err
		}
	}
	return s.Close(completed())
}

func writeParquet(t testing.TB, w io.Writer, ev []format.Event, size int) error {
	t.Helper()
	s, err := format.NewParquetWriter(w, testMeta())
	if err != nil {
		return err
	}
	for _, b := range batches(ev, size) {
		if err := s.Write(b); err != nil {
			return err
		}
	}
	return s.Close(completed())
}

// writers are the two forms of a capture; what holds for one holds for both.
var writers = map[string]func(t testing.TB, w io.Writer, ev []format.Event, size int) error{
	"spool":   writeSpool,
	"parquet": writeParquet,
}

// encode returns the bytes of a capture of ev.
func encode(t testing.TB, form string, ev []format.Event, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writers[form](t, &b, ev, size); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// put writes data to a new file.
func put(t testing.TB, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// read returns all events of a capture, and the error that ended it.
func read(t testing.TB, paths []string, opt format.ReadOptions) ([]format.Event, *format.Meta, error) {
	t.Helper()
	r, err := format.Open(paths, opt)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var out []format.Event
	var b format.Batch
	for {
		if err := r.Next(&b); err != nil {
			return out, r.Meta(), err
		}
		for i := range b.N {
			out = append(out, b.At(i))
		}
	}
}

// same reports the first difference between two runs of events.
func same(t testing.TB, got, want []format.Event) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("event %d:\n got %+v\nwant %+v", i, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d events, want %d", len(got), len(want))
	}
}

func TestRoundTripAtBoundarySizes(t *testing.T) {
	all := events(1, 2*groupRows+7)
	for form := range writers {
		for _, n := range []int{0, 1, 2, 8191, 8192, 8193, groupRows - 1, groupRows, groupRows + 1, 2*groupRows + 7} {
			for _, size := range []int{1 << 30, 1000} {
				if size == 1000 && n > 8193 && n <= groupRows+1 && n != groupRows {
					continue
				}
				t.Run(form+"/"+itoa(n)+"/"+itoa(size), func(t *testing.T) {
					got, meta, err := read(t, []string{put(t, encode(t, form, all[:n], size))}, format.ReadOptions{})
					if err != io.EOF {
						t.Errorf("ended with %v, want io.EOF", err)
					}
					same(t, got, all[:n])
					want := completed()
					want.Part.Rows = int64(n)
					if !reflect.DeepEqual(meta, want) {
						t.Errorf("metadata\n got %+v\nwant %+v", meta, want)
					}
				})
			}
		}
	}
}

// Values at the edges of their types, and the names and texts that are hardest
// on a file.
func TestRoundTripOfEdgeValues(t *testing.T) {
	edges := []int64{0, 1, -1, 1 << 31, -1 << 31, 1<<63 - 1, -1 << 63, 4096, -516}
	var ev []format.Event
	for i, v := range edges {
		for k := range 7 {
			e := format.Event{TS: int64(i*1000 + k), Seq: int64(len(ev)), Kind: format.Kind(k), Nr: int32(v), CPU: int32(v >> 3), PID: int32(v), TID: -int32(v), Ret: v}
			for a := range e.Args {
				e.Args[a] = edges[(i+a*k)%len(edges)]
			}
			e.Comm = []string{"", "a", "ein Name mit ß", "\x00", "0123456789abcde"}[k%5]
			e.Detail = []string{"", "/bin/ls", string(bytes.Repeat([]byte("x"), 4096))}[i%3]
			ev = append(ev, e)
		}
	}
	for form := range writers {
		t.Run(form, func(t *testing.T) {
			got, _, err := read(t, []string{put(t, encode(t, form, ev, 10))}, format.ReadOptions{})
			if err != io.EOF {
				t.Error(err)
			}
			same(t, got, ev)
		})
	}
}

func TestSpoolBecomesParquetAndStaysTheSame(t *testing.T) {
	ev := events(3, 20_000)
	spool := put(t, encode(t, "spool", ev, 777))
	r, err := format.Open([]string{spool}, format.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out bytes.Buffer
	w, err := format.NewParquetWriter(&out, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	var b format.Batch
	for err = r.Next(&b); err == nil; err = r.Next(&b) {
		if err := w.Write(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	if err := w.Close(completed()); err != nil {
		t.Fatal(err)
	}
	if want := encode(t, "parquet", ev, 123); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%d bytes by way of the spool, %d directly, or other bytes", out.Len(), len(want))
	}
}

func TestColumnsNotAskedForStayEmpty(t *testing.T) {
	ev := events(2, 10_000)
	for form := range writers {
		t.Run(form, func(t *testing.T) {
			got, _, err := read(t, []string{put(t, encode(t, form, ev, 4096))}, format.ReadOptions{Columns: format.ColTID | format.ColArg1 | format.ColKind})
			if err != io.EOF {
				t.Error(err)
			}
			want := make([]format.Event, len(ev))
			for i, e := range ev {
				want[i] = format.Event{TID: e.TID, Kind: e.Kind, Args: [6]int64{1: e.Args[1]}}
			}
			same(t, got, want)
		})
	}
}

func TestFromAndToCutExactly(t *testing.T) {
	ev := events(4, 3*groupRows/2)
	at := func(i int) int64 { return ev[i].TS }
	for form := range writers {
		path := put(t, encode(t, form, ev, 60_000))
		for name, span := range map[string][2]int{"middle": {70_000, 140_000}, "first": {0, 1}, "first group only": {10, 20}, "last group only": {groupRows + 3, groupRows + 9}, "all": {0, len(ev) - 1}} {
			t.Run(form+"/"+name, func(t *testing.T) {
				got, _, err := read(t, []string{path}, format.ReadOptions{From: at(span[0]), To: at(span[1])})
				if err != io.EOF {
					t.Errorf("ended with %v, want io.EOF", err)
				}
				same(t, got, ev[span[0]:span[1]])
			})
		}
	}
}

func TestWriterRefusesRowsOutOfOrder(t *testing.T) {
	ev := events(5, 100)
	for form, open := range map[string]func() (interface{ Write(*format.Batch) error }, error){
		"spool": func() (interface{ Write(*format.Batch) error }, error) {
			return format.NewSpoolWriter(io.Discard, testMeta())
		},
		"parquet": func() (interface{ Write(*format.Batch) error }, error) {
			return format.NewParquetWriter(io.Discard, testMeta())
		},
	} {
		for _, c := range []struct {
			name, column string
			harm         func(b *format.Batch)
		}{
			{"hole", "seq", func(b *format.Batch) { b.Seq[7]++ }},
			{"time runs back", "ts_ns", func(b *format.Batch) { b.TS[7] = 0 }},
			{"short column", "arg3", func(b *format.Batch) { b.Args[3] = b.Args[3][:5] }},
			{"unknown kind", "kind", func(b *format.Batch) { b.Kind[9] = 200 }},
			{"unknown ABI", "abi", func(b *format.Batch) { b.ABI[9] = 77 }},
		} {
			t.Run(form+"/"+c.name, func(t *testing.T) {
				w, err := open()
				if err != nil {
					t.Fatal(err)
				}
				b := batches(ev, 100)[0]
				c.harm(b)
				var corrupt *format.CorruptError
				if err := w.Write(b); err == nil || errors.As(err, &corrupt) && corrupt.Column != c.column {
					t.Errorf("got %v, want an error about %s", err, c.column)
				}
				if err := w.Write(batches(ev, 100)[0]); err != nil {
					t.Errorf("a good batch after the refused one: %v", err)
				}
			})
		}
	}
}

func TestGroupsWithoutWantedKindsAreLeftOut(t *testing.T) {
	names := format.NewSymbolTable()
	var out bytes.Buffer
	w, err := format.NewParquetWriter(&out, nil)
	if err != nil {
		t.Fatal(err)
	}
	const groups, lost = 4, 2*groupRows + 77 // a loss in the third row group only
	b := format.NewBatch(names, groups*groupRows)
	for i := range groups * groupRows {
		e := format.Event{TS: int64(i), Seq: int64(i), Kind: format.Kind(i % 2), Syscall: "read"}
		if i == lost {
			e = format.Event{TS: int64(i), Seq: int64(i), Kind: format.Lost, Nr: -1}
		}
		b.Append(e)
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(completed()); err != nil {
		t.Fatal(err)
	}
	path := put(t, out.Bytes())
	for _, c := range []struct {
		kinds []format.Kind
		rows  int
	}{{nil, groups * groupRows}, {[]format.Kind{format.Lost, format.Fork}, groupRows}, {[]format.Kind{format.Fork}, 0}, {[]format.Kind{format.Exit}, groups * groupRows}} {
		got, _, err := read(t, []string{path}, format.ReadOptions{Kinds: c.kinds})
		if err != io.EOF || len(got) != c.rows {
			t.Errorf("%v: %d rows and %v, want %d and io.EOF", c.kinds, len(got), err, c.rows)
		}
		if c.rows == groupRows && got[77].Kind != format.Lost {
			t.Errorf("row 77 is %v, want lost", got[77].Kind)
		}
	}
}
