package sequences

import (
	"cmp"
	"math"
	"slices"
)

// Result is what a scorer found out.
type Result struct {
	Total    StreamScore
	Streams  []StreamScore // the worst first
	Ended    int64         // streams in all
	Unusual  int64         // streams above a threshold of one stream: of normal ones, a share of 1-quantile is above each
	Alarmed  int64         // streams above a limit that allows for the number of streams
	AtLeast  bool          // there may be more of these: some were not kept
	Findings []Finding     // the worst first
	Unknown  []UnknownCall // most frequent first
}

// Above reports whether the capture or one of its streams is above a limit.
func (r *Result) Above() bool { return len(r.Total.Above) > 0 || r.Alarmed > 0 }

// Result returns the scores after all streams have ended.
func (s *Scorer) Result() *Result {
	r := &Result{Total: s.total, Streams: s.streams.sorted(), Ended: s.ended, Unusual: s.unusual, Findings: s.findings.sorted()}
	if s.family != nil {
		r.Total.Above = s.family.above(&r.Total, 0)
		for i := range s.suspects {
			if len(s.family.above(&s.suspects[i], s.ended)) > 0 {
				r.Alarmed++
			}
		}
		r.AtLeast = s.more > 0
		for i := range r.Streams {
			r.Streams[i].Above = s.family.above(&r.Streams[i], s.ended)
		}
	}
	for _, u := range s.unknown {
		u.Calls = s.alphabet.Names(u.calls)
		r.Unknown = append(r.Unknown, *u)
	}
	slices.SortFunc(r.Unknown, func(a, b UnknownCall) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	for i := range r.Findings {
		s.explain(&r.Findings[i])
	}
	return r
}

// MetricLimits are the limits of one score for a capture.
type MetricLimits struct {
	Metric  string
	Capture float64 // of the capture; infinite if there is none, or none that can be exceeded
	Stream  float64 // of each of its streams
}

// Limits returns the limits for the capture that was scored, nil without a
// calibration, in the order of Metrics.
func (s *Scorer) Limits() (list []MetricLimits) {
	if s.family == nil {
		return nil
	}
	for i, m := range s.total.Metrics() {
		// A share has the finest steps in the capture; what a thread may reach
		// depends on how many windows it has, and is shown for those of the capture.
		l := MetricLimits{m.Name, s.family.limit(s.family.capture, i, &m, 1), s.family.limit(s.family.stream, i, &m, s.ended)}
		for _, v := range []*float64{&l.Capture, &l.Stream} {
			if *v >= m.most {
				*v = math.Inf(1)
			}
		}
		list = append(list, l)
	}
	return list
}
