package format_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/format"
)

// story has every kind of version 2 and all that is hard to store.
const story = `1000 mark what=4 first=1000 last=1000 cpu=-1
1010 mark what=3 first=1010 last=1020 cpu=-1
1015 fd 7/7 fd=-100 "/srv"
1015 fd 7/7 fd=3 flags=2 "/srv/log\\x5cxff"
1030 enter 7/8 read(3, 0x7f0000001000, 512) comm="web\\xff"
1040 exit 7/8 read = 12 comm="web\\xff"
1050 lost count=2 first=1050 last=1060 enters=1 exits=1 cause=2 cpu=1
1070 lost count=1 first=1070 last=1070 enters=1 exits=0 cause=3
1080 fork 7/8 -> 7/9
1090 exec 7/7 old=8 "/bin/ls"
1100 rename 7/8 comm="worker"
1110 thread_end 7/8 group=1
1120 count 7/0 read calls=90 errors=2 total=41000 first=1020 last=1120
1130 mark what=1 first=1130 last=1150 cpu=-1
1140 exit 7/7 write = 4
1160 mark what=2 first=1160 last=1170 cpu=-1
`

func TestVersion2HasItsKinds(t *testing.T) {
	ev := format.MustParseText(story)
	if got := string(format.FormatText(ev)); got != story {
		t.Errorf("as text:\n%s\nwant\n%s", got, story)
	}
	for form := range writers {
		data := encode(t, form, ev, 5)
		got, meta, err := read(t, []string{put(t, data)}, format.ReadOptions{})
		if err != io.EOF || meta.Version != 2 {
			t.Errorf("%s: version %d, ended with %v", form, meta.Version, err)
		}
		same(t, got, ev)
		if rep := verify(t, data); !rep.OK() {
			t.Errorf("%s: %+v", form, rep.Rules)
		}
	}
}

// What began as version 1 has nothing of version 2 in it.
func TestVersion1StaysVersion1(t *testing.T) {
	m := testMeta()
	m.Version = 1
	type batchWriter interface {
		Write(*format.Batch) error
		Close(*format.Meta) error
	}
	for form, open := range map[string]func(io.Writer) (batchWriter, error){
		"spool":   func(w io.Writer) (batchWriter, error) { return format.NewSpoolWriter(w, m) },
		"parquet": func(w io.Writer) (batchWriter, error) { return format.NewParquetWriter(w, m) },
	} {
		var out bytes.Buffer
		w, err := open(&out)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range batches(format.MustParseText("1 mark what=1 cpu=-1"), 1) {
			if err := w.Write(b); err == nil {
				t.Errorf("%s of version 1 takes a mark", form)
			}
		}
		ev := format.MustParseText("1 enter 7 getpid\n2 exit 7 getpid = 7")
		if err := w.Write(batches(ev, 2)[0]); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(m); err != nil {
			t.Fatal(err)
		}
		got, meta, _ := read(t, []string{put(t, out.Bytes())}, format.ReadOptions{})
		if meta.Version != 1 {
			t.Errorf("%s: version %d", form, meta.Version)
		}
		same(t, got, ev)
	}
}

// A file of version 1 that holds a kind of version 2 is damaged.
func TestVersion1WithKindsOfVersion2IsDamaged(t *testing.T) {
	data := encode(t, "parquet", format.MustParseText("1 mark what=1 cpu=-1"), 1)
	r, err := format.OpenAsVersion(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b format.Batch
	err = r.Next(&b)
	var c *format.CorruptError
	if !errors.As(err, &c) || c.Column != "kind" || !strings.Contains(err.Error(), "unknown kind") {
		t.Errorf("got %v, want an unknown kind", err)
	}
}

func TestRecoveredAndSealedSpoolsKeepTheirVersion(t *testing.T) {
	data, err := os.ReadFile("../testdata/v1/workload.spool")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"torn.spool": data[:len(data)-1], "workload.spool": data} {
		out := filepath.Join(t.TempDir(), "out.parquet")
		res, err := format.Recover(put(t, data), out, format.FileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, meta, err := read(t, []string{out}, format.ReadOptions{})
		if err != io.EOF && !errors.Is(err, format.ErrIncomplete) || meta.Version != 1 || res.Meta.Version != 1 {
			t.Errorf("%s: version %d, %v", name, meta.Version, err)
		}
	}
}
