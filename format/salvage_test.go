package format_test

import (
	"bytes"
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
		got, _, _ := read(t, []string{out}, format.ReadOptions{})
		i := 0
		for _, e := range got {
			if e.Kind == format.Lost {
				i += int(e.Args[format.LostCount])
				told++
				continue
			}
			want := ev[i]
			want.Seq = e.Seq
			if e != want {
				t.Fatalf("byte %d: event %d is made up:\n got %+v\nwant %+v", at, i, e, ev[i])
			}
			i++
		}
		if i != len(ev) && !(at > len(spool)-2500) {
			t.Errorf("byte %d: %d events are saved or told as lost, there were %d (%v)", at, i, len(ev), res.Problems)
		}
		best = max(best, int(res.Rows))
		saved, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if rep := verify(t, saved); !rep.OK() {
			t.Fatalf("byte %d: the result does not hold: %+v", at, rep.Rules)
		}
	}
	if best < len(ev)-75 || told == 0 || nothing > 20 { // only damage of the first batch may do that
		t.Errorf("at best %d events were saved of %d, %d losses told, %d times nothing was saved", best, len(ev), told, nothing)
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
	var warned []string
	got, _, err := read(t, []string{dir}, format.ReadOptions{Warn: func(err error) { warned = append(warned, err.Error()) }})
	if err != nil && err.Error() != "EOF" {
		t.Error(err)
	}
	same(t, got, ev)
	if len(warned) != 4 {
		t.Errorf("warned %q, want the table, the cut table, the text and the empty spool", warned)
	}
	rep, err := format.Verify(t.Context(), []string{dir}, format.ReadOptions{})
	if err != nil || !rep.OK() {
		t.Errorf("verify: %+v, %v", rep, err)
	}
}
