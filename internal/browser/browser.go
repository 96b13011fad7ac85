// Package browser finds for all packages the Chromium that pages are tested
// in, and drives it. With SYSTAPE_BROWSER=1, as CI sets it, it must be there.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is a page in a headless Chromium.
type Tab struct {
	t          testing.TB
	ctx        context.Context
	mu         sync.Mutex
	complaints []string
}

// Open starts a Chromium with a window of the given size. Without one the test
// is skipped.
func Open(t testing.TB, width, height int) *Tab {
	t.Helper()
	path := ""
	for _, name := range []string{os.Getenv("SYSTAPE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); name != "" && err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("SYSTAPE_BROWSER") == "1" {
			t.Fatal("SYSTAPE_BROWSER=1, but there is no Chromium: apt-get install chromium")
		}
		t.Skip("needs Chromium: apt-get install chromium")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { chromedp.Cancel(ctx) }) // waits until its files are closed
	tab := &Tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, struct{}{}); err != nil {
		t.Fatalf("browser: %v", err)
	}
	return tab
}

// hear keeps what the browser complains of.
func (b *Tab) hear(ev any) {
	said := ""
	switch ev := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		said = fmt.Sprint(ev.Type)
		for _, a := range ev.Args {
			said += fmt.Sprintf(" %s", a.Value)
		}
	case *runtime.EventExceptionThrown:
		said = fmt.Sprintf("%+v", ev.ExceptionDetails)
	case *log.EventEntryAdded:
		said = ev.Entry.Text
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, said)
}

// Complaints are what was written to the browser's console so far: errors of the
// page, and what its policy has forbidden.
func (b *Tab) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.complaints
}

// Do performs actions.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("browser: %v; it complains: %q", err, b.Complaints())
	}
}

// Go opens an address and waits until an element is there.
func (b *Tab) Go(address, selector string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(address), chromedp.WaitReady(selector))
}

// Dark shows the page as to those who prefer dark.
func (b *Tab) Dark() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// Paper shows the page as it stands on paper, while it is printed by someone who
// prefers dark, or as on the screen again.
func (b *Tab) Paper(on bool) {
	b.t.Helper()
	show := func(media string) {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
		if err != nil {
			b.t.Fatalf("browser: %v", err)
		}
	}
	// Both events come while the page is one for the screen, as when one prints.
	if !on {
		show("")
		Eval[bool](b, `dispatchEvent(new Event("afterprint"))`)
		return
	}
	Eval[bool](b, `dispatchEvent(new Event("beforeprint"))`)
	show("print")
}

// Eval evaluates an expression in the page and waits for what it promises.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("browser: %s: %v; it complains: %q", expression, err, b.Complaints())
	}
	return v
}

// Drag presses the mouse at one point, moves it to another and lets it go.
func (b *Tab) Drag(fromX, fromY, toX, toY float64) {
	b.t.Helper()
	b.Do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, fromX, fromY, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, toX, toY, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, toX, toY, chromedp.ButtonLeft))
}

// Picture writes what the tab shows as a PNG.
func (b *Tab) Picture(path string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(path, png, 0o666)
	}
	if err != nil {
		b.t.Fatalf("browser: picture: %v", err)
	}
}
