package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"systape/internal/browser"
)

// shownSequences are what the page says of what follows upon what.
type shownSequences struct {
	Command           string
	Facts             []string
	Frequent, Rarest  []shownSequence
	Edges             []shownEdge
	Note, LeftOut, On string
}

type shownSequence struct {
	Calls string
	Count int64
}

type shownEdge struct {
	From, To string
	Count    int64
}

// sequencesShown waits until the page has counted, and reads it.
func sequencesShown(b *browser.Tab) shownSequences {
	return browser.Eval[shownSequences](b, `new Promise((done) => {
		const look = () => {
			const box = document.querySelector(".sequences");
			if (!box || box.dataset.waiting === "true" || !box.querySelector(".graph svg")) return requestAnimationFrame(look);
			const grams = (title) => [...box.querySelectorAll('.gram[data-title="' + title + '"] tbody tr')].map((tr) => ({ Calls: tr.dataset.calls, Count: Number(tr.dataset.count) }));
			done({
				Command: box.querySelector(".command").textContent, Facts: [...box.querySelectorAll(".facts span")].map((e) => e.textContent),
				Frequent: grams("Most frequent"), Rarest: grams("Rarest"), Note: box.querySelector("header .hint").textContent,
				Edges: [...box.querySelectorAll("path.edge:not(.start):not(.end)")].map((e) => ({ From: e.dataset.from, To: e.dataset.to, Count: Number(e.dataset.count) })),
				On: box.querySelector(".node.on .name")?.textContent ?? "", LeftOut: "",
			});
		};
		requestAnimationFrame(() => requestAnimationFrame(look));
	})`)
}

// sameAsCommand holds what is shown against what the page's command line tells.
func sameAsCommand(t *testing.T, shown shownSequences) {
	t.Helper()
	capture, err := filepath.Abs(pageCapture)
	if err != nil {
		t.Fatal(err)
	}
	args := systapeCommands(shown.Command)[0]
	args[len(args)-1] = capture
	code, stdout, stderr := commandLine(t, append(args, "--format", "json")...)
	if code != 0 {
		t.Fatalf("%s: exit code %d, %s", shown.Command, code, stderr)
	}
	var want struct {
		Windows, Calls int64
		Distinct       int
		Sequences      []struct {
			Calls []string
			Count int64
		}
		Transitions []struct {
			From, To string
			Count    int64
		}
	}
	if err := json.Unmarshal([]byte(stdout), &want); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for i, q := range want.Sequences {
		counts[strings.Join(q.Calls, " ")] = q.Count
		if i < len(shown.Frequent) && (shown.Frequent[i] != shownSequence{strings.Join(q.Calls, " "), q.Count}) {
			t.Errorf("%s: place %d of the frequent is %v, want %v", shown.Command, i+1, shown.Frequent[i], q)
		}
	}
	rarest := int64(0)
	for _, q := range shown.Rarest {
		if counts[q.Calls] != q.Count || q.Count < rarest {
			t.Errorf("%s: %v among the rarest behind one of %d; it occurs %d times", shown.Command, q, rarest, counts[q.Calls])
		}
		rarest = q.Count
	}
	if n := len(shown.Frequent) + len(shown.Rarest); n > len(want.Sequences) || n < min(len(want.Sequences), 12) {
		t.Errorf("%s: %d sequences are shown of %d", shown.Command, n, len(want.Sequences))
	}
	pairs := map[string]int64{}
	for _, e := range want.Transitions {
		pairs[e.From+" "+e.To] = e.Count
	}
	for _, e := range shown.Edges {
		if pairs[e.From+" "+e.To] != e.Count {
			t.Errorf("%s: an edge says %v, want %d", shown.Command, e, pairs[e.From+" "+e.To])
		}
	}
	if len(shown.Edges) == 0 && len(want.Transitions) > 0 {
		t.Errorf("%s: no edges of %d transitions", shown.Command, len(want.Transitions))
	}
	if all := strings.Join(shown.Facts, "\n"); !strings.Contains(all, fmt.Sprintf("%d of them distinct", want.Distinct)) {
		t.Errorf("%s: %d windows, %d distinct; the page says %q", shown.Command, want.Windows, want.Distinct, all)
	}
}

// Sequences of whatever is selected are those of systape sequences, in a view.
func TestViewShowsWhatSequencesTells(t *testing.T) {
	b := browser.Open(t, 1280, 720)
	b.Go(liveView(t, pageCapture), "#page[data-drawn] .singles")
	sameAsCommand(t, sequencesShown(b))
	for _, hash := range []string{
		"filter=--syscall+!%25memory&n=5", "filter=--comm+%27s*%27&n=2", "brush=10000000~60000000~~", "brush=~~2000~", "filter=--errno+any&n=1", "filter=--tid+4179",
	} {
		goTo(b, hash)
		shown := sequencesShown(b)
		if strings.Contains(hash, "n=5") != strings.Contains(shown.Command, "-n 5") {
			t.Errorf("%s: the command is %s", hash, shown.Command)
		}
		sameAsCommand(t, shown)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// A report holds the sequences of everything and of busy threads, and says so of
// other selections; a call of the graph is chosen with the keyboard, and that
// stands in the address.
func TestReportShowsWhatSequencesTells(t *testing.T) {
	b := openPage(t, pageOf(t, pageCapture))
	sameAsCommand(t, sequencesShown(b))
	whole := sequencesShown(b)
	tid := browser.Eval[int](b, `JSON.parse(document.getElementById("data").textContent).threads[0].tid`)
	goTo(b, fmt.Sprintf("filter=--tid+%d", tid))
	shown := sequencesShown(b)
	if shown.Note != "" {
		t.Errorf("of a busy thread it says: %s", shown.Note)
	}
	sameAsCommand(t, shown)
	goTo(b, "filter=--syscall+openat")
	if shown = sequencesShown(b); !strings.Contains(shown.Note, "of all calls") || fmt.Sprint(shown.Frequent) != fmt.Sprint(whole.Frequent) {
		t.Errorf("of what it does not hold it shows %v and says %q", shown.Frequent, shown.Note)
	}
	b.Do(chromedp.Focus(`.graph .node`), chromedp.KeyEvent(kb.Enter))
	shown = sequencesShown(b)
	if hash := browser.Eval[string](b, "location.hash"); shown.On == "" || !strings.Contains(hash, "call="+shown.On) {
		t.Errorf("the call %q is chosen, the address is %s", shown.On, hash)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}
