package compare

import (
	"cmp"
	"math"
	"slices"
)

// What counts as a difference: it must be too large for chance, after
// correction for the number of tests, and large enough to matter.
const (
	Significance  = 0.01 // adjusted p, or p of a permutation test
	LeastRatio    = 1.5  // of shares, error rates and median durations
	LeastShare    = 0.002
	LeastErrors   = 0.02  // of the calls of that name
	LeastDelta    = 0.474 // Cliff's delta of durations: large, by Romano et al. 2006
	LeastTimed    = 30    // durations on both sides, to judge them
	LeastTime     = 0.001 // of the time that the captures cover: what a call's longer or shorter median comes to
	LeastPace     = 2     // ratio of the durations of all calls, or of one where there are too few to tell what all share
	LeastPaced    = 5     // kinds of calls that it takes to tell what all calls share
	LeastJSD      = 0.01  // bits, beyond what chance gives
	LeastNewCalls = 3     // different new calls together
)

// judge makes the verdict.
func (r *Result) judge(a, b *Side) {
	if r.Paced >= LeastPaced && (r.Pace >= LeastPace || r.Pace <= 1.0/LeastPace) {
		r.Differences = append(r.Differences, Difference{Kind: Latency})
	}
	r.judgePresence(a, b)
	for i := range r.Calls {
		c := &r.Calls[i]
		if c.Count[0] > 0 && c.Count[1] > 0 && c.ShareQ < Significance && far(c.Share[0], c.Share[1], LeastRatio) && math.Abs(c.Share[1]-c.Share[0]) >= LeastShare {
			r.differ(Frequency, c)
		}
		if c.ErrorsQ < Significance && far(c.ErrorRate[0], c.ErrorRate[1], LeastRatio) && math.Abs(c.ErrorRate[1]-c.ErrorRate[0]) >= LeastErrors {
			r.differ(Errors, c)
		}
		if r.latencyDiffers(c) {
			r.differ(Latency, c)
		}
	}
	for i := range r.Divergences {
		if d := &r.Divergences[i]; d.P < Significance && d.Bits-d.ByChance >= LeastJSD {
			r.Differences = append(r.Differences, Difference{Kind: Sequences, Divergence: d})
		}
	}
	slices.SortStableFunc(r.Differences, func(x, y Difference) int { return cmp.Compare(y.weight(), x.weight()) })
}

func (r *Result) differ(k Kind, calls ...*Call) {
	for _, c := range calls {
		c.Differs = append(c.Differs, k)
	}
	r.Differences = append(r.Differences, Difference{Kind: k, Calls: calls})
}

// judgePresence looks at the calls that one side lacks. Such a call may be rare
// on both: the probability that all n of them fell to one side, if it is
// equally frequent on both, is the n-th power of that side's part of all calls.
func (r *Result) judgePresence(a, b *Side) {
	all := float64(a.Calls + b.Calls)
	for i, kind := range [2]Kind{Vanished, NewCall} {
		part := ratio(float64([2]int64{a.Calls, b.Calls}[i]), all)
		var list []*Call
		sure := false
		for k := range r.Calls {
			if c := &r.Calls[k]; c.Count[1-i] == 0 {
				list = append(list, c)
				sure = sure || math.Pow(part, float64(c.Count[i])) < Significance
			}
		}
		if sure || len(list) >= LeastNewCalls {
			r.differ(kind, list...)
		}
	}
}

// pace finds what all calls share: another load, another frequency or
// another machine makes all of them slower or faster.
func (r *Result) pace() {
	var ratios []float64
	for i := range r.Calls {
		if c := &r.Calls[i]; c.judged() {
			ratios = append(ratios, float64(c.MedianNS[1])/float64(c.MedianNS[0]))
		}
	}
	if len(ratios) == 0 {
		return
	}
	slices.Sort(ratios)
	r.Pace, r.Paced = ratios[len(ratios)/2], len(ratios)
}

// judged reports whether the durations of a call can be compared.
func (c *Call) judged() bool {
	return !c.Waits && c.Timed[0] >= LeastTimed && c.Timed[1] >= LeastTimed && c.MedianNS[0] > 0 && c.MedianNS[1] > 0
}

// latencyDiffers judges a call's durations, both as they are and by what is
// left when all calls' common pace is taken away. Of few kinds of calls no
// common pace can be told from their own: a call that takes twice as long
// differs then, whatever the others do.
func (r *Result) latencyDiffers(c *Call) bool {
	if !c.judged() || c.LatencyQ >= Significance || c.stretchedP >= Significance || math.Abs(c.Delta) < LeastDelta {
		return false
	}
	change := math.Abs(float64(c.MedianNS[1]-c.MedianNS[0])) * float64(min(c.Count[0], c.Count[1]))
	if change < LeastTime*r.span {
		return false
	}
	raw := float64(c.MedianNS[1]) / float64(c.MedianNS[0])
	if r.Paced < LeastPaced && (raw >= LeastPace || raw <= 1.0/LeastPace) {
		return true
	}
	own := raw / r.Pace
	return raw >= LeastRatio && own >= LeastRatio || raw <= 1/LeastRatio && own <= 1/LeastRatio
}

// far reports whether the larger of two values is at least k times the other.
func far(a, b, k float64) bool { return max(a, b) >= k*min(a, b) && a != b }
