package views

import (
	"math"
	"strings"

	"systape/cmd/systape/internal/picture"
	"systape/replay/latency"
	"systape/replay/units"
)

// barBuckets is how many buckets of latency a bar of a picture has: eight bars
// are a power of two, as on the page.
const barBuckets = 8

// histogramBar counts the calls whose latency is in [lowNS, highNS).
type histogramBar struct {
	lowNS, highNS int64
	done, open    uint64
}

// histogramBars are the bars of a group that has any calls, the shortest first.
func histogramBars(row *latency.Row) (bars []histogramBar) {
	last := -1
	for b, n := range latency.BothBuckets(row.Done, row.Open) {
		if b/barBuckets != last {
			last = b / barBuckets
			low, _ := latency.BucketRange(last * barBuckets)
			high, width := latency.BucketRange(min(last*barBuckets+barBuckets-1, latency.NumBuckets-1))
			bars = append(bars, histogramBar{lowNS: low, highNS: high + min(width, math.MaxInt64-high)})
		}
		bar := &bars[len(bars)-1]
		bar.done, bar.open = bar.done+n[0], bar.open+n[1]
	}
	return bars
}

// countScale is where numbers of calls stand on a logarithmic axis.
type countScale struct{ bottom, top, most float64 }

func (s countScale) at(n float64) float64 {
	const least = 0.7 // so that one call is seen
	return s.bottom + math.Log(max(n, least)/least)/math.Log(max(10, s.most*1.6)/least)*(s.top-s.bottom)
}

// drawHistograms draws the histogram of each group, two beside each other,
// over the same durations.
func (l *Latency) drawHistograms(rows []latency.Row) error {
	p := l.newPicture("System-call latency")
	shown, rest := l.pictured(rows)
	low, high := int64(math.MaxInt64), int64(1)
	bars := make([][]histogramBar, len(shown))
	open := false
	for i := range shown {
		bars[i] = histogramBars(&shown[i])
		for _, b := range bars[i] {
			low, high = min(low, b.lowNS), max(high, b.highNS)
			open = open || b.open > 0
		}
	}
	const space, height, panel = 40.0, 130.0, 212.0
	width := (picture.Width - 2*picture.Margin - space) / 2
	begin := p.Y + 20
	for i := range shown {
		x := picture.Margin + float64(i%2)*(width+space)
		y := begin + float64(i/2)*panel
		p.Text(x, y+16, "head", l.groupTitle(&shown[i]))
		p.Text(x, y+32, "dim small", groupSummary(&shown[i]))
		const labels = 46
		scale := picture.NewLogScale(min(low, high), high, x+labels, x+width)
		drawBars(p, bars[i], scale, y+44, height)
		drawMarks(p, &shown[i], scale, y+44, height)
		p.Y = y + panel - 12
	}
	var legend []string
	if len(shown) > 0 {
		legend = append(legend, "calls by how long they took, on logarithmic axes")
	}
	if open {
		legend = append(legend, "grey: calls that had not ended when last seen")
	}
	if rest > 0 {
		legend = append(legend, countInt(rest)+" more groups not shown")
	}
	if len(legend) > 0 {
		p.Y += 14
		p.Text(picture.Margin, p.Y, "dim small", strings.Join(legend, "; "))
	}
	return p.Write(l.Out, l.Form)
}

// drawBars draws bars and both axes.
func drawBars(p *picture.Picture, bars []histogramBar, scale picture.LogScale, y, height float64) {
	most := uint64(1)
	for _, b := range bars {
		most = max(most, b.done+b.open)
	}
	bottom := y + height
	count := countScale{bottom, y, float64(most)}
	p.Rect(scale.From, y, scale.To-scale.From, height, p.Theme.Plot)
	for n := 1.0; n <= float64(most)*1.6; n *= 10 {
		p.Line(scale.From, count.at(n), scale.To, count.at(n), "grid")
		p.Text(scale.From-8, count.at(n)+4, "end dim small", units.Mark(n))
	}
	marks := scale.Decades()
	every := 1 + len(marks)/7
	for i, ns := range marks {
		x := scale.At(ns)
		p.Line(x, y, x, bottom, "grid")
		if i%every == 0 {
			p.Text(x, bottom+16, "mid dim small", units.Power(ns))
		}
	}
	for _, b := range bars {
		left, right := scale.At(b.lowNS), scale.At(b.highNS)
		done, all := count.at(float64(b.done)), count.at(float64(b.done+b.open))
		if b.done > 0 {
			p.Rect(left, done, max(1, right-left), bottom-done, p.Theme.Accent)
		}
		if b.open > 0 {
			p.Rect(left, all, max(1, right-left), done-all, p.Theme.Rest)
		}
	}
	p.Line(scale.From, bottom, scale.To, bottom, "axis")
}

// drawMarks draws the percentiles of a group over its bars.
func drawMarks(p *picture.Picture, row *latency.Row, scale picture.LogScale, y, height float64) {
	for i, name := range []string{"p50", "p90", "p99", "p99.9"} {
		x := scale.At(row.P[i].NS)
		p.Line(x, y, x, y+height, "note")
		at, class := x+3, "small"
		if x > scale.From+0.8*(scale.To-scale.From) {
			at, class = x-3, "small end"
		}
		p.Text(at, y+10+12*float64(i), class, name)
	}
}
