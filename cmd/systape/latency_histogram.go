package main

import (
	"fmt"
	"math/bits"
	"strings"

	"systape/format"
	"systape/replay"
	"systape/replay/latency"
)

func (r *latencyRun) histogramView() latencyView {
	t := latency.NewTable(r.opt)
	return latencyView{
		add: func(calls []replay.Call) error { t.Add(calls); return nil },
		render: func() error {
			rows := t.Rows(r.spanNS(), r.order)
			r.noteFolded(t)
			switch r.kind {
			case "table":
				return r.printHistograms(rows)
			case "svg", "png":
				return r.drawHistograms(rows)
			}
			return r.writeBuckets(rows)
		},
	}
}

// latencyBar is one bar of a log2 histogram: durations of low ns and more,
// below twice as much.
type latencyBar struct {
	low        int64
	done, open int64
}

// latencyBars sums the buckets of a group by powers of two, gaps included.
func latencyBars(row *latency.Row) []latencyBar {
	var done, open [64]int64
	first, last := 64, -1
	count := func(h *latency.Histogram, into *[64]int64) {
		if h == nil {
			return
		}
		for b, n := range h.Buckets() {
			low, _ := latency.BucketRange(b)
			i := bits.Len64(uint64(low))
			into[i] += int64(n)
			first, last = min(first, i), max(last, i)
		}
	}
	count(row.Done, &done)
	count(row.Open, &open)
	var bars []latencyBar
	for i := first; i <= last; i++ {
		low := int64(0)
		if i > 0 {
			low = 1 << (i - 1)
		}
		bars = append(bars, latencyBar{low, done[i], open[i]})
	}
	return bars
}

// picture returns the rows that a picture shows, and how many it leaves out.
func (r *latencyRun) picture(rows []latency.Row) (shown []latency.Row, rest int) {
	limit := r.limit(4)
	for _, s := range r.sections(rows) {
		n := min(len(s.rows), limit)
		shown = append(shown, s.rows[:n]...)
		rest += len(s.rows) - n
	}
	return shown, rest
}

// groupTitle names a group by its keys.
func (r *latencyRun) groupTitle(row *latency.Row) string {
	var names []string
	for _, k := range r.by {
		s := keyText(row, k)
		if isNumber(k) {
			s = k.String() + " " + s
		}
		names = append(names, s)
	}
	title := strings.Join(names, " ")
	if title == "" {
		title = "all calls"
	}
	if row.Waits && r.opt.Waits == latency.WaitApart {
		title += " (waits)"
	}
	return title
}

// groupSummary is what stands beside the name of a group in pictures.
func groupSummary(row *latency.Row) string {
	s := fmt.Sprintf("%s · p50 %s · p99 %s · max %s", counted(row.Count, "call"), strings.TrimSpace(latencyQuantile(row.P[0])),
		strings.TrimSpace(latencyQuantile(row.P[2])), strings.TrimSpace(latencyQuantile(row.Longest())))
	if row.Censored > 0 {
		s += fmt.Sprintf(" · open %s", formatCount(row.Censored))
	}
	return s
}

const latencyBarWidth = 46 // of 80 columns

func (r *latencyRun) printHistograms(rows []latency.Row) error {
	shown, rest := r.picture(rows)
	if len(shown) == 0 {
		fmt.Fprintln(r.out, "no calls")
	}
	open := int64(0)
	width := latencyBarWidth
	if r.paint.width > 80 {
		width += min(r.paint.width, 120) - 80
	}
	for i := range shown {
		row := &shown[i]
		open += row.Censored
		fmt.Fprintln(r.out, r.paint.bold(r.groupTitle(row))+"  "+r.paint.dim(groupSummary(row)))
		bars := latencyBars(row)
		most := int64(1)
		for _, b := range bars {
			most = max(most, b.done+b.open)
		}
		for j := 0; j < len(bars); j++ {
			b := bars[j]
			if gap := emptyBars(bars[j:]); gap > 3 {
				fmt.Fprintln(r.out, r.paint.dim(latencyPad("…", 16)))
				j += gap - 1
				continue
			}
			high := 2 * b.low
			if b.low == 0 {
				high = 1
			}
			label := latencyPad(formatDuration(b.low), 7) + " – " + latencyPad(formatDuration(high), 7)
			bar := r.paint.wrap("38;5;37", latencyBlocks(b.done, most, width)) + r.paint.note(strings.Repeat("░", latencyCells(b.open, most, width)))
			fmt.Fprintln(r.out, strings.TrimRight(fmt.Sprintf("%s %s %s", r.paint.dim(label), latencyPad(formatCount(b.done+b.open), 13), bar), " "))
		}
		fmt.Fprintln(r.out)
	}
	if rest > 0 {
		fmt.Fprintln(r.out, r.paint.dim(fmt.Sprintf("and %s more; --top 0 shows all", formatCount(int64(rest)))))
	}
	if open > 0 {
		r.notice = append(r.notice, "░ calls that had not ended when last seen: they took at least that long; > marks a lower bound")
	}
	return nil
}

func emptyBars(bars []latencyBar) int {
	n := 0
	for n < len(bars) && bars[n].done+bars[n].open == 0 {
		n++
	}
	return n
}

// latencyBlocks draws a bar in eighths of a column; what is there is seen.
func latencyBlocks(n, most int64, width int) string {
	if n == 0 {
		return ""
	}
	eighths := max(1, int(float64(n)/float64(most)*float64(width)*8+0.5))
	s := strings.Repeat("█", eighths/8)
	if e := eighths % 8; e > 0 {
		s += string([]rune("▏▎▍▌▋▊▉")[e-1])
	}
	return s
}

func latencyCells(n, most int64, width int) int {
	if n == 0 {
		return 0
	}
	return max(1, int(float64(n)/float64(most)*float64(width)+0.5))
}

// writeBuckets writes the buckets of every group: what can be added up over
// captures, by this program's rule (see package latency).
func (r *latencyRun) writeBuckets(rows []latency.Row) error {
	cols := append(r.keyColumns(), latencyColumn{"bucket", format.Int64}, latencyColumn{"low_ns", format.Int64}, latencyColumn{"width_ns", format.Int64},
		latencyColumn{"count", format.Int64}, latencyColumn{"censored", format.Int64})
	if r.opt.Waits == latency.WaitApart {
		cols = append(cols, latencyColumn{"waits", format.Bool})
	}
	rec, err := r.records("buckets", cols, r.head()...)
	if err != nil {
		return err
	}
	for i := range rows[:min(len(rows), r.limit(0))] {
		row := &rows[i]
		keys := r.keyRecord(row)
		for b, n := range latency.BothBuckets(row.Done, row.Open) {
			low, width := latency.BucketRange(b)
			v := append(keys[:len(keys):len(keys)], int64(b), low, width, int64(n[0]), int64(n[1]))
			if r.opt.Waits == latency.WaitApart {
				v = append(v, row.Waits)
			}
			if err := rec.add(v...); err != nil {
				return err
			}
		}
	}
	return rec.finish()
}
