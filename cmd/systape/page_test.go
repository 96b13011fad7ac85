package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"

	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"systape/cmd/systape/internal/page"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"systape/format"
	"systape/internal/browser"
)

// openPage opens a page and waits for it to be drawn.
func openPage(t *testing.T, address string) *browser.Tab {
	t.Helper()
	b := browser.Open(t, 1280, 720)
	b.Go(address, "#page[data-drawn], #page .none")
	return b
}

// goTo changes the page's address, and waits until everything is drawn of it.
func goTo(b *browser.Tab, hash string) {
	browser.Eval[bool](b, fmt.Sprintf(`new Promise((done) => {
		// Only what is drawn after the page has heard of it: what comes late draws it, too.
		addEventListener("hashchange", () => {
			new MutationObserver((_, o) => { o.disconnect(); done(true); })
				.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["data-drawn"] });
		}, { once: true });
		location.hash = %q;
	})`, hash))
}

// goToPart changes the address of a live page, and waits until it shows another
// stretch of time.
func goToPart(b *browser.Tab, hash string) {
	browser.Eval[bool](b, fmt.Sprintf(`new Promise((done) => {
		const old = document.getElementById("page");
		new MutationObserver((_, o) => { if (document.getElementById("page") !== old && document.querySelector("#page[data-drawn]")) { o.disconnect(); done(true); } })
			.observe(document.body, { childList: true, subtree: true, attributes: true });
		location.hash = %q;
	})`, hash))
}

// chosenCalls is how many calls the page shows, once all input has been taken.
func chosenCalls(b *browser.Tab) int {
	return browser.Eval[int](b, `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(Number(document.querySelector(".sum").dataset.calls)))))`)
}

// shownRow is a row of the page's table, with its exact figures.
type shownRow struct {
	Key    string
	Waits  bool
	Values []float64 // count, errors, total, p50 to p999, max, and censored where there are any
}

func shownRows(b *browser.Tab) []shownRow {
	return browser.Eval[[]shownRow](b, `[...document.querySelectorAll(".table tr[data-key]")].map((tr) => ({ Key: tr.dataset.key, Waits: tr.dataset.waits === "true",
		Values: [...tr.querySelectorAll("td[data-exact]")].map((td) => Number(td.dataset.exact)) }))`)
}

func pageOf(t *testing.T, args ...string) (address string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.html")
	if code, _, stderr := commandLine(t, append([]string{"report", "-o", file}, args...)...); code != 0 {
		t.Fatalf("report: exit code %d, %s", code, stderr)
	}
	return "file://" + filepath.ToSlash(file)
}

const pageCapture = "../../testdata/v1/workload.parquet"

