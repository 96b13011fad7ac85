package views

import (
	"fmt"
	"strings"

	"systape/cmd/systape/internal/out"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/units"
)

// Histograms are bars by powers of two; for machines, the buckets themselves.
func (l *Latency) Histograms() View {
	t := latency.NewTable(l.Options)
	return View{
		Table: t,
		From:  t.From,
		Add:   func(calls []replay.Call) error { t.Add(calls); return nil },
		Render: func() error {
			rows := t.Rows(l.spanNS(), l.Sort)
			l.warnJoined(t)
			switch {
			case l.people():
				return l.printHistograms(rows)
			case out.IsPicture(l.Form):
				return l.drawHistograms(rows)
			}
			return l.writeBuckets(rows)
		},
	}
}

// pictured returns the rows that pictures and bars show, and how many they
// leave out.
func (l *Latency) pictured(rows []latency.Row) (shown []latency.Row, rest int) {
	limit := l.limit(4)
	for _, s := range latency.Sections(rows) {
		n := min(len(s.Rows), limit)
		shown = append(shown, s.Rows[:n]...)
		rest += len(s.Rows) - n
	}
	return shown, rest
}

// groupSummary is what stands beside the name of a group in pictures.
func groupSummary(row *latency.Row) string {
	s := fmt.Sprintf("%s · p50 %s · p99 %s · max %s", units.Counted(row.Count, "call"), strings.TrimSpace(quantile(row.P[0])),
		strings.TrimSpace(quantile(row.P[2])), strings.TrimSpace(quantile(row.Longest())))
	if row.Censored > 0 {
		s += " · open " + units.Count(row.Censored)
	}
	return s
}

const barWidth = 46 // of 80 columns

func (l *Latency) printHistograms(rows []latency.Row) error {
	shown, rest := l.pictured(rows)
	if len(shown) == 0 {
		l.println("no calls")
	}
	open := int64(0)
	width := barWidth
	if l.Style.Width > 80 {
		width += min(l.Style.Width, 120) - 80
	}
	for i := range shown {
		open += shown[i].Censored
		l.println(l.Style.Bold(l.groupTitle(&shown[i])) + "  " + l.Style.Dim(groupSummary(&shown[i])))
		l.printBars(shown[i].Bars(), width)
		l.println()
	}
	l.rest(rest)
	if open > 0 {
		l.note("░ calls that had not ended when last seen: they took at least that long; > marks a lower bound")
	}
	return nil
}

func (l *Latency) printBars(bars []latency.Bar, width int) {
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.Done+b.Open)
	}
	for j := 0; j < len(bars); j++ {
		if gap := emptyBars(bars[j:]); gap > 3 {
			l.println(l.Style.Dim(out.Pad("…", 16)))
			j += gap - 1
			continue
		}
		b := bars[j]
		label := out.Pad(units.DurationCell(b.LowNS), 7) + " – " + out.Pad(units.DurationCell(b.HighNS()), 7)
		bar := l.Style.Bar(blocks(b.Done, most, width)) + l.Style.Note(strings.Repeat("░", cells(b.Open, most, width)))
		l.println(strings.TrimRight(fmt.Sprintf("%s %s %s", l.Style.Dim(label), out.Pad(units.Count(b.Done+b.Open), 13), bar), " "))
	}
}

func emptyBars(bars []latency.Bar) int {
	n := 0
	for n < len(bars) && bars[n].Done+bars[n].Open == 0 {
		n++
	}
	return n
}

// blocks draws a bar in eighths of a column; what is there is seen.
func blocks(n, most int64, width int) string {
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

func cells(n, most int64, width int) int {
	if n == 0 {
		return 0
	}
	return max(1, int(float64(n)/float64(most)*float64(width)+0.5))
}

// bucket is one bucket of a group.
type bucket struct {
	row               *latency.Row
	n                 int
	low, width        int64
	count, lowerBound int64
}

// writeBuckets writes the buckets of every group: what can be added up over
// captures, by this program's rule (see package latency).
func (l *Latency) writeBuckets(rows []latency.Row) error {
	fields := append(keyFields(l.Options.By, func(b *bucket) (*latency.Values, bool) { return &b.row.Values, b.row.Joined > 0 }),
		out.Int("bucket", func(b *bucket) int64 { return int64(b.n) }),
		out.Int("low_ns", func(b *bucket) int64 { return b.low }),
		out.Int("width_ns", func(b *bucket) int64 { return b.width }),
		out.Int("count", func(b *bucket) int64 { return b.count }),
		out.Int("censored", func(b *bucket) int64 { return b.lowerBound }))
	if l.Options.Waits == latency.WaitApart {
		fields = append(fields, out.Bool("waits", func(b *bucket) bool { return b.row.Waits }))
	}
	rec, err := records(&l.Frame, "buckets", fields, l.head()...)
	if err != nil {
		return err
	}
	var list []bucket
	for i := range rows[:min(len(rows), l.limit(0))] {
		list = list[:0]
		for b, n := range latency.BothBuckets(rows[i].Done, rows[i].Open) {
			low, width := latency.BucketRange(b)
			list = append(list, bucket{&rows[i], b, low, width, int64(n[0]), int64(n[1])})
		}
		if err := rec.Write(list); err != nil {
			return err
		}
	}
	return rec.Close()
}
