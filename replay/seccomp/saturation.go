package seccomp

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Saturation says how likely it is that more of the same brings calls that
// were not seen: the mass of what is unseen, by Good and Turing, with an
// interval of 95 %.
type Saturation struct {
	// Programs that ran, and those among them that made a call which no other
	// made. With each left out in turn, the share is how often one more
	// program would have met a profile made of the others that refuses it.
	Programs int64    `json:"programs"`
	Alone    int64    `json:"alone"`
	Program  Interval `json:"next_program"`
	// Calls that were made, kinds that were called once and twice. Calls of
	// one program depend on each other, so this is a lower bound of what is
	// unseen; with a single program it is all there is.
	Calls  int64    `json:"calls"`
	Once   int64    `json:"once"`
	Twice  int64    `json:"twice"`
	Call   Interval `json:"next_call"`
	Kinds  int64    `json:"kinds"`
	Newest string   `json:"newest"` // the last call to be seen for the first time
	After  int64    `json:"after"`  // calls before it
}

// Interval is an estimate of a probability and the 95 % interval around it.
type Interval struct {
	P    float64 `json:"p"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Saturation returns how complete what was observed is.
func (o *Observer) Saturation() Saturation {
	s := Saturation{Programs: o.next, Calls: o.calls}
	alone, pairs := map[int64]bool{}, map[int64]bool{}
	for _, k := range o.order {
		switch {
		case k.Count == 1:
			s.Once++
		case k.Count == 2:
			s.Twice++
		}
		if k.Count > 0 {
			s.Kinds++
		}
		switch k.Processes {
		case 1:
			alone[k.by[0]] = true
		case 2:
			pairs[k.by[0]], pairs[k.by[1]] = true, true
		}
	}
	for p := range pairs {
		if alone[p] {
			delete(pairs, p)
		}
	}
	s.Alone = int64(len(alone))
	s.Program = unseen(s.Alone, int64(len(pairs)), s.Programs)
	s.Call = unseen(s.Once, 2*s.Twice, s.Calls)
	if o.fresh.seen != nil {
		s.Newest, s.After = o.fresh.seen.Name, o.fresh.at
	}
	return s
}

// proportion returns k of n with the interval of Clopper and Pearson, which
// also holds for few, for none and for all.
func proportion(k, n int64) Interval {
	if n == 0 {
		return Interval{P: 1, High: 1}
	}
	i := Interval{P: float64(k) / float64(n), High: 1}
	if k > 0 {
		i.Low = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(0.025)
	}
	if k < n {
		i.High = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(0.975)
	}
	return i
}

// unseen estimates the probability that the next of n draws brings something
// new: alone are the draws that brought what no other did, paired those others
// that brought what only one other did. The interval is Esty's (Ann. Statist.
// 11, 1983, 905), widened to that of a proportion, because a normal
// approximation says nothing where next to no draw is alone.
func unseen(alone, paired, n int64) Interval {
	i := proportion(alone, n)
	if n > 0 {
		half := 1.96 * math.Sqrt(float64(alone)*(1-i.P)+float64(paired)) / float64(n)
		i.Low, i.High = max(0, min(i.Low, i.P-half)), min(1, max(i.High, i.P+half))
	}
	return i
}