// Whatever part of the capture the page shows, its figures are those of latency
// for the command line that it gives to copy.
func TestPageShowsWhatLatencyTells(t *testing.T) {
	b := openPage(t, pageOf(t, pageCapture))
	capture, err := filepath.Abs(pageCapture)
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{
		"", "filter=--syscall+openat,close", "filter=--syscall+%25file+--errno+any", "filter=--syscall+!%25memory&by=comm", "by=tid", "by=errno",
		"brush=30000000~90000000~~", "brush=~~2000~&by=comm", "brush=10000000~190000000~5000~&by=comm", "brush=70000000~70000001~~", "filter=--comm+%27s*%27&by=pid",
	} {
		if hash != "" {
			goTo(b, hash)
		}
		command := browser.Eval[string](b, `document.querySelector(".command").textContent`)
		args := systapeCommands(command)[0]
		args[len(args)-1] = capture
		by := "syscall"
		for i, a := range args {
			if a == "--by" {
				by = args[i+1]
			}
		}
		code, stdout, stderr := commandLine(t, append(args, "--format", "json", "--top", "0", "--wait", "apart")...)
		if code != 0 {
			t.Fatalf("%s: exit code %d, %s", command, code, stderr)
		}
		var want struct{ Groups []map[string]any }
		if err := json.Unmarshal([]byte(stdout), &want); err != nil {
			t.Fatal(err)
		}
		type id struct {
			key   string
			waits bool
		}
		have := map[id][]float64{}
		for _, r := range shownRows(b) {
			have[id{r.Key, r.Waits}] = r.Values
		}
		shown := 0
		for _, g := range want.Groups {
			key := id{fmt.Sprint(g[by]), g["waits"].(bool)}
			values, ok := have[key]
			if !ok {
				continue // of rows there are so many at first
			}
			shown++
			for i, column := range []string{"count", "errors", "total_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns", "censored"} {
				if i < len(values) && values[i] != g[column].(float64) {
					t.Errorf("%s: %s of %v is %v in the page, %v in latency", command, column, key, values[i], g[column])
				}
			}
		}
		if shown != len(have) || shown == 0 && len(want.Groups) > 0 {
			t.Errorf("%s: %d rows in the page, of which %d are in latency's %d", command, len(have), shown, len(want.Groups))
		}
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// A rectangle that is drawn, keys, a click and a word of the filter choose calls.
func TestPageIsUsed(t *testing.T) {
	b := openPage(t, pageOf(t, pageCapture))
	calls := func() int { return chosenCalls(b) }
	all := calls()
	box := browser.Eval[struct{ X, Y float64 }](b, `(() => { const r = document.querySelector(".heat canvas").getBoundingClientRect(); return { X: r.x, Y: r.y }; })()`)
	b.Drag(box.X+200, box.Y+20, box.X+400, box.Y+150)
	some := calls()
	if some == 0 || some >= all {
		t.Errorf("a rectangle chooses %d of %d calls", some, all)
	}
	b.Do(chromedp.KeyEvent("m"), chromedp.KeyEvent("f"))
	calls()
	if hash := browser.Eval[string](b, "location.hash"); !strings.Contains(hash, "view=") || !strings.Contains(hash, "brush=") || !strings.Contains(hash, "mark=") {
		t.Errorf("after a rectangle, m and f the address is %s", hash)
	}
	b.Do(chromedp.KeyEvent("\x1b"), chromedp.KeyEvent("0"))
	if n := calls(); n != all {
		t.Errorf("Escape chooses %d calls, want %d", n, all)
	}
	b.Do(chromedp.Click(`.table tr[data-key="openat"] th button`))
	openat := calls()
	if openat == 0 || openat >= all {
		t.Errorf("a click on openat chooses %d of %d calls", openat, all)
	}
	b.Do(chromedp.Focus("#filter"), chromedp.KeyEvent(kb.End+" --errno any"))
	if n := calls(); n == 0 || n >= openat {
		t.Errorf("%s chooses %d of %d calls", browser.Eval[string](b, `document.querySelector("#filter").value`), n, openat)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// hostilePage is a capture that has markup, scripts and control characters in names, paths, the
// command, the host and the file's name.
func hostilePage(t *testing.T) (capture string, evil []string) {
	evil = []string{`<img src=x onerror="window.hurt=1">`, `</script><script>window.hurt=1</script>`, "\x1b]0;x\a\u202eevil", `"><b>x`, `<!--<script>`, `javascript:window.hurt=1`, `&lt;b&gt;`}
	var text strings.Builder
	command, _ := json.Marshal(evil)
	fmt.Fprintf(&text, "# systape.request {\"command\":%s}\n", command)
	for i, name := range evil {
		e := format.Event{TS: int64(i+1) * 1000, Seq: int64(4 * i), PID: int32(i + 1), TID: int32(i + 1), Syscall: "openat", Nr: 257, Comm: format.EscapeText(name),
			Container: format.EscapeText(name), Detail: format.EscapeText(name)}
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
		e.TS, e.Seq, e.Kind, e.Detail = e.TS+100, e.Seq+1, format.Exit, ""
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
		e.TS, e.Seq, e.Kind, e.Syscall, e.Nr = e.TS+100, e.Seq+1, format.Enter, format.EscapeText(name), 100000
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
		e.TS, e.Seq, e.Kind = e.TS+100, e.Seq+1, format.Exit
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
	}
	capture = filepath.Join(t.TempDir(), `<img src=x onerror=alert(1)>.spool`)
	if err := os.Rename(latencyCapture(t, []byte(text.String())), capture); err != nil {
		t.Skip(err) // a file system without such names
	}
	return capture, evil
}

// What a capture holds is text, and does nothing.
func TestPageOfAHostileCapture(t *testing.T) {
	capture, evil := hostilePage(t)
	b := openPage(t, pageOf(t, capture))
	hurtless(t, b, evil)
	live := browser.Open(t, 1280, 720)
	live.Go(liveView(t, capture), "#page[data-drawn] .singles")
	sequencesShown(live)
	hurtless(t, live, evil)
	two := browser.Open(t, 1280, 720)
	two.Go(liveView(t, capture, "--", capture), "#page[data-drawn] .singles")
	sequencesShown(two)
	hurtless(t, two, evil)
}

// hurtOf tells what the names of a page did.
const hurtOf = `({ Hurt: "hurt" in window, Images: document.images.length, Scripts: document.scripts.length, Bolds: document.querySelectorAll("main b:not(summary b)").length,
	Rows: [...document.querySelectorAll(".table tbody th button")].map((e) => e.textContent),
	Nodes: [...document.querySelectorAll(".graph .node .name")].map((e) => e.textContent) })`

// hurtless looks whether the names of a page did anything.
func hurtless(t *testing.T, b *browser.Tab, evil []string) {
	t.Helper()
	goTo(b, "by=comm&filter="+`--comm+%27%3Cimg*%27`)
	goTo(b, "by=container")
	hurt := browser.Eval[struct {
		Hurt                   bool
		Images, Scripts, Bolds int
		Rows, Nodes            []string
	}](b, hurtOf)
	if hurt.Hurt || hurt.Images != 0 || hurt.Scripts != 2 || hurt.Bolds != 0 {
		t.Errorf("the page was hurt: %+v", hurt)
	}
	if all := strings.Join(hurt.Rows, "\n"); !strings.Contains(all, evil[0]) || !strings.Contains(all, `\x1b]0;x\x07`) || strings.Contains(all, "\u202e") {
		t.Errorf("containers are shown as %q", hurt.Rows)
	}
	if all := strings.Join(hurt.Nodes, "\n"); !strings.Contains(all, evil[0]) || strings.Contains(all, "\u202e") {
		t.Errorf("calls of the graph are shown as %q", hurt.Nodes)
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// A page of nothing says so.
func TestPageOfNothing(t *testing.T) {
	b := openPage(t, pageOf(t, latencyCapture(t, nil)))
	said := browser.Eval[string](b, `document.querySelector(".none").textContent`)
	if said != "No calls with a duration are in this capture." || len(b.Complaints()) > 0 {
		t.Errorf("it says %q; the browser complains: %q", said, b.Complaints())
	}
}

// liveView runs view on a capture until the test ends, and returns its address.
func liveView(t *testing.T, args ...string) string {
	t.Helper()
	address, _ := endingView(t, args...)
	return address
}

// endingView is liveView of a view that ends with the test, or before.
func endingView(t *testing.T, args ...string) (address string, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		done <- run(ctx, append([]string{"view", "--no-open"}, args...), strings.NewReader(""), w, &stderr)
		w.Close()
	}()
	end = sync.OnceFunc(func() {
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("view: exit code %d, %s", code, &stderr)
		}
	})
	t.Cleanup(end)
	address, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("view: %v, %s", err, &stderr)
	}
	return strings.TrimSpace(address), end
}

// When its server ends the page stays as it is, and says so.
func TestViewStaysWhenItsServerEnds(t *testing.T) {
	address, end := endingView(t, pageCapture)
	b := browser.Open(t, 1280, 720)
	b.Go(address, "#page[data-drawn] .singles")
	all := chosenCalls(b)
	end()
	for _, hash := range []string{"view=30000000~90000000", "view=10000000~11000000"} {
		said := browser.Eval[string](b, fmt.Sprintf(`new Promise((done, failed) => {
			const end = Date.now() + 50000;
			document.querySelector(".reading span").textContent = "";
			location.hash = %q;
			const look = () => {
				const box = document.querySelector(".reading");
				const said = document.querySelector("#page[data-drawn] .heat") ? box.textContent : "the page has gone: " + document.body.textContent;
				if (said.includes("what is shown stays") || said.includes("gone")) done(box.hidden ? "hidden" : said);
				else if (Date.now() > end) failed(new Error("nothing is said: " + said));
				else setTimeout(look, 50);
			};
			look();
		})`, hash))
		if !strings.HasPrefix(said, "systape view does not answer") {
			t.Errorf("%s: the page says %q", hash, said)
		}
	}
	asked := browser.Eval[string](b, `new Promise((done) => {
		const hint = document.querySelector(".singles .hint");
		new MutationObserver(() => hint.textContent !== "reading…" && done(hint.textContent)).observe(hint, { childList: true });
		document.querySelector(".singles button").click();
	})`)
	if !strings.HasPrefix(asked, "systape view does not answer") {
		t.Errorf("asked for single calls, it says %q", asked)
	}
	if n := chosenCalls(b); n == 0 || n > all {
		t.Errorf("%d calls are chosen, before %d", n, all)
	}
}

// The same page from a server: nearer it shows more, and single calls.
func TestViewInTheBrowser(t *testing.T) {
	address := liveView(t, pageCapture)
	b := browser.Open(t, 1280, 720)
	b.Go(address, "#page[data-drawn] .singles")
	all := chosenCalls(b)
	// Nearer: the page asks for this stretch of time, in finer tiles.
	goToPart(b, "view=30000000~90000000&filter=--syscall+openat")
	some := chosenCalls(b)
	if some == 0 || some >= all {
		t.Errorf("nearer there are %d of %d calls", some, all)
	}
	shown := browser.Eval[[]string](b, `new Promise((done) => {
		const list = document.querySelector(".singles ol");
		new MutationObserver((_, o) => { o.disconnect(); done([...list.querySelectorAll("summary code")].map((e) => e.textContent)); }).observe(list, { childList: true });
		document.querySelector(".singles button").click();
	})`)
	if len(shown) != some {
		t.Errorf("%d single calls are shown of %d", len(shown), some)
	}
	for _, text := range shown {
		if !strings.HasPrefix(text, "openat(") {
			t.Errorf("asked for openat, it shows %s", text)
		}
	}
	// So near that calls are drawn one by one: the arrow keys lead from one to
	// the next, each with those beside it.
	goToPart(b, "view=10000000~11000000")
	command := systapeCommands(browser.Eval[string](b, `document.querySelector(".command").textContent`))[0]
	command[len(command)-1] = pageCapture
	code, stdout, stderr := commandLine(t, append(command, "--format", "json", "--wait", "mixed")...)
	var want struct {
		Groups []struct{ Count, Censored int }
	}
	if err := json.Unmarshal([]byte(stdout), &want); code != 0 || err != nil {
		t.Fatalf("%q: exit code %d, %v, %s", command, code, err, stderr)
	}
	near := 0
	for _, g := range want.Groups {
		near += g.Count + g.Censored
	}
	if n := chosenCalls(b); n != near || n < 2 {
		t.Errorf("%d calls are shown, %q has %d", n, command, near)
	}
	press := func(key string) []string {
		return browser.Eval[[]string](b, fmt.Sprintf(`new Promise((done, failed) => {
			const plot = document.querySelector(".lanes-plot");
			const before = document.querySelector(".about-call").dataset.of;
			const end = Date.now() + 50000;
			const look = () => {
				plot.dispatchEvent(new KeyboardEvent("keydown", { key: %q }));
				const now = document.querySelector(".about-call");
				if (now.dataset.of && now.dataset.of !== before) done([...now.querySelectorAll("summary code, li li code")].map((e) => e.textContent));
				else if (Date.now() > end) failed(new Error("no call is told about"));
				else setTimeout(look, 50);
			};
			look();
		})`, key))
	}
	one := press("ArrowRight")
	two := press("ArrowRight")
	if at := slices.Index(two[1:], one[0]); at < 0 || len(two) < 3 {
		t.Errorf("beside the second call are %q, the first is %s", two, one[0])
	}
	for _, text := range append(one, two...) {
		if !strings.Contains(text, "(") || !strings.Contains(text, ")") {
			t.Errorf("%s is shown without its arguments", text)
		}
	}
	if c := b.Complaints(); len(c) > 0 {
		t.Errorf("the browser complains: %q", c)
	}
}

// Only who was given the address is answered, by the names that lead here.
func TestViewAnswersItsUserAlone(t *testing.T) {
	address := liveView(t, pageCapture)
	u, err := url.Parse(address)
	if err != nil || u.Hostname() != "127.0.0.1" || len(u.Path) < 22 {
		t.Fatalf("the address is %s", address)
	}
	for _, c := range []struct {
		path, host, origin, method string
		want                       int
	}{
		{path: u.Path, want: 200},
		{path: u.Path, host: "localhost:" + u.Port(), origin: "http://localhost:" + u.Port(), want: 200},
		{path: u.Path + "data.json", want: 200},
		{path: u.Path + "other", want: 404},
		{path: "/", want: 403},
		{path: "/AAAAAAAAAAAAAAAAAAAAAAAAAA/data.json", want: 403},
		{path: u.Path + "data.json", host: "evil.example:" + u.Port(), want: 403},
		{path: u.Path + "data.json", origin: "http://evil.example", want: 403},
		{path: u.Path + "data.json", origin: "null", want: 403},
		{path: u.Path, method: "POST", want: 405},
		{path: u.Path + "data.json?from=x&to=1", want: 400},
	} {
		r, err := http.NewRequest(cmp.Or(c.method, "GET"), "http://"+u.Host+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if c.want == 400 { // once the capture is read
			for {
				var p page.Page
				answer, err := http.Get(address + "data.json")
				if err != nil {
					t.Fatal(err)
				}
				err = json.NewDecoder(answer.Body).Decode(&p)
				answer.Body.Close()
				if err != nil || p.Reading.Of == 0 {
					break
				}
			}
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.want || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%+v: %s, policy %q", c, answer.Status, answer.Header.Get("Content-Security-Policy"))
		}
	}
}
