package importer_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"systape/format"
	"systape/replay/convert/importer"
)

// Every text cut at many places, and with bytes changed, is read to its end: what is damaged is counted, what is given out is a capture.
func TestDamagedTexts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		ar, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		from := strings.SplitN(filepath.Base(name), "_", 2)[0]
		for _, f := range ar.Files {
			if !strings.HasPrefix(f.Name, "in") {
				continue
			}
			step := max(1, len(f.Data)/25)
			for i := 0; i < len(f.Data); i += step {
				damaged := bytes.Clone(f.Data)
				damaged[i] ^= 1 << (i % 8)
				for _, text := range [][]byte{f.Data[:i], damaged} {
					events, _, err := imported(t, from, string(text))
					if err == nil {
						check(t, events)
					}
				}
			}
		}
	}
}

// Texts made to be expensive take time and memory in proportion to their size.
func TestHostileTexts(t *testing.T) {
	deep := strings.Repeat("{", 1<<16)
	for name, c := range map[string]struct{ from, text string }{
		"a deep nest of braces":     {"babeltrace", "[10:00:00.000000000] (+?) h syscall_entry_read: " + deep},
		"a deep nest of JSON":       {"tracee", strings.Repeat(`{"args":[`, 1<<15)},
		"parentheses without end":   {"strace", "read(" + strings.Repeat("(", 1<<18)},
		"quotes without end":        {"strace", strings.Repeat("open(\"", 1<<16)},
		"a hundred thousand cuts":   {"strace", strings.Repeat("7 read(3,  <unfinished ...>\n", 100_000)},
		"news in the middle of it":  {"strace", strings.Repeat("clone(Process 5 attached\n", 20_000)},
		"threads that never end":    {"strace", manyThreads(20_000)},
		"numbers beyond all bounds": {"perf-trace", "99999999999999999999.999 (99999999999999.999 ms): a/99999999999 read(fd: 99999999999999999999999) = 99999999999999999999\n"},
		"losses without measure":    {"babeltrace", strings.Repeat("discarded 9223372036854775807 events between [00:00:00.0] and [23:59:59.9]\n", 1000)},
		"a loss that is negative":   {"perf-script", "x 1 [000] 1.000000001: PERF_RECORD_LOST lost 18446744073709551615\n"},
		"control characters":        {"strace", "open(\"\\33]0;x\\7\", O_RDONLY) = 3\nopen(\"\x1b[31m\x00\", O_RDONLY) = 3\n"},
	} {
		t.Run(name, func(t *testing.T) {
			events, res, err := imported(t, c.from, c.text)
			if err != nil {
				return // refused as a whole
			}
			check(t, events)
			if res.Lines < 1 {
				t.Error("no line was read")
			}
			for _, e := range events {
				if strings.ContainsAny(e.Detail, "\x00\x1b\x07") {
					t.Fatalf("raw control characters in %q", e.Detail)
				}
			}
		})
	}
}

func manyThreads(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d 1700000000.%06d futex(0x1, FUTEX_WAIT_PRIVATE, 0,  <unfinished ...>\n", i+1, i)
	}
	return b.String()
}

// A text may be compressed; one whose compression is damaged is refused, and
// one that inflates without end is read line by line like any other.
func TestCompressedTexts(t *testing.T) {
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, text)
		z.Close()
		return b.Bytes()
	}
	const text = "7 1700000000.100000 getpid() = 7\n7 1700000000.200000 getppid() = 1\n"
	whole, _, err := imported(t, "strace", text)
	if err != nil {
		t.Fatal(err)
	}
	packed := pack(text)
	for name, p := range map[string][]byte{"packed": packed, "packed with a mark": pack("\xef\xbb\xbf" + text), "in two members": append(pack(text[:33]), pack(text[33:])...)} {
		got, _, err := imported(t, "strace", string(p))
		if err != nil || !bytes.Equal(format.FormatText(got), format.FormatText(whole)) {
			t.Errorf("%s: %v\n%s", name, err, format.FormatText(got))
		}
	}
	for i := 2; i < len(packed); i++ {
		if _, _, err := imported(t, "strace", string(packed[:i])); err == nil {
			t.Errorf("cut to %d of %d bytes: no error", i, len(packed))
		}
	}
	bomb := pack(strings.Repeat("x", 64<<20) + "\n" + text)
	if got, res, err := imported(t, "strace", string(bomb)); err != nil || res.Skipped != 1 || len(got) != len(whole) {
		t.Errorf("a line of 64 MiB in %d bytes: %v, %d events", len(bomb), err, len(got))
	}
}

// Several files whose lines have times are one story; a file compressed among
// them makes no difference.
func TestFilesAreMergedByTime(t *testing.T) {
	a := "7 1700000000.100000 getpid() = 7\n7 1700000000.300000 getpid() = 7\n"
	b := "8 1700000000.200000 getppid() = 1\n8 1700000000.400000 getppid() = 1\n"
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, b)
	w.Close()
	var tids []int32
	_, err := importer.Import([]importer.Source{{Name: "a", R: strings.NewReader(a)}, {Name: "b", R: &z}}, importer.Options{From: "strace"}, func(b *format.Batch) error {
		for i := range b.N {
			if b.Kind[i] == format.Enter {
				tids = append(tids, b.TID[i])
			}
		}
		return nil
	})
	if err != nil || fmt.Sprint(tids) != "[7 8 7 8]" {
		t.Errorf("%v, %v", tids, err)
	}
}

// The cases of FuzzImport that once went wrong, or could, by name.
func TestSeedsHaveNames(t *testing.T) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzImport")
	if err != nil || len(seeds) < 5 {
		t.Fatalf("%d seeds, %v", len(seeds), err)
	}
	for _, s := range seeds {
		if !strings.Contains(s.Name(), "_") {
			t.Errorf("%s is no name", s.Name())
		}
	}
}
