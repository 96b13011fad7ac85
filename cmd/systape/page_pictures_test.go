package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"systape/cmd/systape/internal/picture"
	"systape/format"
	"systape/internal/browser"
)

// drawnMap is what the page's map of latency is drawn with.
type drawnMap struct {
	Fills, Strokes, Texts, Fonts []string
}

// mapDrawn draws the map of a page anew and listens.
func mapDrawn(b *browser.Tab) drawnMap {
	return browser.Eval[drawnMap](b, `new Promise((done) => {
		const map = document.querySelector(".heat canvas").getContext("2d");
		const seen = { Fills: new Set(), Strokes: new Set(), Texts: new Set(), Fonts: new Set() };
		const { fillRect, fillText, stroke } = map;
		map.fillRect = function (...a) { seen.Fills.add(this.fillStyle); fillRect.apply(this, a); };
		map.stroke = function (...a) { seen.Strokes.add(this.strokeStyle); stroke.apply(this, a); };
		map.fillText = function (text, ...a) { seen.Texts.add(text); seen.Fonts.add(this.font); fillText.call(this, text, ...a); };
		document.querySelector(".heat").style.width = document.querySelector(".heat").clientWidth - 20 + "px"; // so that it is drawn anew
		dispatchEvent(new Event("resize"));
		requestAnimationFrame(() => requestAnimationFrame(() => done(Object.fromEntries(Object.entries(seen).map(([k, v]) => [k, [...v]])))));
	})`)
}

// lossyCapture has calls of 100 ns to 100 ms in ten seconds, of which two are lost.
func lossyCapture(t *testing.T) string {
	var text strings.Builder
	seq := int64(0)
	row := func(e format.Event) {
		e.Seq = seq
		seq++
		e.PID, e.TID, e.Comm = 10, 10, "worker"
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
	}
	for i := range int64(1000) {
		ts := i * 10e6
		if i == 400 {
			row(format.Event{TS: ts + 2e9, Kind: format.Lost, Nr: -1, Args: [6]int64{200, ts, ts + 2e9, 100, 100}})
		}
		if i >= 400 && i <= 600 {
			continue
		}
		took := int64(100)
		for range i % 6 {
			took *= 10
		}
		for range 1 + i%7 {
			row(format.Event{TS: ts, Kind: format.Enter, Syscall: "pwrite64", Nr: 18})
			ts += took
			row(format.Event{TS: ts, Kind: format.Exit, Syscall: "pwrite64", Nr: 18})
			ts += 10
			if took > 1e6 {
				break
			}
		}
	}
	return latencyCapture(t, []byte(text.String()))
}

// The map of the page and the picture of latency have the same colours, marks
// and hatching, in light and dark.
func TestPicturesAreThoseOfThePage(t *testing.T) {
	capture := lossyCapture(t)
	b := openPage(t, pageOf(t, capture))
	for _, name := range []string{"light", "dark"} {
		theme := map[string]*picture.Theme{"light": picture.Light, "dark": picture.Dark}[name]
		file := filepath.Join(t.TempDir(), name+".svg")
		args := []string{"latency", "--heatmap", "-o", file, capture}
		if name == "dark" {
			b.Dark()
			args = append(args, "--dark")
		}
		if code, _, stderr := commandLine(t, args...); code != 0 {
			t.Fatalf("%q: %s", args, stderr)
		}
		svg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		drawn := mapDrawn(b)
		shades := theme.Shades()
		cells := map[string]bool{}
		for _, c := range drawn.Fills {
			if cells[c] = slices.Contains(shades[:], c); !cells[c] && c != theme.Plot {
				t.Errorf("%s: the page's map has the colour %s, which is none of the theme", name, c)
			}
		}
		var densest string
		for _, m := range regexp.MustCompile(`<path fill="(#[0-9a-f]+)"`).FindAllStringSubmatch(string(svg), -1) {
			if !slices.Contains(shades[:], m[1]) {
				t.Errorf("%s: the picture's map has the colour %s, which is none of the theme", name, m[1])
			}
			densest = m[1]
		}
		if len(cells) < 3 || densest != shades[picture.Shades-1] || !cells[densest] {
			t.Errorf("%s: the page has %q, the densest of the picture is %s", name, drawn.Fills, densest)
		}
		if !slices.Contains(drawn.Strokes, theme.Alarm) || !strings.Contains(string(svg), `stroke="`+theme.Alarm+`"`) {
			t.Errorf("%s: losses are not hatched in %s: %q", name, theme.Alarm, drawn.Strokes)
		}
		var texts []string
		for _, m := range regexp.MustCompile(`class="(?:end|mid) dim small">([^<]+)<`).FindAllStringSubmatch(string(svg), -1) {
			if !strings.HasPrefix(m[1], "from ") {
				texts = append(texts, m[1])
			}
		}
		for _, want := range []string{"1 µs", "100 µs", "10 ms", "0", "+2 s", "+8 s"} {
			if !slices.Contains(texts, want) || !slices.Contains(drawn.Texts, want) {
				t.Errorf("%s: axes of the picture have %q, of the page %q: %s is not on both", name, texts, drawn.Texts, want)
			}
		}
		for _, font := range drawn.Fonts {
			if !strings.HasPrefix(font, fmt.Sprintf("%dpx ", picture.SmallSize)) {
				t.Errorf("%s: the page writes in %s", name, font)
			}
		}
		if !strings.Contains(string(svg), fmt.Sprintf(".small{font-size:%dpx}", picture.SmallSize)) {
			t.Errorf("%s: the picture has other small text", name)
		}
	}
}
