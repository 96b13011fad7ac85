package latency_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"systape/replay/latency"
)

// observation is a duration as a textbook has it.
type observation struct {
	ns   int64
	open bool
}

// textbook is Kaplan and Meier's estimator as it is defined: a product over
// the distinct times at which something ended, in plain floats.
func textbook(obs []observation, share float64) (ns int64, above bool) {
	var times []int64
	longest := int64(0)
	for _, o := range obs {
		longest = max(longest, o.ns)
		if !o.open {
			times = append(times, o.ns)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	survival := 1.0
	for _, t := range times {
		ended, running := 0, 0
		for _, o := range obs {
			if o.ns >= t {
				running++
			}
			if o.ns == t && !o.open {
				ended++
			}
		}
		survival *= 1 - float64(ended)/float64(running)
		if survival <= 1-share+1e-9 {
			return t, false
		}
	}
	return longest, true
}

func histograms(obs []observation) (done, open *latency.Histogram) {
	done, open = new(latency.Histogram), new(latency.Histogram)
	for _, o := range obs {
		if o.open {
			open.Record(o.ns)
		} else {
			done.Record(o.ns)
		}
	}
	return done, open
}

// TestSurvivalIsKaplanMeier uses durations below 128 ns, where each has a
// bucket of its own and the results must be equal.
func TestSurvivalIsKaplanMeier(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for round := range 5_000 {
		obs := make([]observation, 1+r.IntN(12))
		limit := 1 + r.Int64N(20)
		for i := range obs {
			obs[i] = observation{r.Int64N(limit), r.IntN(3) == 0}
		}
		done, open := histograms(obs)
		for _, s := range []latency.Share{100_000_000, 250_000_000, latency.P50, 750_000_000, latency.P90, latency.P99} {
			got := latency.Survival(done, open, s)[0]
			ns, above := textbook(obs, float64(s)/1e9)
			if want := (latency.Quantile{NS: ns, Above: above}); got != want {
				t.Fatalf("round %d: quantile %d of %v is %v, want %v", round, s, obs, got, want)
			}
		}
	}
}

// TestWorkedExample is the case that the package documentation computes by hand.
func TestWorkedExample(t *testing.T) {
	const ms = 1_000_000
	obs := []observation{{1 * ms, false}, {2 * ms, false}, {2 * ms, false}, {4 * ms, false}, {6 * ms, false}, {9 * ms, false}, {3 * ms, true}, {5 * ms, true}}
	done, open := histograms(obs)
	near := func(what string, got latency.Quantile, want int64, above bool) {
		t.Helper()
		if got.Above != above || math.Abs(float64(got.NS-want)) > latency.MaxRelativeError*float64(want) {
			t.Errorf("%s is %+v, want %d ns, above %v", what, got, want, above)
		}
	}
	near("the median", latency.Survival(done, open, latency.P50)[0], 4*ms, false)
	near("the median of the calls that ended", done.Quantile(latency.P50), 2*ms, false)
	all := new(latency.Histogram)
	all.Merge(done)
	all.Merge(open)
	near("the median with bounds taken for durations", all.Quantile(latency.P50), 3*ms, false)
	obs[5].open = true
	done, open = histograms(obs)
	near("p90 with the longest open", latency.Survival(done, open, latency.P90)[0], 9*ms, true)
	near("the median with the longest open", latency.Survival(done, open, latency.P50)[0], 4*ms, false)
}

func TestOnlyOpenCalls(t *testing.T) {
	_, open := histograms([]observation{{500, true}, {70_000, true}})
	for i, q := range latency.Survival(new(latency.Histogram), open, latency.P50, latency.P99) {
		if q != (latency.Quantile{NS: 70_000, Above: true}) {
			t.Errorf("quantile %d of open calls alone is %+v, want above 70000", i, q)
		}
	}
}

// TestOpenCallsDoNotDrift checks the estimator on a million calls of which a
// third was cut off at random: products of hundreds of factors must still
// give the distribution's own percentiles.
func TestOpenCallsDoNotDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	var done, open latency.Histogram
	for range 300_000 {
		d, c := r.ExpFloat64()*1e6, r.ExpFloat64()*2e6
		if c < d {
			open.Record(int64(c))
		} else {
			done.Record(int64(d))
		}
	}
	p := latency.Percentiles()
	for i, q := range latency.Survival(&done, &open, p[:]...) {
		want := -math.Log(1-float64(p[i])/1e9) * 1e6
		if q.Above || math.Abs(float64(q.NS)-want) > 0.06*want {
			t.Errorf("quantile %d is %+v, want about %.0f", p[i], q, want)
		}
	}
}
