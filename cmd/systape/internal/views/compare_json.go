package views

import (
	"math"

	"systape/cmd/systape/internal/out"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/compare"
)

// compareCallJSON is null where a side has nothing: no call that returned, no
// durations.
type compareCallJSON struct {
	Syscall   string         `json:"syscall"`
	Count     [2]int64       `json:"count"`
	Share     [2]float64     `json:"share"`
	PerSecond [2]float64     `json:"per_second"`
	ShareQ    float64        `json:"share_q"`
	Errors    [2]int64       `json:"errors"`
	ErrorRate [2]*float64    `json:"error_rate"`
	ErrorsQ   float64        `json:"errors_q"`
	NewErrors []string       `json:"new_errors"`
	Total     [2]*int64      `json:"total_ns"`
	P50       [2]*int64      `json:"p50_ns"`
	P99       [2]*int64      `json:"p99_ns"`
	Delta     *float64       `json:"cliffs_delta"`
	LatencyQ  *float64       `json:"latency_q"`
	Waits     bool           `json:"waits"`
	Differs   []compare.Kind `json:"differs"`
}

type compareGramJSON struct {
	Calls []string `json:"calls"`
	Count [2]int64 `json:"count"`
	Bits  float64  `json:"bits"`
}

type compareDivergenceJSON struct {
	N        int      `json:"n"`
	Bits     float64  `json:"bits"`
	ByChance *float64 `json:"by_chance"`
	P        *float64 `json:"p"`
}

type compareDifferenceJSON struct {
	Kind     compare.Kind `json:"kind"`
	Text     string       `json:"text"`
	Syscalls []string     `json:"syscalls"` // that it is about; none: all
}

type compareOneSidedJSON struct {
	Kind    compare.Kind `json:"kind"` // new or vanished
	Syscall string       `json:"syscall"`
	Errno   string       `json:"errno"` // "": the call itself
	Count   int64        `json:"count"`
	Calls   int64        `json:"calls"` // of that name on that side
	FirstNS int64        `json:"first_ns"`
	PID     int32        `json:"first_pid"`
	TID     int32        `json:"first_tid"`
	Comm    string       `json:"first_comm"`
	Told    bool         `json:"in_differences"`
}

func (x *Comparison) json() error {
	type sideJSON struct {
		Files    []string        `json:"files"`
		Coverage replay.Coverage `json:"coverage"`
		Calls    int64           `json:"calls"`
		SpanNS   int64           `json:"duration_ns"`
		Windows  int64           `json:"windows"`
		Distinct int             `json:"distinct"`
	}
	r := x.Result
	j := struct {
		Differ      bool                    `json:"differ"`
		Differences []compareDifferenceJSON `json:"differences"`
		OneSided    []compareOneSidedJSON   `json:"one_sided"`
		Sides       [2]sideJSON             `json:"sides"`
		N           int                     `json:"n"`
		By          string                  `json:"by"`
		Calls       []compareCallJSON       `json:"calls"`
		Divergence  []compareDivergenceJSON `json:"divergence"`
		Pace        *float64                `json:"pace"` // null: not known
		NewEdges    int                     `json:"new_transitions"`
		GoneEdges   int                     `json:"vanished_transitions"`
		NewGrams    int                     `json:"new_sequences"`
		GoneGrams   int                     `json:"vanished_sequences"`
		Edges       []compareGramJSON       `json:"transitions"`
		Grams       []compareGramJSON       `json:"sequences"`
		Paths       []string                `json:"path_symbols"`
	}{Differ: len(r.Differences) > 0, Differences: []compareDifferenceJSON{}, OneSided: []compareOneSidedJSON{}, N: x.N, By: x.By, Calls: []compareCallJSON{}, Pace: known(&r.Pace, r.Paced > 0),
		NewEdges: r.NewEdges, GoneEdges: r.GoneEdges, NewGrams: r.NewGrams, GoneGrams: r.GoneGrams, Edges: []compareGramJSON{}, Grams: []compareGramJSON{}, Paths: append([]string{}, x.Paths...)}
	for _, d := range x.Differences() {
		j.Differences = append(j.Differences, compareDifferenceJSON{d.Kind, d.Text, append([]string{}, d.Calls...)})
	}
	for i := range r.OneSided {
		o := &r.OneSided[i]
		k := compareOneSidedJSON{Kind: oneSidedKind(o), Syscall: o.Call.Name, Count: o.Count, Calls: o.Call.Count[o.Side],
			FirstNS: o.First.TS, PID: o.First.PID, TID: o.First.TID, Comm: o.Comm, Told: o.Told}
		if o.Errno != 0 {
			k.Errno = abi.ErrnoName(x.Native, o.Errno)
		}
		j.OneSided = append(j.OneSided, k)
	}
	for i, s := range x.Sides {
		j.Sides[i] = sideJSON{x.Files[i], x.Coverages[i], s.Calls, int64(s.Seconds() * 1e9), r.Windows[i], r.Distinct[i]}
	}
	for i := range r.Calls {
		c := &r.Calls[i]
		k := compareCallJSON{Syscall: c.Name, Count: c.Count, Share: c.Share, PerSecond: c.PerSecond, ShareQ: c.ShareQ, Errors: c.Errors,
			ErrorsQ: c.ErrorsQ, NewErrors: []string{}, Waits: c.Waits, Differs: c.Differs}
		for side := range 2 {
			timed := c.Timed[side] > 0
			k.ErrorRate[side] = known(&c.ErrorRate[side], c.Ended[side] > 0)
			k.Total[side], k.P50[side], k.P99[side] = known(&c.TotalNS[side], timed), known(&c.MedianNS[side], timed), known(&c.P99NS[side], timed)
		}
		both := c.Timed[0] > 0 && c.Timed[1] > 0
		k.Delta, k.LatencyQ = known(&c.Delta, both), known(&c.LatencyQ, both)
		if k.Differs == nil {
			k.Differs = []compare.Kind{}
		}
		for _, e := range c.NewErrors {
			k.NewErrors = append(k.NewErrors, abi.ErrnoName(x.Native, e))
		}
		j.Calls = append(j.Calls, k)
	}
	for _, d := range r.Divergences {
		k := compareDivergenceJSON{N: d.N, Bits: d.Bits}
		if !math.IsNaN(d.P) {
			k.ByChance, k.P = &d.ByChance, &d.P
		}
		j.Divergence = append(j.Divergence, k)
	}
	for _, g := range r.Edges {
		j.Edges = append(j.Edges, compareGramJSON(g))
	}
	for _, g := range r.Grams {
		j.Grams = append(j.Grams, compareGramJSON(g))
	}
	return out.WriteJSON(x.Out, j, " ")
}

// known returns v, or nil if nothing is known of it.
func known[T any](v *T, ok bool) *T {
	if !ok {
		return nil
	}
	return v
}
