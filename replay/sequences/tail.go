package sequences

import "math"

// Tail is the upper end of the scores of normal units, from which a limit is
// read that a normal unit exceeds with any given probability, also with one
// that is smaller than the number of units can show.
type Tail struct {
	Count  int         `json:"count"`       // units
	Points []TailPoint `json:"points"`      // the largest score first
	From   float64     `json:"from"`        // the score that Above of them exceed, or reach
	Above  int         `json:"above"`       // the tenth part with the largest scores, all but the least if there are few
	Excess float64     `json:"mean_excess"` // how far these are above From, on average
}

// TailPoint says that Rank units score Value or more.
type TailPoint struct {
	Rank  int     `json:"rank"`
	Value float64 `json:"value"`
}

// leastAbove is how many scores the tail is estimated from where there are as
// many.
const leastAbove = 12

// newTail makes the tail of ascending scores.
func newTail(v []float64) Tail {
	n := len(v)
	t := Tail{Count: n}
	for rank := 1; rank <= n; rank += max(1, rank/3) {
		t.Points = append(t.Points, TailPoint{rank, v[n-rank]})
		if rank > n/10 && rank > leastAbove {
			break
		}
	}
	if t.Above = min(n-1, max(leastAbove, n/10)); t.Above > 0 {
		t.From = v[n-t.Above-1]
		for _, x := range v[n-t.Above:] {
			t.Excess += (x - t.From) / float64(t.Above)
		}
	}
	return t
}

// At returns the limit that a normal unit exceeds with the probability p, or
// with less. Of n units, the one with the r-th largest score is where the next
// one comes to lie with probability r/(n+1), if it is like them. Beyond the
// largest, the tail goes on as an exponential one whose mean is known from as
// many excesses as there are: the excess of the next one is then that mean
// times an F variable with 2 and 2·Above degrees of freedom. The mean is not
// taken for less than least. With a single unit there is no limit.
func (t *Tail) At(p, least float64) float64 {
	rank := p * float64(t.Count+1)
	if t.Count < 2 || len(t.Points) == 0 {
		return math.Inf(1)
	}
	if rank >= float64(t.Points[0].Rank) {
		limit := t.Points[0].Value
		for _, x := range t.Points {
			if float64(x.Rank) <= rank {
				limit = x.Value
			}
		}
		return limit
	}
	far := t.Points[0]
	limit := far.Value + least*math.Log(float64(far.Rank)/rank)
	if k := float64(t.Above); k > 0 {
		limit = max(limit, t.From+k*t.Excess*(math.Pow(k/rank, 1/k)-1))
	}
	return limit
}

// sound reports whether limits that come from a file can be used.
func (l *Limits) sound() bool {
	for _, t := range l.Tails {
		if t.Count < 0 || t.Above < 0 || t.Excess < 0 {
			return false
		}
		for _, x := range t.Points {
			if x.Rank < 1 {
				return false
			}
		}
	}
	return l.Count >= 0
}

// tail returns the tail of a score. Older calibrations have thresholds
// alone: then it begins at the threshold.
func (l *Limits) tail(metric string, quantile float64) (Tail, bool) {
	if t, ok := l.Tails[metric]; ok {
		return t, true
	}
	v, ok := l.Thresholds[metric]
	if !ok {
		return Tail{}, false
	}
	rank := l.Count - int(math.Ceil(quantile*float64(l.Count)-1e-9)) + 1
	return Tail{Count: l.Count, Points: []TailPoint{{max(rank, 1), v}}}, true
}

// family holds the limits for one capture: for its own scores and for those of
// its streams, so that all of them together exceed one only as often as the
// calibration says, however many streams there are.
//
// The probability 1-quantile is divided in equal parts (Bonferroni's
// inequality, which asks for no independence): one half to the scores of the
// capture, one half to the scores of all streams.
type family struct {
	capture, stream []Tail // by metric; without points: not calibrated
	each            float64
}

func newFamily(c *Calibration, metrics []Metric) *family {
	f := &family{each: (1 - c.Quantile) / 2 / float64(len(metrics))}
	for _, m := range metrics {
		capture, _ := c.Captures.tail(m.Name, c.Quantile)
		stream, _ := c.Streams.tail(m.Name, c.Quantile)
		f.capture, f.stream = append(f.capture, capture), append(f.stream, stream)
	}
	return f
}

// limit returns the limit of metric i for one of so many units; infinite if it
// is not calibrated.
func (f *family) limit(tails []Tail, i int, m *Metric, units int64) float64 {
	return tails[i].At(f.each/float64(max(units, 1)), m.least)
}

// above lists the metrics that are above their limits: for one of so many
// streams, or for the capture if streams is 0.
func (f *family) above(s *StreamScore, streams int64) (list []Exceeded) {
	tails := f.stream
	if streams == 0 {
		tails = f.capture
	}
	for i, m := range s.Metrics() {
		n := len(tails[i].Points)
		if !m.Known || n == 0 || m.Value <= tails[i].Points[n-1].Value {
			continue
		}
		if l := f.limit(tails, i, &m, streams); m.Value > l {
			list = append(list, Exceeded{m.Name, m.Value, l})
		}
	}
	return list
}

// Supported reports whether the calibration has seen so many captures and
// streams that its limits for one of so many streams rest on scores that were
// seen. Where not, they rest on the scores thinning out as they began to.
func (c *Calibration) Supported(streams int64, metrics int) bool {
	each := (1 - c.Quantile) / 2 / float64(metrics)
	return each*float64(c.Captures.Count+1) >= 1 && each/float64(max(streams, 1))*float64(c.Streams.Count+1) >= 1
}
