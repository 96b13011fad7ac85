package latency

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Figures are what is known of the latency of a set of calls.
type Figures struct {
	Count     int64 // calls that ended
	Errors    int64 // those of them that returned an error
	ErrorRate float64
	TotalNS   int64 // exact, as are MinNS and MaxNS; of the calls that ended
	MinNS     int64
	MeanNS    int64
	StddevNS  int64       // of all calls, not of a sample
	P         [4]Quantile // in the order of Percentiles, Censored taken into account
	MaxNS     int64
	Censored  int64 // calls whose duration is a lower bound
	// CensoredNS and CensoredMaxNS are the sum and the longest of these bounds.
	CensoredNS    int64
	CensoredMaxNS int64
	Share         float64 // of the time, lower bounds included, of all calls in the same section of the table
	PerSecond     float64 // Count by the length of the capture
	// Sampled is not 0 when Count, Errors, TotalNS and MeanNS are exact and all
	// else is estimated from so many calls drawn by lot; see [Histogram.Interval].
	Sampled int64
}

// NewFigures computes the figures of calls that ended (done) and of lower
// bounds (open, may be nil). Share and rates remain 0.
func NewFigures(done, open *Histogram) Figures {
	f := Figures{
		Count: done.Count(), TotalNS: done.Sum(), MinNS: done.Min(), MaxNS: done.Max(),
		MeanNS: round(done.Mean()), StddevNS: round(done.Stddev()),
	}
	if open != nil {
		f.Censored, f.CensoredNS, f.CensoredMaxNS = open.Count(), open.Sum(), open.Max()
	}
	p := Percentiles()
	copy(f.P[:], Survival(done, open, p[:]...))
	return f
}

// Longest returns the longest duration seen. Above is true when it belongs to
// a call that had not ended.
func (f *Figures) Longest() Quantile {
	if f.CensoredMaxNS > f.MaxNS || f.Count == 0 && f.Censored > 0 {
		return Quantile{NS: f.CensoredMaxNS, Above: true}
	}
	return Quantile{NS: f.MaxNS}
}

// Row is one group with its figures.
type Row struct {
	Values
	Figures
	Waits  bool       // the calls wait by nature; set when the table tells them apart
	Joined int        // not 0: the row stands for this many groups, and Values are empty
	Done   *Histogram // of the calls that ended
	Open   *Histogram // of lower bounds; nil when there are none
}

// Sort names the column that rows are sorted by: figures with the largest
// first, keys with the smallest first.
type Sort string

var sortFigures = map[Sort]func(*Row) float64{
	"total":      func(r *Row) float64 { return float64(r.TotalNS) + float64(r.CensoredNS) },
	"count":      func(r *Row) float64 { return float64(r.Count + r.Censored) },
	"errors":     func(r *Row) float64 { return float64(r.Errors) },
	"error_rate": func(r *Row) float64 { return r.ErrorRate },
	"min":        func(r *Row) float64 { return float64(r.MinNS) },
	"mean":       func(r *Row) float64 { return float64(r.MeanNS) },
	"stddev":     func(r *Row) float64 { return float64(r.StddevNS) },
	"p50":        func(r *Row) float64 { return float64(r.P[0].NS) },
	"p90":        func(r *Row) float64 { return float64(r.P[1].NS) },
	"p99":        func(r *Row) float64 { return float64(r.P[2].NS) },
	"p999":       func(r *Row) float64 { return float64(r.P[3].NS) },
	"max":        func(r *Row) float64 { return float64(max(r.MaxNS, r.CensoredMaxNS)) },
	"censored":   func(r *Row) float64 { return float64(r.Censored) },
}

// SortNames lists the figures that rows can be sorted by; every key of the
// table is possible too.
func SortNames() []string {
	return []string{"total", "count", "errors", "error_rate", "min", "mean", "stddev", "p50", "p90", "p99", "p999", "max", "censored"}
}

// ParseSort checks the name of a column to sort by.
func ParseSort(name string, by []Key) (Sort, error) {
	if _, ok := sortFigures[Sort(name)]; ok {
		return Sort(name), nil
	}
	var keys []string
	for _, k := range by {
		if k.String() == name {
			return Sort(name), nil
		}
		keys = append(keys, k.String())
	}
	return "", fmt.Errorf("cannot sort by %q; there are %s", name, strings.Join(append(keys, SortNames()...), ", "))
}

// Rows computes the figures of every group. spanNS is the length of the
// capture, for rates; 0 means the span of the calls counted. Rows are in
// total order: ties are broken by the keys. The group that others were joined
// into comes last.
func (t *Table) Rows(spanNS int64, sort Sort) []Row {
	if spanNS <= 0 {
		spanNS = t.last - t.first
	}
	rows := make([]Row, 0, len(t.groups)+1)
	var total [2]float64
	add := func(g *Group) *Row {
		r := Row{Values: t.keyer.values(&g.key, t.opt.Symbols), Waits: g.waits, Done: &g.Done, Open: g.Open, Figures: NewFigures(&g.Done, g.Open)}
		r.Errors = g.Errors
		if e := g.exact; e != nil {
			r.Sampled, r.Count, r.Errors, r.TotalNS, r.MeanNS = r.Count, e.Calls, e.Errors, e.TotalNS, 0
			if e.Calls > 0 {
				r.MeanNS = round(float64(e.TotalNS) / float64(e.Calls))
			}
		}
		if r.Count > 0 {
			r.ErrorRate = float64(r.Errors) / float64(r.Count)
		}
		if spanNS > 0 {
			r.PerSecond = float64(r.Count) / float64(spanNS) * 1e9
		}
		rows = append(rows, r)
		return &rows[len(rows)-1]
	}
	for _, g := range t.groups {
		if g != t.other {
			add(g)
		}
	}
	SortRows(rows, t.opt.By, sort)
	if t.joined > 0 || t.more {
		add(t.other).Joined = max(t.joined, 1)
	}
	for i := range rows { // in total order: sums of fractions depend on it
		total[section(rows[i].Waits)] += float64(rows[i].TotalNS) + float64(rows[i].CensoredNS)
	}
	for i := range rows {
		if all := total[section(rows[i].Waits)]; all > 0 {
			rows[i].Share = (float64(rows[i].TotalNS) + float64(rows[i].CensoredNS)) / all
		}
	}
	return rows
}

func section(waits bool) int {
	if waits {
		return 1
	}
	return 0
}

// SortRows puts rows in the order that sort names, ties by the keys.
func SortRows(rows []Row, by []Key, sort Sort) {
	keys := slices.Clone(by)
	for i, k := range keys {
		if k.String() == string(sort) {
			keys[0], keys[i] = keys[i], keys[0]
		}
	}
	figure := sortFigures[sort]
	slices.SortStableFunc(rows, func(a, b Row) int {
		if figure != nil {
			if c := cmp.Compare(figure(&b), figure(&a)); c != 0 {
				return c
			}
		}
		return cmp.Or(compareKeys(&a.Values, &b.Values, keys), cmp.Compare(section(a.Waits), section(b.Waits)))
	})
}

func compareKeys(a, b *Values, by []Key) int {
	for _, k := range by {
		var c int
		switch x := a.Of(k).(type) {
		case string:
			c = cmp.Compare(x, b.Of(k).(string))
		case int64:
			c = cmp.Compare(x, b.Of(k).(int64))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
