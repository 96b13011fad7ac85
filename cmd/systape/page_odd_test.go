package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"systape/internal/browser"
)

// imported makes a capture of lines of strace.
func imported(t *testing.T, lines string) string {
	t.Helper()
	dir := t.TempDir()
	text, capture := filepath.Join(dir, "text.strace"), filepath.Join(dir, "capture.parquet")
	if err := os.WriteFile(text, []byte(lines), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := commandLine(t, "import", "--from", "strace", "-o", capture, text); code != 0 {
		t.Fatalf("import: %s", stderr)
	}
	return capture
}

// shownParts are what of a page is to be seen.
type shownParts struct {
	Sum, Facts, None      string
	Map, Histogram, Times bool     // the map, the histogram, figures of latency in the table
	Columns               []string // of the table
	Marks                 int      // of the axis of latency
}

func partsShown(b *browser.Tab) shownParts {
	return browser.Eval[shownParts](b, `(() => {
		const seen = (s) => [...document.querySelectorAll(s)].some((e) => e.getClientRects().length > 0);
		const map = document.querySelector(".heat canvas");
		let marks = 0;
		if (map) {
			const ctx = map.getContext("2d"), { fillText } = ctx;
			ctx.fillText = function (text, ...a) { if (/^\d+ (ns|µs|ms|s)$/.test(text)) marks++; fillText.call(this, text, ...a); };
			document.querySelector(".heat").style.width = "500px";
			dispatchEvent(new Event("resize"));
		}
		return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({
			Sum: document.querySelector(".sum")?.textContent ?? "", Facts: document.querySelector(".facts").textContent, None: document.querySelector(".none")?.textContent ?? "",
			Map: seen(".heat"), Histogram: seen(".histogram"), Times: seen(".table td:nth-child(6)"),
			Columns: [...document.querySelectorAll(".table thead th")].filter((e) => e.getClientRects().length > 0).map((e) => e.textContent), Marks: marks,
		}))));
	})()`)
}

// Captures that have next to nothing in them have a page that says so, and none
// that shows what is not there.
func TestPageOfOddCaptures(t *testing.T) {
	one := openPage(t, pageOf(t, imported(t, "10.000000 getppid() = 1 <0.000005>\n")))
	if p := partsShown(one); p.Sum != "1 call, 0 errors" || !strings.Contains(p.Facts, "5.00 µs") || !p.Map || !p.Histogram || !p.Times || p.Marks < 2 {
		t.Errorf("of one call: %+v", p)
	}
	last := openPage(t, pageOf(t, imported(t, "10.000000 getppid() = 1 <0.000005>\n11.000000 pause() = 0 <12.000000>\n"))) // times are since the line before
	if p := partsShown(last); !strings.Contains(p.Facts, "23.0 s") {
		t.Errorf("of a last call that goes on: %+v", p)
	}
	bare := imported(t, "getppid() = 1\ngetppid() = 1\nopenat(AT_FDCWD, \"/x\", O_RDONLY) = -1 ENOENT (No such file or directory)\n")
	untimed := openPage(t, pageOf(t, bare))
	if p := partsShown(untimed); p.Sum != "3 calls, 1 error" || p.Map || p.Histogram || p.Times || strings.Join(p.Columns, " ") != "syscall calls ↓ errors" {
		t.Errorf("without durations: %+v", p)
	}
	both := browser.Open(t, 1280, 720)
	both.Go(liveView(t, bare, "--", bare), "#page[data-drawn] .pairs")
	if p := partsShown(both); p.Map || p.Histogram || p.Times {
		t.Errorf("two without durations: %+v", p)
	}
	empty := filepath.Join(t.TempDir(), "empty.parquet")
	if code, _, stderr := commandLine(t, "copy", "--syscall", "reboot", "-o", empty, pageCapture); code != 0 {
		t.Fatalf("copy: %s", stderr)
	}
	none := openPage(t, pageOf(t, empty))
	if p := partsShown(none); p.None == "" || p.Map {
		t.Errorf("of nothing: %+v", p)
	}
	for _, b := range []*browser.Tab{one, last, untimed, both, none} {
		if c := b.Complaints(); len(c) > 0 {
			t.Errorf("the browser complains: %q", c)
		}
	}
}
