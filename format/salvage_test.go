package format_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// Wherever a spool is damaged, what is saved is what was recorded, and what is
// gone is told: a batch whose dictionary is gone is never read by another.
func TestRecoverNeverMakesRowsUp(t *testing.T) {
	var ev []format.Event
	for i, m := range []*mix{newMix(3, 4), newMix(5, 7), newMix(9, 2), newMix(11, 9)} { // new threads need new dictionaries
		m.seq, m.ts = int64(i*300), m.ts+int64(i)*1e9
		for j := range m.threads {
			m.threads[j].pid += int32(1000 * i)
			m.threads[j].tid += int32(1000 * i)
		}
		for range 300 {
			ev = append(ev, m.next())
		}
	}
	spool := encode(t, "spool", ev, 75)
	dir := t.TempDir()
	path, out := filepath.Join(dir, "t.spool"), filepath.Join(dir, "t")
	best, told, nothing := 0, 0, 0
	for at := 3000; at < len(spool); at += 211 {
		bad := bytes.Clone(spool)
		bad[at] ^= 0x01
		write(t, path, string(bad))
		res, err := format.Recover(path, out, format.FileOptions{Force: true})
		if err != nil && strings.Contains(err.Error(), "no event can be saved") {
			nothing++
			continue
		}
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		s := checkSaved(t, "byte "+itoa(at), out, ev)
		if told += s.gaps; s.events != len(ev) && !(at > len(spool)-2500) {
			t.Errorf("byte %d: %d events are saved or told as lost, there were %d (%v)", at, s.events, len(ev), res.Problems)
		}
		best = max(best, int(res.Rows))
	}
	if best < len(ev)-75 || told == 0 || nothing > 20 { // only damage of the first batch may do that
		t.Errorf("at best %d events were saved of %d, %d losses told, %d times nothing was saved", best, len(ev), told, nothing)
	}
}

// saved is what a recovered capture has.
type saved struct{ events, rows, gaps int }

// checkSaved demands that the capture out holds events of ev and lost rows for
// the rest, dated by their neighbours, and that it is a sound capture.
func checkSaved(t *testing.T, what, out string, ev []format.Event) (s saved) {
	t.Helper()
	got, _, _ := read(t, []string{out}, format.ReadOptions{})
	for _, e := range got {
		if e.Kind == format.Lost && e.Args[format.LostCause] == int64(format.CauseDamaged) {
			n := int(e.Args[format.LostCount])
			if first, last := e.Args[format.LostFirst], e.Args[format.LostLast]; s.events > 0 && s.events+n < len(ev) && (first > ev[s.events].TS || last < ev[s.events+n-1].TS) {
				t.Fatalf("%s: events %d to %d are told as lost from %d to %d, they were at %d to %d", what, s.events, s.events+n, first, last, ev[s.events].TS, ev[s.events+n-1].TS)
			}
			s.events += n
			s.gaps++
			continue
		}
		want := ev[s.events]
		want.Seq = e.Seq
		if e != want {
			t.Fatalf("%s: event %d is made up:\n got %+v\nwant %+v", what, s.events, e, ev[s.events])
		}
		s.events++
		s.rows++
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, data); !rep.OK() {
		t.Fatalf("%s: the result does not hold: %+v", what, rep.Rules)
	}
	return s
}

