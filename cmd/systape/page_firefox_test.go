package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"systape/internal/browser"
)

// A report opened from disk in Firefox shows what it shows in Chromium, and
// nothing is written in the console.
func TestReportInFirefox(t *testing.T) {
	f := browser.OpenFirefox(t, 1280, 720)
	address := pageOf(t, pageCapture)
	shown := openPage(t, address)
	f.Go(address, "#page[data-drawn] .table tbody tr")
	table := `[...document.querySelectorAll(".sum, .table tbody tr, .marks")].map((e) => e.textContent).join("\n")`
	if firefox, chromium := browser.FirefoxEval[string](f, table), browser.Eval[string](shown, table); firefox != chromium {
		t.Errorf("Firefox shows\n%s\nChromium\n%s", firefox, chromium)
	}
	if path := os.Getenv("SYSTAPE_PICTURE"); path != "" {
		f.Picture(path)
	}
	if c := f.Complaints(); len(c) > 0 {
		t.Errorf("Firefox complains: %q", c)
	}
	// It would be heard.
	wrong := filepath.Join(t.TempDir(), "wrong.html")
	page := `<!doctype html><meta charset=utf-8><script>console.error("said"); missing();</script>
		<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'none'">
		<script>window.hurt = 1</script><img src="https://example.invalid/x.png"><p class="done">`
	if err := os.WriteFile(wrong, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	f.Go("file://"+filepath.ToSlash(wrong), ".done")
	heard := func() (missing []string) {
		all := strings.Join(f.Complaints(), "\n")
		for _, want := range []string{`error: "said"`, "missing is not defined", "script-src", "example.invalid/x.png"} {
			if !strings.Contains(all, want) {
				missing = append(missing, want)
			}
		}
		return missing
	}
	for until := time.Now().Add(30 * time.Second); len(heard()) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("of a page that is wrong Firefox complains %q, and not of %q", f.Complaints(), heard())
		}
	}
}

// What a capture holds does nothing in Firefox either: in a report and in a view.
func TestHostileCaptureInFirefox(t *testing.T) {
	f := browser.OpenFirefox(t, 1280, 720)
	capture, evil := hostilePage(t)
	for name, address := range map[string]string{"report": pageOf(t, capture), "view": liveView(t, capture), "two": liveView(t, capture, "--", capture)} {
		f.Go(address, "#page[data-drawn] .graph .node")
		f.Go(address+"#by=container", "#page[data-drawn] .table tbody th button")
		hurt := browser.FirefoxEval[struct {
			Hurt                   bool
			Images, Scripts, Bolds int
			Rows, Nodes            []string
		}](f, hurtOf)
		all := strings.Join(append(hurt.Rows, hurt.Nodes...), "\n")
		if hurt.Hurt || hurt.Images != 0 || hurt.Scripts != 2 || hurt.Bolds != 0 || !strings.Contains(all, evil[0]) || strings.Contains(all, "\u202e") {
			t.Errorf("%s: the page was hurt, or shows other names: %+v", name, hurt)
		}
	}
	if c := f.Complaints(); len(c) > 0 {
		t.Errorf("Firefox complains: %q", c)
	}
}
