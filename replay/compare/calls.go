package compare

import (
	"cmp"
	"slices"

	"systape/replay"
	"systape/replay/latency"
	"systape/replay/sequences"
)

// Call holds one call's figures on both sides.
type Call struct {
	Name       string
	Count      [2]int64
	Share      [2]float64 // of all calls
	PerSecond  [2]float64
	ShareQ     float64 // adjusted p of the shares' difference
	Errors     [2]int64
	ErrorRate  [2]float64 // of the calls that returned
	ErrorsQ    float64
	NewErrors  []int    // errno that only b has
	Ended      [2]int64 // calls that returned a result; errors are of these
	Timed      [2]int64 // those of them whose duration is known; TotalNS, MedianNS and P99NS are of these
	TotalNS    [2]int64
	MedianNS   [2]int64
	P99NS      [2]int64
	Delta      float64 // Cliff's delta of durations; positive: b is slower
	LatencyQ   float64 // adjusted p of the rank-sum test
	Waits      bool    // waits by nature: its duration is no work
	Differs    []Kind
	stretchedP float64
	id         sequences.ID
}

// calls computes the figures of every call of either side.
func (r *Result) calls(a, b *Side) {
	var shareP, errorP, latencyP []float64
	whole := func(s *slice) float64 { return float64(s.calls) }
	binA, binB := a.bins(whole), b.bins(whole)
	for id := sequences.ID(1); int(id) <= a.alphabet.Len(); id++ {
		ka, kb := a.call(id), b.call(id)
		if ka.count == 0 && kb.count == 0 {
			continue
		}
		name := a.alphabet.Name(id)
		c := Call{id: id, Name: name, Waits: waits(name)}
		for i, s := range []*Side{a, b} {
			k := s.call(id)
			c.Count[i], c.Errors[i], c.Ended[i] = k.count, k.errors, k.ended
			c.Timed[i], c.TotalNS[i] = k.hist.Count(), k.hist.Sum()
			c.Share[i] = ratio(float64(k.count), float64(s.Calls))
			c.ErrorRate[i] = ratio(float64(k.errors), float64(k.ended))
			c.PerSecond[i] = ratio(float64(k.count), s.Seconds())
			if k.hist.Count() > 0 {
				c.MedianNS[i], c.P99NS[i] = k.hist.Quantile(latency.P50).NS, k.hist.Quantile(latency.P99).NS
			}
		}
		for e := range kb.errnos {
			if ka.errnos[e] == nil {
				c.NewErrors = append(c.NewErrors, e)
			}
		}
		slices.Sort(c.NewErrors)

		count := func(s *slice) float64 { return elem(s.count, id) }
		shareP = append(shareP, pairedShares(a.bins(count), binA, b.bins(count), binB))
		errs := func(s *slice) float64 { return elem(s.errs, id) }
		ended := func(s *slice) float64 { return elem(s.ended, id) }
		errorP = append(errorP, pairedShares(a.bins(errs), a.bins(ended), b.bins(errs), b.bins(ended)))
		timed := func(s *slice) float64 { return elem(s.timed, id) }
		logs := func(s *slice) float64 { return elem(s.log, id) }
		c.stretchedP = pairedShares(a.bins(logs), a.bins(timed), b.bins(logs), b.bins(timed))
		var p float64
		c.Delta, p = mannWhitney(&ka.hist, &kb.hist)
		latencyP = append(latencyP, p)
		r.Calls = append(r.Calls, c)
	}
	for i, q := range adjust(shareP) {
		r.Calls[i].ShareQ = q
	}
	for i, q := range adjust(errorP) {
		r.Calls[i].ErrorsQ = q
	}
	for i, q := range adjust(latencyP) {
		r.Calls[i].LatencyQ = q
	}
	slices.SortStableFunc(r.Calls, func(x, y Call) int {
		return cmp.Or(last(x.Waits, y.Waits), cmp.Compare(max(y.TotalNS[0], y.TotalNS[1]), max(x.TotalNS[0], x.TotalNS[1])),
			cmp.Compare(max(y.Share[0], y.Share[1]), max(x.Share[0], x.Share[1])), cmp.Compare(x.Name, y.Name))
	})
}

// last orders what is true after what is false.
func last(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// waits says whose durations tell about others. read is left in: it waits
// for files more often than for peers.
func waits(name string) bool {
	return replay.WaitsByNature(name) && name != "read" && name != "readv"
}

// pairedShares tests whether shares differ, stretch by stretch; stretches
// in which one side has none of the whole are left out.
func pairedShares(a, wholeA, b, wholeB [Bins]float64) float64 {
	var d []float64
	for i := range a {
		if wholeA[i] > 0 && wholeB[i] > 0 {
			d = append(d, b[i]/wholeB[i]-a[i]/wholeA[i])
		}
	}
	_, p := pairedT(d)
	return p
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
