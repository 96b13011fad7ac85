package export_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"systape/format"
	"systape/replay/convert/export"
	"systape/replay/convert/importer"
)

// imported reads back what an exporter wrote.
func imported(t *testing.T, from string, text []byte) (events []format.Event, res *importer.Result) {
	t.Helper()
	opt := importer.Options{From: from, Bad: func(_ string, line int64, text string, err error) { t.Errorf("line %d: %v: %s", line, err, text) }}
	res, err := importer.Import([]importer.Source{{Name: "text", R: bytes.NewReader(text)}}, opt, func(b *format.Batch) error {
		for i := range b.N {
			events = append(events, b.At(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, res
}

// Tracee's JSON holds every call and life of a thread: they come back with
// their registers. Only what it has no event for is missing; a call that the
// loss spoiled returns alone, which the import tells as a loss.
func TestTraceeOutAndIn(t *testing.T) {
	events := format.MustParseText(story + `1700000000000009900 enter 20/20 clone(0x1200011, 0, 0, 0, 0xf7fa) abi=i386 cpu=1 container="0123456789ab" comm="old"
1700000000000010000 exit 20/20 clone = 21 abi=i386 cpu=1 container="0123456789ab" comm="old"
1700000000000010100 enter 20/20 openat(-100, 0, 0) "1=/tmp/a\\x0ab\"c" comm="old"
1700000000000010200 exit 20/20 openat = 0 "ret=?" comm="old"
1700000000000010300 enter 20/20 nr=999(1, -1, 3, 4, 5, 0x7fff00000000) comm="old"
1700000000000010400 exec 20/20 "/bin/\"x\"" comm="x"
1700000000000010500 enter 20/20 read(3, 0, 16) "1=?" comm="x"
`)
	text, notes := run(t, "tracee", events, 4, export.Options{Meta: &format.Meta{Host: format.Host{Name: "web1"}}})
	for line := range strings.Lines(string(text)) {
		var e struct {
			EventName string `json:"eventName"`
			HostName  string `json:"hostName"`
			ArgsNum   int    `json:"argsNum"`
			Args      []any  `json:"args"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.EventName == "" || e.HostName != "web1" || e.ArgsNum != len(e.Args) {
			t.Errorf("%v: %s", err, line)
		}
	}
	if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "2 events") }) {
		t.Errorf("the loss is not told: %q", notes)
	}
	back, _ := imported(t, "tracee", text)
	plain := func(events []format.Event) string {
		var kept []format.Event
		for _, e := range events {
			if e.Kind != format.Lost {
				e.Seq = int64(len(kept))
				kept = append(kept, e)
			}
		}
		return string(format.FormatText(kept))
	}
	if got, want := plain(back), plain(events); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What the strace exporter writes, the importer reads, and what it then writes
// is the same text: registers, results, threads and their ends.
func TestStraceOutAndIn(t *testing.T) {
	events := format.MustParseText(story)
	text, _ := run(t, "strace", events, 5, export.Options{})
	back, res := imported(t, "strace", text)
	if res.Skipped > 0 {
		t.Fatalf("%d lines could not be read:\n%s", res.Skipped, text)
	}
	again, _ := run(t, "strace", back, 5, export.Options{})
	if !bytes.Equal(again, text) {
		t.Errorf("first\n%s\nagain\n%s", text, again)
	}
}

func TestFormatOf(t *testing.T) {
	for file, want := range map[string]string{"x.pftrace": "perfetto", "a/b.perfetto-trace": "perfetto", "calls.pb.gz": "pprof", "x.trace.json": "chrome",
		"x.jsonl": "jsonl", "x.tracee.json": "tracee", "x.json": "", "pftrace": "", "x.parquet": "", "": ""} {
		if got := export.FormatOf(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}
