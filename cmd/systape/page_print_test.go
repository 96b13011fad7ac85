package main

import (
	"fmt"
	"testing"

	"systape/cmd/systape/internal/picture"
	"systape/internal/browser"
)

// On paper a page of a dark screen is light, as wide as a sheet, and has all that
// it folds away; the screen is as before afterwards.
func TestPageOnPaper(t *testing.T) {
	b := browser.Open(t, 1800, 900)
	b.Dark()
	b.Go(pageOf(t, pageCapture), "#page[data-drawn]")
	type look struct {
		Dark    bool // the pictures
		Wide    int  // px, the widest picture
		Heads   int  // of the table that are seen
		Folded  int
		Filter  bool
		Command bool
	}
	see := func() look {
		t.Helper()
		return browser.Eval[look](b, fmt.Sprintf(`(() => {
			const dark = %q;
			const seen = (e) => e.getClientRects().length > 0;
			const lanes = document.querySelector(".lanes canvas"), copy = new OffscreenCanvas(lanes.width, lanes.height).getContext("2d", { willReadFrequently: true });
			copy.drawImage(lanes, 0, 0);
			const at = copy.getImageData(0, 0, lanes.width, lanes.height).data;
			return {
				Dark: at.some((v, i) => i %% 4 === 0 && at[i + 3] === 255 && "#" + [...at.slice(i, i + 3)].map((c) => c.toString(16).padStart(2, "0")).join("") === dark),
				Wide: Math.max(...[...document.querySelectorAll("canvas, .graph")].map((e) => Math.ceil(e.getBoundingClientRect().right))),
				Heads: [...document.querySelectorAll(".table thead button")].filter(seen).length,
				Folded: document.querySelectorAll(".slowest details:not([open]), details.left-out:not([open])").length,
				Filter: seen(document.querySelector("#filter")), Command: seen(document.querySelector(".command")),
			};
		})()`, picture.Dark.Plot))
	}
	screen := see()
	if !screen.Dark || screen.Wide < 1000 || screen.Heads < 5 || screen.Folded < 2 || !screen.Filter || !screen.Command {
		t.Fatalf("on the screen: %+v", screen)
	}
	// Firefox takes what is printed when the event has been told, before anything else runs.
	if empty := browser.Eval[int](b, `(() => {
		dispatchEvent(new Event("beforeprint"));
		const empty = [...document.querySelectorAll(":is(.rate, .histogram) canvas")].filter((c) => {
			const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", { willReadFrequently: true });
			copy.drawImage(c, 0, 0);
			return copy.getImageData(0, 0, c.width, c.height).data.every((v) => v === 0);
		}).length;
		dispatchEvent(new Event("afterprint"));
		return empty;
	})()`); empty != 0 {
		t.Errorf("%d charts are empty when they are printed", empty)
	}
	b.Paper(true)
	if got := see(); got.Dark || got.Wide > 690 || got.Heads != screen.Heads || got.Folded != 0 || got.Filter || !got.Command {
		t.Errorf("on paper: %+v", got)
	}
	b.Paper(false)
	browser.Eval[bool](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`)
	if got := see(); got != screen {
		t.Errorf("on the screen afterwards: %+v, before: %+v", got, screen)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}
