package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"systape/internal/browser"
)

// shownComparison is what a page of two captures shows, once it has compared.
type shownComparison struct {
	Commands, Verdict []string
	Compare, Text     string
	Calls, B          int
	Rows              []struct {
		Key   string
		Waits bool
		Sides [2][]float64 // count, errors, total, p50, p99, max; nil: the side has none
	}
	Differ map[string]string
}

func comparisonShown(b *browser.Tab) shownComparison {
	return browser.Eval[shownComparison](b, `new Promise((done) => {
		const look = () => {
			const box = document.querySelector(".verdict");
			if (!box || box.dataset.waiting !== "false" || !box.querySelector("pre")) return requestAnimationFrame(look);
			const sum = document.querySelector(".sum").dataset;
			const rows = [...document.querySelectorAll(".pairs tr[data-key]")];
			const side = (tr, s) => [...tr.querySelectorAll('td[data-side="' + s + '"][data-exact]')].map((td) => Number(td.dataset.exact));
			done({
				Commands: [...document.querySelectorAll(".tools .command")].map((e) => e.textContent), Compare: box.querySelector(".command").textContent,
				Verdict: [...box.querySelectorAll(".differences li")].map((li) => li.dataset.kind + ": " + li.querySelector(".what").textContent),
				Text: box.querySelector("pre").textContent, Calls: Number(sum.calls), B: Number(sum.b),
				Rows: rows.map((tr) => ({ Key: tr.dataset.key, Waits: tr.dataset.waits === "true", Sides: [side(tr, 0), side(tr, 1)] })),
				Differ: Object.fromEntries(rows.map((tr) => [tr.dataset.key, tr.lastElementChild.textContent])),
			});
		};
		requestAnimationFrame(() => requestAnimationFrame(look));
	})`)
}

// Two captures side by side: the figures of each are those of latency, and the
// verdict is that of compare, for whatever is selected.
func TestViewComparesTwoCaptures(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.parquet")
	if code, _, stderr := commandLine(t, "copy", "--syscall", "!openat,mmap", "-o", other, pageCapture); code != 0 {
		t.Fatalf("copy: %s", stderr)
	}
	first, err := filepath.Abs(pageCapture)
	if err != nil {
		t.Fatal(err)
	}
	files := [2]string{first, other}
	b := browser.Open(t, 1280, 720)
	b.Go(liveView(t, first, "--", other), "#page[data-drawn] .pairs")
	for _, hash := range []string{"", "filter=--comm+%27s*%27", "brush=10000000~60000000~~", "brush=~~2000~&filter=--syscall+%25file"} {
		if hash != "" {
			goTo(b, hash)
		}
		shown := comparisonShown(b)
		args := systapeCommands(shown.Compare)[0]
		code, stdout, stderr := commandLine(t, append(args[:len(args)-3], "--format", "json", first, "--", other)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d, %s", shown.Compare, code, stderr)
		}
		var want struct {
			Differences []struct{ Kind, Text string }
			Calls       []struct {
				Syscall string
				Differs []string
			}
		}
		if err := json.Unmarshal([]byte(stdout), &want); err != nil {
			t.Fatal(err)
		}
		var verdict []string
		for _, d := range want.Differences {
			verdict = append(verdict, d.Kind+": "+d.Text)
		}
		if !slices.Equal(verdict, shown.Verdict) || !strings.Contains(shown.Text, "divergence") {
			t.Errorf("%s: the page says %q, compare %q", shown.Compare, shown.Verdict, verdict)
		}
		for _, c := range want.Calls {
			for _, kind := range c.Differs {
				if told, ok := shown.Differ[c.Syscall]; ok && !strings.Contains(told, kind) {
					t.Errorf("%s: the row of %s says %q, compare %q", shown.Compare, c.Syscall, told, c.Differs)
				}
			}
		}
		for side, command := range shown.Commands {
			sameAsLatency(t, shown, side, command, files[side])
		}
		if hash == "" {
			if shown.Calls <= shown.B || !slices.ContainsFunc(verdict, func(d string) bool { return strings.HasPrefix(d, "vanished: ") && strings.Contains(d, "openat") }) {
				t.Errorf("A has %d calls, B %d; the verdict is %q", shown.Calls, shown.B, verdict)
			}
		}
	}
	// A rectangle on the picture of B is one on both; a name of the verdict chooses calls.
	goTo(b, "by=syscall")
	all := comparisonShown(b)
	box := browser.Eval[struct{ X, Y float64 }](b, `(() => { const e = document.querySelectorAll(".heat canvas")[1]; e.scrollIntoView({ block: "center" }); const r = e.getBoundingClientRect(); return { X: r.x, Y: r.y }; })()`)
	b.Drag(box.X+120, box.Y+20, box.X+220, box.Y+190)
	some := comparisonShown(b)
	if some.Calls == 0 || some.B == 0 || some.Calls >= all.Calls || some.B >= all.B {
		t.Errorf("a rectangle on B chooses %d of %d and %d of %d calls", some.Calls, all.Calls, some.B, all.B)
	}
	b.Do(chromedp.KeyEvent("\x1b"))
	comparisonShown(b)
	b.Do(chromedp.Focus(`.verdict li[data-kind="vanished"] button`), chromedp.KeyEvent(kb.Enter))
	chosenCalls(b)
	if hash := browser.Eval[string](b, "location.hash"); !strings.Contains(hash, "filter=") {
		t.Errorf("after Enter on a call of the verdict the address is %s", hash)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// sameAsLatency holds one side's figures against what the page's command line tells.
func sameAsLatency(t *testing.T, shown shownComparison, side int, command, file string) {
	t.Helper()
	args := systapeCommands(command)[0]
	args[len(args)-1] = file
	code, stdout, stderr := commandLine(t, append(args, "--format", "json", "--top", "0", "--wait", "apart")...)
	if code != 0 {
		t.Fatalf("%s: exit code %d, %s", command, code, stderr)
	}
	var want struct{ Groups []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &want); err != nil {
		t.Fatal(err)
	}
	have := map[string][]float64{}
	for _, r := range shown.Rows {
		have[fmt.Sprint(r.Key, r.Waits)] = r.Sides[side]
	}
	compared := 0
	for _, g := range want.Groups {
		values := have[fmt.Sprint(g["syscall"], g["waits"])]
		for i, column := range []string{"count", "errors", "total_ns", "p50_ns", "p99_ns", "max_ns"} {
			if i < len(values) {
				compared++
				if values[i] != g[column].(float64) {
					t.Errorf("%s: %s of %v is %v in the page, %v in latency", command, column, g["syscall"], values[i], g[column])
				}
			}
		}
	}
	if compared == 0 && len(want.Groups) > 0 {
		t.Errorf("%s: nothing of %d calls is in the page", command, len(want.Groups))
	}
}
