package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"systape/internal/browser"
)

// reached is what the Tab key has come to.
type reached struct {
	What    string // the classes of what matters, from the section inwards
	Visible bool   // one sees that it has the focus
}

// tabThrough presses Tab until the focus has left the page, and returns what had it.
func tabThrough(t *testing.T, b *browser.Tab) (all []reached) {
	t.Helper()
	browser.Eval[bool](b, `(() => {
		window.reached = [];
		document.activeElement.blur();
		scrollTo(0, 0);
		addEventListener("focusin", (e) => {
			const style = getComputedStyle(e.target);
			const rect = e.target.querySelector?.(":scope > rect");
			const inner = rect && getComputedStyle(rect);
			const side = [...document.querySelectorAll(".beside")].some((x) => x.contains(e.target) && [...x.children].indexOf([...x.children].find((c) => c.contains(e.target))) === 1) ? "b " : "";
			window.reached.push({ What: side + (e.target.closest("section")?.className ?? "") + " " + e.target.tagName.toLowerCase() + "." + (e.target.getAttribute("class") ?? "") + (e.target.id ? "#" + e.target.id : ""),
				Visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || !!inner && parseFloat(inner.strokeWidth) >= 3 });
		});
		return true;
	})()`)
	for range 60 {
		before := browser.Eval[int](b, "window.reached.length")
		b.Do(chromedp.KeyEvent(strings.Repeat(kb.Tab, 10)))
		if browser.Eval[int](b, "window.reached.length") < before+10 {
			break
		}
	}
	return browser.Eval[[]reached](b, "window.reached")
}

// slowestShown waits for what a live page gets after everything else.
func slowestShown(b *browser.Tab) {
	browser.Eval[bool](b, `new Promise((done) => {
		const look = () => [...document.querySelectorAll(".slowest:not(.singles)")].every((s) => s.querySelector("summary")) ? done(true) : requestAnimationFrame(look);
		look();
	})`)
}

