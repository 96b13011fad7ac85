package format_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// recording is a recorder at work: a spool that grows.
type recording struct {
	t     *testing.T
	path  string
	file  *os.File
	spool *format.SpoolWriter
	bs    []*format.Batch
}

func record(t *testing.T, ev []format.Event, size int) *recording {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.parquet")
	f, err := os.Create(path + format.SpoolSuffix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w, err := format.NewSpoolWriter(f, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	return &recording{t, path, f, w, batches(ev, size)}
}

func (r *recording) write(n int) {
	r.t.Helper()
	for range n {
		if err := r.spool.Write(r.bs[0]); err != nil {
			r.t.Fatal(err)
		}
		r.bs = r.bs[1:]
	}
}

func (r *recording) end() {
	r.t.Helper()
	r.write(len(r.bs))
	if err := r.spool.Close(completed()); err != nil {
		r.t.Fatal(err)
	}
}

func exists(path string) bool { _, err := os.Lstat(path); return err == nil }

func TestSealerFollowsARecording(t *testing.T) {
	ev := events(11, groupRows+5000)
	r := record(t, ev, 9000)
	s, err := format.NewSealer(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	step := func() {
		for {
			more, err := s.Step(r.spool.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				return
			}
		}
	}
	step()
	for len(r.bs) > 3 {
		r.write(1)
		step()
		step()
		r.write(2)
	}
	r.end()
	if exists(r.path) {
		t.Error("the capture has its name before it is whole")
	}
	res, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if res.Rows != int64(len(ev)) {
		t.Errorf("got %d rows, want %d", res.Rows, len(ev))
	}
	if exists(r.path+format.SpoolSuffix) || exists(r.path+format.PartialSuffix) {
		t.Error("the spool or the partial file is still there")
	}
	if st, err := os.Stat(r.path); err != nil || st.Mode().Perm() != 0o600 || st.Size() != res.Bytes {
		t.Errorf("the capture: %v, %v, want mode 0600 and %d bytes", st, err, res.Bytes)
	}
	got, meta, err := read(t, []string{r.path}, format.ReadOptions{})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
	if !meta.Complete || meta.Counts == nil {
		t.Errorf("metadata is not the closing one: %+v", meta)
	}
}

// A recording of more names than a table has is sealed, and so is what comes after
// the sealer has forgotten them, in the middle of a row group too.
func TestSealingOfVeryManyNames(t *testing.T) {
	const names, each = 90_000, 2
	ev := make([]format.Event, 0, names*each)
	for i := range cap(ev) {
		n := i / each
		ev = append(ev, format.Event{TS: int64(i), Seq: int64(i), Kind: format.Kind(i % 2), PID: int32(n), TID: int32(n), Nr: 39,
			Syscall: "getpid", Comm: fmt.Sprint("thread", n), Container: fmt.Sprint("c", n/1000)})
	}
	for _, how := range []string{"while it is recorded", "afterwards"} {
		r := record(t, ev, 9000)
		s, err := format.NewSealer(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for len(r.bs) > 0 && how == "while it is recorded" {
			r.write(1)
			for more := true; more; {
				if more, err = s.Step(r.spool.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
		}
		r.end()
		if _, err := s.Finish(); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		got, _, err := read(t, []string{r.path}, format.ReadOptions{})
		if err != io.EOF {
			t.Error(err)
		}
		same(t, got, ev)
	}
}

func TestSealingNeverOverwritesACapture(t *testing.T) {
	r := record(t, events(1, 10), 10)
	r.end()
	if err := os.WriteFile(r.path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := format.Seal(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want one that says the file exists", err)
	}
	if b, _ := os.ReadFile(r.path); string(b) != "precious" {
		t.Error("the capture was overwritten")
	}
	if _, err := format.Seal(r.path+format.SpoolSuffix, r.path, format.SealOptions{FileOptions: format.FileOptions{Force: true}}); err != nil {
		t.Errorf("with force: %v", err)
	}
}

// A file that takes the name while the sealer works is not overwritten either.
func TestSealingNeverOverwritesANewcomer(t *testing.T) {
	r := record(t, events(1, 10), 10)
	s, err := format.NewSealer(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.end()
	if err := os.WriteFile(r.path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Finish(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v, want one that says the file exists", err)
	}
	if b, _ := os.ReadFile(r.path); string(b) != "precious" {
		t.Error("the capture was overwritten")
	}
	if exists(r.path+format.PartialSuffix) || !exists(r.path+format.SpoolSuffix) {
		t.Error("want the partial file gone and the spool there")
	}
}

func TestSealRefusesATornSpool(t *testing.T) {
	r := record(t, events(1, 100), 10)
	r.write(5)
	_, err := format.Seal(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
	if !errors.Is(err, format.ErrIncomplete) {
		t.Errorf("got %v, want ErrIncomplete", err)
	}
	if exists(r.path) || exists(r.path+format.PartialSuffix) || !exists(r.path+format.SpoolSuffix) {
		t.Error("want the spool and nothing else")
	}
}

// Killed at any moment: the folder is as the recorder left it, and recover
// gets every batch that was written.
func TestRecoverAfterKill(t *testing.T) {
	ev := events(12, 1000)
	for written := range 6 {
		for _, torn := range []int64{0, 1, 7, 8, 9, 300} {
			t.Run(itoa(written)+" batches, "+itoa(int(torn))+" bytes torn off", func(t *testing.T) {
				r := record(t, ev, 200)
				s, err := format.NewSealer(r.path+format.SpoolSuffix, r.path, format.SealOptions{})
				if err != nil {
					t.Fatal(err)
				}
				r.write(max(written-1, 0))
				if _, err := s.Step(r.spool.Bytes()); err != nil {
					t.Fatal(err)
				}
				want := 200 * written
				if torn > 0 && written > 0 {
					want -= 200
				}
				if written > 0 {
					r.write(1)
				}
				if torn > 0 && written == 0 {
					t.Skip("no batch to tear")
				}
				if err := r.file.Truncate(r.spool.Bytes() - torn); err != nil {
					t.Fatal(err)
				}
				out := filepath.Join(t.TempDir(), "out.parquet")
				res, err := format.Recover(r.path+format.SpoolSuffix, out, format.FileOptions{})
				if want == 0 && torn > 0 { // events were there, and none can be saved
					if _, ok := errors.AsType[*format.CorruptError](err); !ok || exists(out) {
						t.Errorf("nothing can be saved, got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if res.Rows != int64(want) || res.Complete || len(res.Problems) == 0 {
					t.Errorf("got %d rows, complete %v, why %v; want %d, false, a reason", res.Rows, res.Complete, res.Problems, want)
				}
				got, meta, err := read(t, []string{out}, format.ReadOptions{})
				if !errors.Is(err, format.ErrIncomplete) {
					t.Errorf("reading ended with %v, want ErrIncomplete", err)
				}
				same(t, got, ev[:want])
				if meta.Complete || !strings.Contains(meta.Recovered, "recovered from trace.parquet.spool") {
					t.Errorf("metadata: complete %v, recovered %q", meta.Complete, meta.Recovered)
				}
				if !exists(r.path + format.SpoolSuffix) {
					t.Error("recover deleted the spool")
				}
			})
		}
	}
}

func TestRecoverOfAWholeSpoolIsComplete(t *testing.T) {
	ev := events(13, 500)
	r := record(t, ev, 200)
	r.end()
	res, err := format.Recover(r.path+format.SpoolSuffix, r.path, format.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !res.Complete || res.Problems != nil || res.Unusable != 0 || res.FirstNS != ev[0].TS || res.LastNS != ev[499].TS {
		t.Errorf("got %+v", res)
	}
	if _, _, err := read(t, []string{r.path}, format.ReadOptions{}); err != io.EOF {
		t.Errorf("reading ended with %v, want io.EOF", err)
	}
}

// What an earlier recovery did not save is told by every later one, and by
// every part of a recording.
func TestRecoveredStaysIncomplete(t *testing.T) {
	spool := encode(t, "spool", events(23, 3000), 500)
	first := filepath.Join(t.TempDir(), "first")
	once, err := format.Recover(put(t, spool[:len(spool)*2/3]), first, format.FileOptions{})
	if err != nil || once.Complete || once.Earlier != "" || len(once.Problems) == 0 {
		t.Fatalf("%+v, %v", once, err)
	}
	for from, round := first, 2; round < 5; round++ {
		to := filepath.Join(t.TempDir(), "again")
		res, err := format.Recover(from, to, format.FileOptions{})
		if err != nil || res.Complete || res.Rows != once.Rows || res.Earlier != once.Meta.Recovered || len(res.Problems) != 0 || res.Unusable != 0 {
			t.Fatalf("round %d: %+v, %v", round, res, err)
		}
		_, meta, err := read(t, []string{to}, format.ReadOptions{})
		if meta.Complete || meta.Recovered != once.Meta.Recovered || !errors.Is(err, format.ErrIncomplete) {
			t.Errorf("round %d: complete %v, %q, %v", round, meta.Complete, meta.Recovered, err)
		}
		from = to
	}
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	both, err := format.Recover(put(t, data[:len(data)-3]), filepath.Join(t.TempDir(), "both"), format.FileOptions{})
	if err != nil || both.Complete || !strings.Contains(both.Meta.Recovered, "recovered from") {
		t.Errorf("a damaged recovered capture: %+v, %v", both, err)
	}
}

// A part that was recovered does not put the others out of order: its rows
// are counted anew, the others keep their seq, and the whole is incomplete.
func TestRecoveredPartAmongOthers(t *testing.T) {
	ev := events(15, 3000)
	dir := t.TempDir()
	for i := range 3 {
		writePart(t, filepath.Join(dir, fmt.Sprintf("part-%d.parquet.spool", i+1)), "spool", ev, format.Part{Number: i + 1, FirstSeq: int64(i * 1000), Rows: 1000, Last: i == 2})
	}
	second := filepath.Join(dir, "part-2.parquet.spool")
	data, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(second, data, 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := format.Recover(second, filepath.Join(dir, "saved.parquet"), format.FileOptions{})
	if err != nil || res.Lost == 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	got, meta, err := read(t, []string{dir}, format.ReadOptions{})
	if !errors.Is(err, format.ErrIncomplete) || !strings.Contains(err.Error(), "saved.parquet") || meta.Complete || meta.Counts != nil {
		t.Errorf("complete %v, %v", meta.Complete, err)
	}
	if len(got) != 3000-int(res.Lost)+1 || got[len(got)-1] != ev[2999] || got[0] != ev[0] {
		t.Errorf("%d rows from %+v to %+v", len(got), got[0], got[len(got)-1])
	}
	rep, err := format.Verify(t.Context(), []string{dir}, format.ReadOptions{})
	if err != nil || !rep.OK() || !strings.Contains(rep.Rules[11].Detail, "not complete: recovered") {
		t.Errorf("%+v, %v", rep, err)
	}
}

// What a capture's bytes are after an accident, and how many rows must survive.
func TestRecoverTable(t *testing.T) {
	ev := events(14, groupRows+8000)
	pq, spool := encode(t, "parquet", ev, 1<<20), encode(t, "spool", ev[:1000], 100)
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(len(b)+at)%len(b)] ^= 0x10; return b }
	}
	zeros := func(keep int) func([]byte) []byte {
		return func(b []byte) []byte { clear(b[len(b)-keep:]); return b }
	}
	for _, c := range []struct {
		name string
		data []byte
		harm func([]byte) []byte
		rows int    // -1: nothing can be recovered
		gone [2]int // events between others that are gone
	}{
		{"parquet without its last byte", pq, cut(1), len(ev), [2]int{}},
		{"parquet without its footer", pq, cut(9000), groupRows, [2]int{}},
		{"parquet cut in its second row group", pq, cut(20_000), groupRows, [2]int{}},
		{"parquet cut in its first row group", pq, func(b []byte) []byte { return b[:200_000] }, -1, [2]int{}},
		{"parquet, flipped byte in the footer", pq, flip(-2000), len(ev), [2]int{}},
		{"parquet, flipped byte in the first page", pq, flip(5000), 8000, [2]int{0, groupRows}},
		{"parquet, flipped byte in the last page", pq, flip(-12_000), groupRows, [2]int{groupRows, groupRows + 8000}},
		{"parquet of nothing but its magic number", pq, func(b []byte) []byte { return b[:4] }, -1, [2]int{}},
		{"spool without its last byte", spool, cut(1), 1000, [2]int{}},
		{"spool without its closing stream", spool, cut(1800), 1000, [2]int{}},
		{"spool cut in its last batch", spool, cut(4000), 900, [2]int{}},
		{"spool whose end was never written", spool, zeros(6000), 900, [2]int{}},
		{"spool, flipped byte in the middle", spool, flip(20_000), 900, [2]int{300, 400}},
		{"spool cut in its head", spool, func(b []byte) []byte { return b[:500] }, -1, [2]int{}},
		{"empty file", spool, func(b []byte) []byte { return b[:0] }, -1, [2]int{}},
		{"text file", []byte("hello, world\n"), func(b []byte) []byte { return b }, -1, [2]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			res, err := format.Recover(put(t, c.harm(append([]byte(nil), c.data...))), out, format.FileOptions{})
			if c.rows < 0 {
				if err == nil {
					t.Errorf("got %d rows and no error", res.Rows)
				}
				if exists(out) || exists(out+format.PartialSuffix) {
					t.Error("a file was left behind")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if res.Rows != int64(c.rows) {
				t.Errorf("got %d rows, want %d (%v)", res.Rows, c.rows, res.Problems)
			}
			got, meta, err := read(t, []string{out}, format.ReadOptions{})
			if !errors.Is(err, format.ErrIncomplete) {
				t.Errorf("ended with %v, want ErrIncomplete", err)
			}
			gone := c.gone[1] - c.gone[0]
			want := append(append([]format.Event(nil), ev[:c.gone[0]]...), ev[c.gone[1]:]...)[:c.rows]
			if gone > 0 {
				if len(got) <= c.gone[0] || got[c.gone[0]].Kind != format.Lost {
					t.Fatalf("no lost row at %d", c.gone[0])
				}
				lost := got[c.gone[0]]
				if lost.Args[format.LostCount] != int64(gone) || res.Lost != int64(gone) || lost.Args[format.LostCause] != int64(format.CauseDamaged) {
					t.Errorf("%+v tells of %d events, want %d", lost, res.Lost, gone)
				}
				if first, last := lost.Args[format.LostFirst], lost.Args[format.LostLast]; first > ev[c.gone[0]].TS || last < ev[c.gone[1]-1].TS {
					t.Errorf("lost from %d to %d, it was %d to %d", first, last, ev[c.gone[0]].TS, ev[c.gone[1]-1].TS)
				}
				got = append(got[:c.gone[0]:c.gone[0]], got[c.gone[0]+1:]...)
				for i := range got {
					got[i].Seq, want[i].Seq = 0, 0
				}
			}
			same(t, got, want)
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if rep := verify(t, data); !rep.OK() || rep.Damaged() {
				t.Errorf("it does not hold: %+v", rep.Rules)
			}
			if strings.Contains(meta.Recovered, "EOF") || res.Problems == nil {
				t.Errorf("it says %q", meta.Recovered)
			}
			if meta.Host != testMeta().Host {
				t.Errorf("host %+v was not recovered", meta.Host)
			}
		})
	}
}

// writePart writes one part of the recording ev.
func writePart(t *testing.T, path, form string, ev []format.Event, part format.Part) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	from, to := part.FirstSeq, part.FirstSeq+part.Rows
	m := testMeta()
	m.Part = format.Part{Number: part.Number, FirstSeq: from, Rows: -1, Last: true} // as far as is known at its begin
	var w interface {
		Write(*format.Batch) error
		Close(*format.Meta) error
	}
	if form == "spool" {
		w, err = format.NewSpoolWriter(f, m)
	} else {
		w, err = format.NewParquetWriter(f, m)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches(ev[from:to], 300) {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	m.Part.Last, m.Complete = part.Last, part.Last
	if err := w.Close(m); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPartsOfARecordingAreOneCapture(t *testing.T) {
	ev := events(15, 3000)
	dir := t.TempDir()
	write := func(name, form string, number, from, to int, last bool) string {
		return writePart(t, filepath.Join(dir, name), form, ev, format.Part{Number: number, FirstSeq: int64(from), Rows: int64(to - from), Last: last})
	}
	one := write("a-1.parquet", "parquet", 1, 0, 1000, false)
	two := write("a-2.parquet", "parquet", 2, 1000, 2000, false)
	write("a-2.parquet.spool", "spool", 2, 1000, 2000, false)
	three := write("a-3.parquet.spool", "spool", 3, 2000, 3000, true)

	for name, paths := range map[string][]string{"folder": {dir}, "any order": {three, one, two}} {
		t.Run(name, func(t *testing.T) {
			got, meta, err := read(t, paths, format.ReadOptions{})
			if err != io.EOF {
				t.Errorf("ended with %v, want io.EOF", err)
			}
			same(t, got, ev)
			if meta.Part.Number != 1 || meta.Part.FirstSeq != 0 {
				t.Errorf("part %+v", meta.Part)
			}
		})
	}
	t.Run("folder with a spool that was only begun", func(t *testing.T) {
		begun := filepath.Join(dir, "a-4.parquet.spool")
		if err := os.WriteFile(begun, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(begun)
		var warned []error
		got, _, err := read(t, []string{dir}, format.ReadOptions{Warn: func(err error) { warned = append(warned, err) }})
		if err != io.EOF || len(warned) != 1 {
			t.Errorf("ended with %v, %d warnings; want io.EOF and one", err, len(warned))
		}
		same(t, got, ev)
	})
	t.Run("first missing", func(t *testing.T) {
		var warned []error
		got, _, err := read(t, []string{two, three}, format.ReadOptions{Warn: func(err error) { warned = append(warned, err) }})
		if !errors.Is(err, format.ErrIncomplete) || len(warned) != 1 {
			t.Errorf("ended with %v, %d warnings; want ErrIncomplete and one", err, len(warned))
		}
		same(t, got, ev[1000:])
	})
	t.Run("last missing", func(t *testing.T) {
		got, _, err := read(t, []string{one, two}, format.ReadOptions{})
		if !errors.Is(err, format.ErrIncomplete) {
			t.Errorf("ended with %v, want ErrIncomplete", err)
		}
		same(t, got, ev[:2000])
	})
	t.Run("middle missing", func(t *testing.T) {
		got, _, err := read(t, []string{one, three}, format.ReadOptions{})
		if !errors.Is(err, format.ErrIncomplete) || !strings.Contains(err.Error(), "part 2 of the recording is missing") {
			t.Errorf("ended with %v, want that part 2 is missing", err)
		}
		for i, e := range got {
			if e.Kind != format.Lost || e.Args[format.LostCause] != int64(format.CauseDamaged) {
				continue
			}
			want := format.Event{TS: got[i-1].TS, Seq: got[i-1].Seq + 1, Kind: format.Lost, CPU: -1, Nr: -1}
			n := got[i+1].Seq - want.Seq
			want.Args = [6]int64{format.LostCount: n, format.LostFirst: want.TS, format.LostLast: got[i+1].TS, format.LostEnters: n / 2, format.LostExits: n - n/2, format.LostCause: int64(format.CauseDamaged)}
			if e != want || n <= 0 {
				t.Errorf("the missing part is told by %+v, want %+v", e, want)
			}
			return
		}
		t.Error("no row tells what is gone with the missing part")
	})
	t.Run("twice the same", func(t *testing.T) {
		if _, _, err := read(t, []string{one, one}, format.ReadOptions{}); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("another recording", func(t *testing.T) {
		m := testMeta()
		m.CaptureID = "another"
		f, _ := os.Create(filepath.Join(t.TempDir(), "other"))
		defer f.Close()
		w, _ := format.NewParquetWriter(f, m)
		w.Close(m)
		if _, _, err := read(t, []string{one, f.Name()}, format.ReadOptions{}); err == nil || !strings.Contains(err.Error(), "different recordings") {
			t.Errorf("got %v", err)
		}
	})
}

func TestOpenOfWhatIsNoCapture(t *testing.T) {
	if _, err := format.Open([]string{put(t, []byte("hello"))}, format.ReadOptions{}); !errors.Is(err, format.ErrNotCapture) {
		t.Errorf("text file: got %v", err)
	}
	if _, err := format.Open([]string{t.TempDir()}, format.ReadOptions{}); !errors.Is(err, format.ErrNotCapture) {
		t.Errorf("empty folder: got %v", err)
	}
	if _, err := format.Open([]string{"no/such/file"}, format.ReadOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
	if _, err := format.Open(nil, format.ReadOptions{}); err == nil {
		t.Error("no path: got no error")
	}
	m := testMeta()
	m.Version = format.Version + 1
	f, _ := os.Create(filepath.Join(t.TempDir(), "newer"))
	defer f.Close()
	w, _ := format.NewParquetWriter(f, m)
	w.Close(m)
	if _, err := format.Open([]string{f.Name()}, format.ReadOptions{}); !errors.Is(err, format.ErrVersion) {
		t.Errorf("newer version: got %v", err)
	}
}

func TestSpoolOnStandardInput(t *testing.T) {
	ev := events(16, 2000)
	data := encode(t, "spool", ev, 300)
	got, _, err := read(t, []string{"-"}, format.ReadOptions{Stdin: strings.NewReader(string(data))})
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, ev)
	if _, _, err := read(t, []string{"-"}, format.ReadOptions{Stdin: strings.NewReader(string(encode(t, "parquet", ev, 300)))}); err == nil || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("Parquet in a pipe: got %v", err)
	}
}
