package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"systape/format"
	"systape/internal/browser"
)

// A recording that goes on is shown as it grows, and asked about meanwhile; in
// the end the page is that of the whole capture.
func TestViewFollowsARecording(t *testing.T) {
	r := formsFrozen(t)
	spool, batches := r.spool(t)
	half := batches[len(batches)/2]
	sealed := filepath.Join(t.TempDir(), "trace.parquet")
	name := format.SpoolName(sealed)
	grow := growingSpool(t, name, spool)
	grow(0, half)
	b := browser.Open(t, 1280, 720)
	b.Go(liveView(t, "--follow", name), "#page[data-drawn] .singles")
	await := func(what, condition string) {
		t.Helper()
		if !browser.Eval[bool](b, `new Promise((done) => {
			const end = Date.now() + 50000;
			const look = () => (`+condition+`) ? done(true) : Date.now() > end ? done(false) : setTimeout(look, 50);
			look();
		})`) {
			t.Fatalf("%s: %s", what, browser.Eval[string](b, `document.querySelector(".reading").textContent + " " + document.querySelector(".sum").textContent`))
		}
	}
	calls := func() int { return browser.Eval[int](b, `Number(document.querySelector(".sum")?.dataset.calls)`) }
	first := calls()
	if first == 0 {
		t.Fatal("nothing is shown of what is there")
	}
	// Asked about single calls it stays as it is; then it goes on.
	browser.Eval[bool](b, `document.querySelector(".singles button").click(), true`)
	await("single calls", `document.querySelector(".singles ol").children.length > 0`)
	await("it holds", `document.querySelector(".reading button").textContent === "go on"`)
	grow(half, len(spool)-200)
	browser.Eval[bool](b, `document.querySelector("#filter").focus(), document.querySelector(".reading button").click(), true`)
	await("more is shown", `Number(document.querySelector(".sum")?.dataset.calls) > `+strconv.Itoa(first))
	if !browser.Eval[bool](b, `document.activeElement.id === "filter"`) {
		t.Errorf("what had the focus has lost it")
	}
	grow(len(spool)-200, len(spool))
	// The recorder puts the capture in the place of the spool.
	if err := os.WriteFile(sealed, r.parquet(t, 1, 0, len(r.events)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	await("the end", `document.querySelector(".reading").hidden && document.querySelector("#page[data-drawn] .singles")`)
	whole := browser.Open(t, 1280, 720)
	whole.Go(liveView(t, sealed), "#page[data-drawn] .singles")
	if want := chosenCalls(whole); calls() != want || want <= first {
		t.Errorf("%d calls are shown in the end, of the finished capture %d, at first %d", calls(), want, first)
	}
	browser.Eval[bool](b, `document.querySelector(".singles button").click(), true`)
	await("single calls of the sealed capture", `document.querySelector(".singles ol").children.length > 0`)
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}