// Whatever the mouse can do the keyboard can, with one capture and with two: come
// to everything and see where one is, choose calls, a thread, a call of the graph,
// a sequence, and let them go.
func TestPageByKeyboard(t *testing.T) {
	capture, err := filepath.Abs(pageCapture)
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{"one": {capture}, "two": {capture, "--", capture}} {
		b := browser.Open(t, 1280, 720)
		b.Go(liveView(t, args...), "#page[data-drawn] .singles")
		sequencesShown(b)
		if name == "two" {
			comparisonShown(b)
		}
		slowestShown(b)
		reach := tabThrough(t, b)
		for _, r := range reach {
			if !r.Visible {
				t.Errorf("%s: one does not see that %s has the focus", name, r.What)
			}
		}
		want := []string{"input.#filter", "input.bound", "div.heat", "div.rate", "div.lanes-plot", "table", "sequences select", "g.node", "sequences button", "slowest summary", "singles button"}
		sides := []string{""}
		if name == "two" {
			want, sides = append(want, "verdict summary", "b  div.heat", "b  div.rate", "b  div.lanes-plot", "b sequences g.node", "b sequences button"), []string{"", "b "}
		}
		for _, w := range want {
			if !slices.ContainsFunc(reach, func(r reached) bool { return strings.Contains(r.What, w) }) && !slices.ContainsFunc(reach, func(r reached) bool {
				section, rest, _ := strings.Cut(w, " ")
				return strings.Contains(r.What, section) && strings.Contains(r.What, rest)
			}) {
				t.Errorf("%s: Tab does not come to %s; it comes to %v", name, w, reach)
			}
		}
		all := chosenCalls(b)
		for i := range sides {
			nth := func(selector string) string { return fmt.Sprintf("document.querySelectorAll(%q)[%d]", selector, i) }
			press := func(selector string, keys ...string) int {
				browser.Eval[bool](b, nth(selector)+".focus(), true")
				for _, k := range keys {
					b.Do(chromedp.KeyEvent(k))
				}
				return chosenCalls(b)
			}
			shifted := func(selector, key string) int {
				browser.Eval[bool](b, nth(selector)+fmt.Sprintf(`.dispatchEvent(new KeyboardEvent("keydown", { key: %q, shiftKey: true, bubbles: true }))`, key))
				return chosenCalls(b)
			}
			hash := func() string { return browser.Eval[string](b, "location.hash") }
			// A rectangle on the map, moved and made larger.
			press(".heat", kb.ArrowRight)
			first := hash()
			press(".heat", kb.ArrowLeft, kb.ArrowLeft, kb.ArrowDown)
			if !strings.Contains(first, "brush=") || first == hash() {
				t.Errorf("%s: arrows on map %d lead from %s to %s", name, i+1, first, hash())
			}
			some := chosenCalls(b)
			for range 60 {
				shifted(".heat", "ArrowRight")
				shifted(".heat", "ArrowUp")
			}
			if more := chosenCalls(b); more <= some || more >= all {
				t.Errorf("%s: Shift and arrows on map %d lead from %d to %d of %d calls", name, i+1, some, more, all)
			}
			if n := press(".heat", kb.Escape); n != all {
				t.Errorf("%s: Escape on map %d chooses %d calls of %d", name, i+1, n, all)
			}
			// A stretch of time on the rates.
			press(".rate", kb.ArrowLeft)
			if h := hash(); !strings.Contains(h, "brush=") || !strings.HasSuffix(h, "%7E%7E") {
				t.Errorf("%s: an arrow on the rates %d leads to %s", name, i+1, h)
			}
			press(".rate", kb.Escape)
			// A thread.
			if n := press(".lanes-plot", kb.ArrowDown, kb.ArrowDown, kb.Enter); n == 0 || n >= all || !strings.Contains(hash(), "filter=--tid") {
				t.Errorf("%s: Enter on a thread of %d leads to %d calls, %s", name, i+1, n, hash())
			}
			browser.Eval[bool](b, `document.querySelector("#filter").value = "", document.querySelector("#filter").dispatchEvent(new Event("input")), true`)
			chosenCalls(b)
			// A call of the graph, and a sequence; the focus stays where it was.
			sequencesOf := func(i int) (on string, far, pressed int, focus string) {
				v := browser.Eval[struct {
					On           string
					Far, Pressed int
					Focus        string
				}](b, fmt.Sprintf(`new Promise((done) => {
					const look = () => {
						const box = document.querySelectorAll(".sequences")[%d];
						if (box.dataset.waiting === "true" || !box.querySelector(".graph svg")) return requestAnimationFrame(look);
						done({ On: box.querySelector(".node.on .name")?.textContent ?? "", Far: box.querySelectorAll("path.far").length, Pressed: box.querySelectorAll('.gram [aria-pressed="true"]').length,
							Focus: document.activeElement.closest(".sequences") === box ? document.activeElement.getAttribute("class") ?? "" : "elsewhere: " + document.activeElement.tagName });
					};
					requestAnimationFrame(() => requestAnimationFrame(look));
				})`, i))
				return v.On, v.Far, v.Pressed, v.Focus
			}
			sequencesOf(i)
			node := fmt.Sprintf(`[...document.querySelectorAll(".sequences")[%d].querySelectorAll(".node")][1]`, i)
			browser.Eval[bool](b, node+".focus(), true")
			b.Do(chromedp.KeyEvent(kb.Enter))
			if on, far, _, focus := sequencesOf(i); on == "" || far == 0 || !strings.Contains(focus, "node") {
				t.Errorf("%s: Enter on a call of graph %d: on is %q, %d edges step back, the focus is on %q", name, i+1, on, far, focus)
			}
			b.Do(chromedp.KeyEvent(kb.Escape))
			if on, far, _, focus := sequencesOf(i); on != "" || far != 0 || !strings.Contains(focus, "node") {
				t.Errorf("%s: Escape leaves %q and %d edges of graph %d, the focus on %q", name, on, far, i+1, focus)
			}
			browser.Eval[bool](b, fmt.Sprintf(`document.querySelectorAll(".sequences")[%d].querySelectorAll(".gram button")[2].focus(), true`, i))
			b.Do(chromedp.KeyEvent(kb.Enter))
			if _, far, pressed, focus := sequencesOf(i); far == 0 || pressed != 1 || strings.HasPrefix(focus, "elsewhere") {
				t.Errorf("%s: Enter on a sequence of %d: %d are pressed, %d edges step back, the focus is on %q", name, i+1, pressed, far, focus)
			}
			// The button that closes it, pressed with Space, leaves the focus in the section.
			browser.Eval[bool](b, fmt.Sprintf(`document.querySelectorAll(".sequences")[%d].querySelector(".near button").focus(), true`, i))
			b.Do(chromedp.KeyEvent(" "))
			if _, far, pressed, focus := sequencesOf(i); far != 0 || pressed != 0 || strings.HasPrefix(focus, "elsewhere") {
				t.Errorf("%s: closed, %d of %d are pressed, %d edges step back, the focus is on %q", name, pressed, i+1, far, focus)
			}
		}
		// A name of the table is chosen; the focus is still in the table.
		browser.Eval[bool](b, `document.querySelector(".table tbody tr[data-key] button").focus(), true`)
		b.Do(chromedp.KeyEvent(kb.Enter))
		if n := chosenCalls(b); n >= all || !browser.Eval[bool](b, `document.activeElement.closest(".table") !== null`) {
			t.Errorf("%s: Enter on a name chooses %d of %d calls, the focus is on %s", name, n, all, browser.Eval[string](b, "document.activeElement.outerHTML.slice(0, 200)"))
		}
		if c := b.Complaints(); len(c) > 0 {
			t.Errorf("the browser complains: %q", c)
		}
	}
}