// A column of a row group is one page, unless it has much text: then damage of
// a page takes its rows and no others.
func TestRecoverSavesThePagesAroundDamage(t *testing.T) {
	const n = 20_000
	m, rng := newMix(17, 4), rand.New(rand.NewPCG(1, 2))
	ev := make([]format.Event, n)
	for i := range ev {
		ev[i] = m.next()
		if ev[i].Kind == format.Enter {
			name := make([]byte, 600) // of all bytes that text may have
			for k := range name {
				name[k] = byte(' ' + rng.IntN(94))
			}
			ev[i].Detail = string(name)
		}
	}
	data := encode(t, "parquet", ev, 4000)
	dir := t.TempDir()
	path, out := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "out.parquet")
	around := 0
	for at := 2000; at < len(data); at += len(data) / 24 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x10
		write(t, path, string(bad))
		res, err := format.Recover(path, out, format.FileOptions{Force: true})
		if err != nil && strings.Contains(err.Error(), "no event can be saved") {
			continue // a column that is one page
		}
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		s := checkSaved(t, "byte "+itoa(at), out, ev)
		if s.events != n {
			t.Errorf("byte %d: %d events are saved or told as lost, there were %d (%v)", at, s.events, n, res.Problems)
		}
		if s.rows >= n*3/4 && s.gaps == 1 && len(res.Problems) == 1 {
			around++
		}
	}
	if around < 12 {
		t.Errorf("%d times the pages around the damage were saved, want 12 of 24", around)
	}
}

// The headers of pages have no checksums: where they are damaged, rows of
// different columns must not be put together.
func TestRecoverDoesNotTrustDamagedHeaders(t *testing.T) {
	ev := events(23, 9000)
	for i := range ev {
		if ev[i].Kind == format.Enter {
			ev[i].Detail = strings.Repeat(itoa(i)+"/", 60)
		}
	}
	data := encode(t, "parquet", ev, 3000)
	detail := bytes.LastIndex(data[:len(data)-3000], []byte{0x15, 0x00, 0x15}) // page type 0: the header of the last page of text
	if detail < 0 {
		t.Fatal("no page header")
	}
	dir := t.TempDir()
	path, out := filepath.Join(dir, "t.parquet"), filepath.Join(dir, "out.parquet")
	for at := detail; at < detail+40; at++ {
		for _, bit := range []byte{0x02, 0x08} {
			bad := bytes.Clone(data)
			bad[at] ^= bit
			write(t, path, string(bad))
			_, err := format.Recover(path, out, format.FileOptions{Force: true})
			if err != nil && strings.Contains(err.Error(), "no event can be saved") {
				continue
			}
			if err != nil {
				t.Fatalf("byte %d: %v", at, err)
			}
			if s := checkSaved(t, "byte "+itoa(at), out, ev); s.events != len(ev) {
				t.Errorf("byte %d: %d events are saved or told as lost, there were %d", at, s.events, len(ev))
			}
		}
	}
}

// In a folder, what is not a part of the capture is left out and named.
func TestFoldersWithOtherFiles(t *testing.T) {
	dir := t.TempDir()
	ev := events(3, 500)
	write(t, filepath.Join(dir, "t.parquet"), string(encode(t, "parquet", ev, 100)))
	var table bytes.Buffer
	w, err := format.NewTableWriter(&table, format.Parquet, []format.Column{{Name: "start_ns", Type: format.Int64}}, map[string]string{
		"systape.format": "2", "systape.capture": `"00112233445566778899aabbccddeeff"`, "systape.part": `{"number":1,"first_seq":0,"rows":500,"last":true}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	*w.Int64(0) = append(*w.Int64(0), 1, 2, 3)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "calls.parquet"), table.String())
	write(t, filepath.Join(dir, "cut.parquet"), table.String()[:200])
	write(t, filepath.Join(dir, "text.parquet"), "hello")
	write(t, filepath.Join(dir, "begun.parquet.spool"), "")
	write(t, filepath.Join(dir, "notes.txt"), "hello")
	want := 4
	for name, to := range map[string]string{"gone.parquet": "/no/such/file", "loop.parquet": "loop.parquet"} {
		if os.Symlink(to, filepath.Join(dir, name)) == nil { // not every system has links
			want++
		}
	}
	var warned []string
	got, _, err := read(t, []string{dir}, format.ReadOptions{Warn: func(err error) { warned = append(warned, err.Error()) }})
	if err != nil && err.Error() != "EOF" {
		t.Error(err)
	}
	same(t, got, ev)
	if len(warned) != want {
		t.Errorf("warned %q, want the table, the cut table, the text, the empty spool and the links to nothing", warned)
	}
	rep, err := format.Verify(t.Context(), []string{dir}, format.ReadOptions{})
	if err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}
