package format_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"systape/format"
)

// readBytes reads a capture of the given bytes.
func readBytes(t testing.TB, data []byte, opt format.ReadOptions) ([]format.Event, error) {
	t.Helper()
	r, err := format.OpenBytes(data, opt)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out []format.Event
	var b format.Batch
	for {
		if err := r.Next(&b); err != nil {
			return out, err
		}
		for i := range b.N {
			out = append(out, b.At(i))
		}
	}
}

// smallEvents make a file in which every encoding occurs and that is small
// enough to be damaged at every byte.
func smallEvents() []format.Event {
	m := newMix(31, 3)
	m.seq = 4999 // so that an exec is among them
	ev := make([]format.Event, 60)
	for i := range ev {
		ev[i] = m.next()
		ev[i].Seq = int64(i)
	}
	return ev
}

// checkPrefix demands that what was delivered is a prefix of what was written
// and that a prefix never passes for the whole.
func checkPrefix(t *testing.T, what string, got, want []format.Event, err error) {
	t.Helper()
	if len(got) > len(want) {
		t.Errorf("%s: %d events, there were %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s: event %d is wrong and there was no error:\n got %+v\nwant %+v", what, i, got[i], want[i])
			return
		}
	}
	if err == io.EOF && len(got) != len(want) {
		t.Errorf("%s: %d of %d events pass for all", what, len(got), len(want))
	}
	if err == nil {
		t.Errorf("%s: reading did not end", what)
	}
	if err != nil && strings.Contains(err.Error(), "internal error") {
		t.Errorf("%s: panic: %v", what, err)
	}
}

func TestEveryTruncationIsNoticed(t *testing.T) {
	ev := smallEvents()
	for form := range writers {
		data := encode(t, form, ev, 30)
		for n := range len(data) {
			got, err := readBytes(t, data[:n], format.ReadOptions{})
			checkPrefix(t, form+" cut to "+itoa(n), got, ev, err)
			if err == io.EOF {
				t.Fatalf("%s cut to %d of %d bytes passes for complete", form, n, len(data))
			}
		}
	}
}

func TestEveryDamagedByteIsNoticed(t *testing.T) {
	ev := smallEvents()
	for form := range writers {
		data := encode(t, form, ev, 30)
		quiet := 0
		for i := range data {
			bad := bytes.Clone(data)
			bad[i] ^= []byte{0x01, 0x80, 0xff, 0x10}[i%4]
			got, err := readBytes(t, bad, format.ReadOptions{})
			checkPrefix(t, form+", byte "+itoa(i), got, ev, err)
			if err == io.EOF {
				quiet++
			}
		}
		t.Logf("%s: %d bytes, %d damages changed nothing that is read", form, len(data), quiet)
	}
}

// Damage to the parts that tell a reader what it may skip must not make it
// skip rows that are there.
func TestDamageNeverHidesRows(t *testing.T) {
	ev := smallEvents()
	data := encode(t, "parquet", ev, 30)
	opt := format.ReadOptions{From: ev[20].TS, To: ev[50].TS, Kinds: []format.Kind{format.Exec, format.Enter}}
	for i := len(data) * 2 / 3; i < len(data); i++ {
		bad := bytes.Clone(data)
		bad[i] ^= 0x04
		got, err := readBytes(t, bad, opt)
		checkPrefix(t, "byte "+itoa(i), got, ev[20:50], err)
	}
}

// limitedWriter accepts n bytes and then fails, or writes short without
// saying so.
type limitedWriter struct {
	n     int
	short bool
}

var errFull = errors.New("no space left")

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n >= 0 {
		return len(p), nil
	}
	n := max(len(p)+w.n, 0)
	w.n = 0
	if w.short && n < len(p) {
		return n, nil
	}
	return n, errFull
}

// Whatever byte the disk refuses, the writer says so: arrow v17's own Close
// would not.
func TestEveryRefusedByteIsAnError(t *testing.T) {
	ev := smallEvents()
	for form, write := range writers {
		size := len(encode(t, form, ev, 30))
		for n := range size {
			for _, short := range []bool{false, true} {
				if short && n%7 != 0 || form == "spool" && n%3 != 0 {
					continue
				}
				err := write(t, &limitedWriter{n, short}, ev, 30)
				want := errFull
				if short {
					want = io.ErrShortWrite
				}
				if !errors.Is(err, want) {
					t.Fatalf("%s, %d of %d bytes accepted: got %v, want %v", form, n, size, err, want)
				}
			}
		}
		if err := write(t, &limitedWriter{size, false}, ev, 30); err != nil {
			t.Errorf("%s, all bytes accepted: %v", form, err)
		}
	}
}

func TestTableWriterReportsEveryRefusedByte(t *testing.T) {
	write := func(w io.Writer, f format.TableFormat) error {
		tw, err := format.NewTableWriter(w, f, []format.Column{{Name: "a", Type: format.Int64}, {Name: "s", Type: format.String}}, map[string]string{"k": "v"})
		if err != nil {
			return err
		}
		for i := range int64(50) {
			*tw.Int64(0) = append(*tw.Int64(0), i)
			*tw.Strings(1) = append(*tw.Strings(1), "word")
		}
		return tw.Close()
	}
	for _, f := range []format.TableFormat{format.Parquet, format.ArrowStream} {
		var all countWriter
		if err := write(&all, f); err != nil {
			t.Fatal(err)
		}
		for n := range int(all.n) {
			if err := write(&limitedWriter{n, false}, f); !errors.Is(err, errFull) {
				t.Fatalf("format %d, %d bytes accepted: got %v", f, n, err)
			}
		}
	}
}

// After an error a writer stays failed, and does not write on behind the gap.
func TestWriterErrorsStick(t *testing.T) {
	b := batches(smallEvents(), 1000)[0]
	w := &limitedWriter{n: 4000}
	s, err := format.NewSpoolWriter(w, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(b); !errors.Is(err, errFull) {
		t.Fatalf("got %v, want the disk to be full", err)
	}
	good := s.Bytes()
	w.n = 1 << 20
	follow(b)
	if err := s.Write(b); !errors.Is(err, errFull) {
		t.Errorf("after the error: got %v, want it again", err)
	}
	if err := s.Close(completed()); !errors.Is(err, errFull) {
		t.Errorf("close after the error: got %v, want it again", err)
	}
	if s.Bytes() != good || w.n != 1<<20 {
		t.Errorf("wrote behind the gap: %d bytes whole, want %d", s.Bytes(), good)
	}
}

// A reader that is closed early leaves no goroutine behind.
func TestCloseEndsTheDecoder(t *testing.T) {
	path := put(t, encode(t, "parquet", events(32, 100_000), 10_000))
	before := runtime.NumGoroutine()
	for range 20 {
		r, err := format.Open([]string{path}, format.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var b format.Batch
		if err := r.Next(&b); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := r.Next(&b); err == nil || err == io.EOF {
			t.Fatalf("next after close: got %v", err)
		}
	}
	// A goroutine that has said that it is done still counts for a moment.
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
