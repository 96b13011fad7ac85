package views

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"systape/cmd/systape/internal/picture"
	"systape/format"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// mapOf draws the heat map of calls with these durations and returns its SVG.
func mapOf(t *testing.T, losses []replay.LossSpan, durations ...int64) (string, latency.HeatMap) {
	t.Helper()
	h := latency.NewHeat(latency.Options{Symbols: format.NewSymbolTable()})
	for i, d := range durations {
		h.Add([]replay.Call{{StartNS: int64(i) * 1e6, DurNS: d}})
	}
	m := h.Map(false, 200, true)
	m.MarkLost(losses)
	p := picture.Picture{Theme: picture.Light}
	drawHeatMap(&p, &heatSection{title: "calls", HeatMap: m}, "")
	var b bytes.Buffer
	if err := p.Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	return b.String(), m
}

// Every cell stands where its duration does: above the mark of a shorter power
// of ten and below that of a longer one, whatever else is in the map.
func TestHeatMapPositions(t *testing.T) {
	area := regexp.MustCompile(`<svg x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" viewBox="0 0 (\d+) (\d+)"`)
	for _, short := range []int64{0, 1, 10, 43, 63, 64, 100, 1000, 5e6} {
		durations := []int64{short}
		for range 98 {
			durations = append(durations, 1000)
		}
		durations = append(durations, 70, 200, 30_000)
		doc, m := mapOf(t, nil, durations...)
		a := area.FindStringSubmatch(doc)
		if a == nil {
			t.Fatal(doc)
		}
		number := func(s string) float64 { v, _ := strconv.ParseFloat(s, 64); return v }
		top, height, rows := number(a[2]), number(a[4]), number(a[6])
		marks := map[int64]float64{} // of powers of ten, from their text
		for ns := int64(1); ns < 1e12; ns *= 10 {
			text := regexp.MustCompile(`y="([\d.]+)" class="end dim small">` + units.Power(ns) + `<`).FindStringSubmatch(doc)
			if text != nil {
				marks[ns] = number(text[1]) - 4
			}
		}
		for a, y := range marks {
			for b, other := range marks {
				if a < b && y-other < 12 {
					t.Errorf("shortest %d ns: %s at %.1f stands on %s at %.1f", short, units.Power(a), y, units.Power(b), other)
				}
			}
		}
		for _, ns := range durations {
			row := -1
			for y, low := range m.LowNS[:len(m.LowNS)-1] {
				if ns >= low && ns < m.LowNS[y+1] {
					row = y
				}
			}
			if row < 0 {
				t.Fatalf("%d ns is in no row of %v", ns, m.LowNS)
			}
			// The row's cells as they are drawn.
			below, above := top+height*(1-float64(row)/rows), top+height*(1-float64(row+1)/rows)
			at, ok := heatScale(&m, top+height, top).At(ns)
			if !ok || at > below+1e-6 || at < above-1e-6 {
				t.Errorf("shortest %d ns: %d ns is at %.1f, its cell from %.1f to %.1f", short, ns, at, below, above)
			}
			for mark, y := range marks {
				if mark <= m.LowNS[row] && y < below-0.11 || mark >= m.LowNS[row+1] && y > above+0.11 {
					t.Errorf("shortest %d ns: the cell of %d ns, from %.1f to %.1f, is on the wrong side of %s at %.1f", short, ns, below, above, units.Power(mark), y)
				}
			}
		}
		if len(marks) < 2 {
			t.Errorf("shortest %d ns: %d marks", short, len(marks))
		}
	}
}

// Where events were lost, a map is hatched, and says so.
func TestHeatMapShowsLosses(t *testing.T) {
	lost := []replay.LossSpan{{First: 2e6, Last: 3e6, Events: 1000}}
	with, _ := mapOf(t, lost, 1000, 1000, 1000, 1000, 1000, 1000)
	without, _ := mapOf(t, nil, 1000, 1000, 1000, 1000, 1000, 1000)
	if !strings.Contains(with, picture.Light.Alarm) || !strings.Contains(with, "events were lost") || strings.Contains(without, picture.Light.Alarm) {
		t.Errorf("%s", with)
	}
	d := xml.NewDecoder(strings.NewReader(with))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(fmt.Errorf("%w in %s", err, with))
		}
	}
}
