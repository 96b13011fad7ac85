package main

import (
	"fmt"
	"math"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

func (r *latencyRun) heatView() latencyView {
	h := latency.NewHeat(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { h.Add(calls); return nil },
		render: func() error {
			switch r.kind {
			case "table":
				return r.printHeat(h)
			case "svg", "png":
				return r.drawHeat(h)
			}
			return r.writeHeat(h)
		},
	}
}

// heatSections are the maps of calls that work and calls that wait.
func (r *latencyRun) heatSections(h *latency.Heat, cols int, fine bool) (titles []string, maps []latency.HeatMap) {
	names := [2]string{"working calls", "waiting calls"}
	switch r.opt.Waits {
	case latency.WaitMixed:
		names[0] = "all calls"
	case latency.WaitOnly:
		names[0] = names[1]
	}
	for i, name := range names {
		if m := h.Map(i == 1, cols, fine); m.Total > 0 {
			titles, maps = append(titles, name), append(maps, m)
		}
	}
	return titles, maps
}

const (
	latencyHeatMargin = 9 // columns at the left, for the labels of the rows
	latencyHeatWidth  = 80
)

func (r *latencyRun) printHeat(h *latency.Heat) error {
	width := latencyHeatWidth
	if r.paint.width > 0 {
		width = min(max(r.paint.width, 40), 160)
	}
	titles, maps := r.heatSections(h, width-latencyHeatMargin-1, r.paint.color)
	if len(maps) == 0 {
		fmt.Fprintln(r.out, "no calls")
		return nil
	}
	for i := range maps {
		r.printHeatMap(titles[i], &maps[i])
		fmt.Fprintln(r.out)
	}
	return nil
}

// printHeatMap prints a map: in colour with two rows to a line, or with one
// and shades for the counts.
func (r *latencyRun) printHeatMap(title string, m *latency.HeatMap) {
	fmt.Fprintln(r.out, r.paint.bold(title)+r.paint.dim(fmt.Sprintf(": %s by latency and time, from %s", formatCount(int64(m.Total)), latencyDate(m.OriginNS))))
	lines := heatLabels(m, r.paint.color)
	rows := len(m.LowNS) - 1
	for l, label := range lines {
		var b strings.Builder
		for _, col := range m.Counts {
			if r.paint.color {
				top := rows - 1 - 2*l
				b.WriteString(r.paint.cell(heatStep(col[top], m.Max, len(latencyRamp)), heatStep(col[top-1], m.Max, len(latencyRamp))))
			} else {
				b.WriteString(heatShade(col[rows-1-l], m.Max))
			}
		}
		fmt.Fprintln(r.out, r.paint.dim(latencyPad(label, latencyHeatMargin-2)+" │")+strings.TrimRight(b.String(), " "))
	}
	for _, line := range heatAxis(m) {
		fmt.Fprintln(r.out, r.paint.dim(line))
	}
	fmt.Fprintln(r.out, r.heatLegend(m))
}

// heatLabels returns a label for each line, from the top: the decade that
// begins in it, or nothing.
func heatLabels(m *latency.HeatMap, half bool) []string {
	rows := len(m.LowNS) - 1
	per := 1
	if half {
		per = 2
	}
	labels := make([]string, rows/per)
	for l := range labels {
		low, high := m.LowNS[rows-(l+1)*per], m.LowNS[rows-l*per]
		for decade := int64(1); decade > 0 && decade < high; decade *= 10 {
			if decade >= low {
				labels[l] = heatDecade(decade)
			}
			if decade > math.MaxInt64/10 {
				break
			}
		}
	}
	return labels
}

func heatDecade(ns int64) string {
	for _, u := range []struct {
		ns   int64
		name string
	}{{1e9, "s "}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}} {
		if ns >= u.ns {
			return fmt.Sprintf("%d %s", ns/u.ns, u.name)
		}
	}
	return ""
}

// heatStep maps a count to one of n steps of equal ratio, -1 for none.
func heatStep(count, most uint64, n int) int {
	if count == 0 {
		return -1
	}
	if most == 1 {
		return n - 1
	}
	return min(n-1, int(math.Log(float64(count))/math.Log(float64(most))*float64(n-1)+0.5))
}

var heatShades = []rune("·░▒▓█")

func heatShade(count, most uint64) string {
	if s := heatStep(count, most, len(heatShades)); s >= 0 {
		return string(heatShades[s])
	}
	return " "
}

// heatAxis draws the axis of time with marks at round times.
func heatAxis(m *latency.HeatMap) [2]string {
	cols := len(m.Counts)
	line := []rune(strings.Repeat(" ", latencyHeatMargin-1) + "└" + strings.Repeat("─", cols))
	text := []rune(strings.Repeat(" ", latencyHeatMargin+cols+12))
	free := 0
	for _, tick := range timeTicks(int64(cols)*m.StepNS, max(1, cols/12)) {
		at := latencyHeatMargin + int(tick/m.StepNS)
		label := []rune(latencyOffset(tick))
		if at >= len(line) || at < free || at+len(label) > len(line) && tick > 0 {
			continue
		}
		line[at] = '┴'
		copy(text[at:], label)
		free = at + len(label) + 1
	}
	return [2]string{string(line), strings.TrimRight(string(text), " ")}
}

// heatLegend tells how many calls a cell stands for.
func (r *latencyRun) heatLegend(m *latency.HeatMap) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", latencyHeatMargin))
	b.WriteString(r.paint.dim("calls in " + strings.TrimSpace(formatDuration(m.StepNS)) + ": "))
	if r.paint.color {
		b.WriteString(r.paint.dim("1 "))
		for i := range latencyRamp {
			b.WriteString(r.paint.cell(i, i))
		}
		b.WriteString(r.paint.dim(" " + formatCount(int64(m.Max))))
		return b.String()
	}
	last := uint64(0)
	for i, shade := range heatShades {
		// The largest count that has this shade, by the rule of heatStep.
		high := uint64(math.Ceil(math.Pow(float64(m.Max), (float64(i)+0.5)/float64(len(heatShades)-1)))) - 1
		if i == len(heatShades)-1 || m.Max == 1 {
			high = m.Max
		}
		if high > last {
			fmt.Fprintf(&b, "%c ", shade)
			if high == last+1 {
				fmt.Fprintf(&b, "%s  ", formatCount(int64(high)))
			} else {
				fmt.Fprintf(&b, "%s–%s  ", formatCount(int64(last+1)), formatCount(int64(high)))
			}
			last = high
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func (r *latencyRun) writeHeat(h *latency.Heat) error {
	cols := []latencyColumn{{"start_ns", format.Int64}, {"step_ns", format.Int64}, {"low_ns", format.Int64}, {"high_ns", format.Int64}, {"count", format.Int64}, {"waits", format.Bool}}
	rec, err := r.records("cells", cols, r.head()...)
	if err != nil {
		return err
	}
	for _, waits := range []bool{false, true} {
		m := h.Map(waits, 512, true)
		for x, col := range m.Counts {
			for y, n := range col {
				if n == 0 {
					continue
				}
				w := waits || r.opt.Waits == latency.WaitOnly
				if err := rec.add(m.OriginNS+int64(x)*m.StepNS, m.StepNS, m.LowNS[y], m.LowNS[y+1], int64(n), w); err != nil {
					return err
				}
			}
		}
	}
	return rec.finish()
}
