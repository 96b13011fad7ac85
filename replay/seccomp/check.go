package seccomp

import (
	"cmp"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
)

// Check tells which recorded calls a profile would refuse.
type Check struct {
	filter *Filter
	found  map[checkKey]*Refusal
	Calls  int64 // looked at
	// Undecided calls depend on an argument that the capture does not tell.
	Undecided int64
}

type checkKey struct {
	abi     abi.ABI
	nr      int32
	verdict Verdict
}

// Refusal is a call that the profile would refuse.
type Refusal struct {
	ABI       abi.ABI
	Nr        int32
	Name      string
	Verdict   Verdict
	Count     int64
	FirstNS   int64
	FirstIn   string
	FirstPID  int32
	FirstComm string
	First     replay.Call // its arguments are what the rule looked at
	Already   int64       // of Count, those that were refused while recording, too
}

// NewCheck returns a check by f.
func NewCheck(f *Filter) *Check { return &Check{filter: f, found: map[checkKey]*Refusal{}} }

// Add takes calls of the capture called source, whose names are in names.
func (k *Check) Add(source string, calls []replay.Call, names *format.SymbolTable) {
	for i := range calls {
		c := &calls[i]
		if !made(c) {
			continue
		}
		k.Calls++
		name := abi.NameOr(c.ABI, c.Nr)
		v, known := k.filter.Of(c, name)
		if !known {
			k.Undecided++
			continue
		}
		if v.Allowed() {
			continue
		}
		at := checkKey{c.ABI, c.Nr, v}
		r := k.found[at]
		if r == nil {
			r = &Refusal{ABI: c.ABI, Nr: c.Nr, Name: name, Verdict: v, FirstNS: c.StartNS, FirstIn: source, FirstPID: c.PID, FirstComm: names.String(c.Comm), First: *c}
			k.found[at] = r
		}
		r.Count++
		if c.Status == replay.Denied {
			r.Already++
		}
	}
}

// Refusals returns what would be refused, the most frequent first.
func (k *Check) Refusals() []*Refusal {
	var all []*Refusal
	for _, r := range k.found {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Refusal) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ABI, b.ABI), cmp.Compare(a.Verdict.Action, b.Verdict.Action))
	})
	return all
}
