package audit

import "slices"

// Finding is a rule that holds of some calls.
type Finding struct {
	Rule  *Rule
	Calls []Record // those that it holds of; of a rate the first and the last
	Count int      // how many calls it took
}

// Finder holds the records of a trail, in the order of their begins, against
// rules.
type Finder struct {
	rules  []Rule
	states []map[int64]*state // of each rule, by whose calls count together
}

// state is how far a rule has come for one group of calls.
type state struct {
	steps []Record // sequence and set: what was met, by step
	met   []bool
	times []int64 // rate: when
	first Record  // rate: the first call of the stretch
	quiet int64   // no further finding begins before
}

// NewFinder returns a finder of what rules are about.
func NewFinder(rules []Rule) *Finder {
	f := &Finder{rules: rules}
	for range rules {
		f.states = append(f.states, map[int64]*state{})
	}
	return f
}

// groups are those that a call counts for as step n.
func (r *Rule) groups(x *Record, n int) []int64 {
	switch r.By {
	case "thread":
		return []int64{int64(x.TID)}
	case "process":
		return []int64{int64(x.PID)}
	case "family":
		if n > 0 && x.Parent != 0 {
			return []int64{int64(x.PID), int64(x.Parent)}
		}
		return []int64{int64(x.PID)}
	case "tree":
		return []int64{int64(x.Root)}
	}
	return []int64{0}
}

// Add takes the next record and returns what it completes; the record learns
// which rules it completes.
func (f *Finder) Add(x *Record) (found []Finding) {
	for i := range f.rules {
		r := &f.rules[i]
		for n := range r.Steps {
			if !r.Steps[n].takes(x) {
				continue
			}
			if done := f.take(i, n, x); done != nil {
				x.Rules = append(x.Rules, r.Name)
				found = append(found, *done)
				break
			}
		}
	}
	return found
}

// take gives a call that is step n of rule i to the groups it counts for.
func (f *Finder) take(i, n int, x *Record) (done *Finding) {
	r := &f.rules[i]
	for _, g := range r.groups(x, n) {
		s := f.states[i][g]
		if s == nil {
			s = &state{steps: make([]Record, len(r.Steps)), met: make([]bool, len(r.Steps))}
			f.states[i][g] = s
		}
		if one := s.take(r, n, x); one != nil {
			done = one
		}
	}
	return done
}

// take takes a call that is step n.
func (s *state) take(r *Rule, n int, x *Record) *Finding {
	if r.Kind == "rate" {
		return s.count(r, x)
	}
	for i := range s.met {
		if s.met[i] && r.Within > 0 && x.StartNS-s.steps[i].StartNS > r.Within {
			s.met[i] = false
		}
	}
	if r.Kind == "sequence" && n > 0 && (!s.met[n-1] || s.steps[n-1].StartNS > x.StartNS) {
		return nil
	}
	s.met[n], s.steps[n] = true, *x
	if slices.Contains(s.met, false) {
		return nil
	}
	clear(s.met)
	return &Finding{r, slices.Clone(s.steps), len(s.steps)}
}

// count counts a rate. A stretch of calls that goes on is found once.
func (s *state) count(r *Rule, x *Record) *Finding {
	now := x.StartNS
	old := 0
	for old < len(s.times) && now-s.times[old] > r.Within {
		old++
	}
	s.times = append(s.times[old:], now)
	if len(s.times) == 1 {
		s.first = *x
	}
	if len(s.times) > r.Count {
		s.times = s.times[len(s.times)-r.Count:]
	}
	if len(s.times) < r.Count || now < s.quiet {
		if now < s.quiet {
			s.quiet = now + r.Within
		}
		return nil
	}
	s.quiet = now + r.Within
	return &Finding{r, []Record{s.first, *x}, r.Count}
}
