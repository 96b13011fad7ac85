package latency

import (
	"cmp"
	"maps"
	"slices"

	"systape/format"
	"systape/replay"
)

// Errors counts failed calls by error, beside the successful ones of the same
// group. Only calls that ended are counted.
type Errors struct {
	opt    Options
	by     []Key // the keys of the caller
	group  keyer // without the error
	keyer  keyer // with it
	sel    selector
	index  index
	kinds  []*outcome
	missed int64
	first  int64
	last   int64
	any    bool
}

// outcome is what calls of one group that returned one error (or none) did.
type outcome struct {
	hist        Histogram
	restarted   int64 // interrupted, to be tried again: neither a failure nor a success
	first, last int64
	pids        map[int32]struct{}
	comms       map[format.Symbol]int64
}

const (
	maxOutcomes = 1 << 16
	maxPIDs     = 4096
	maxComms    = 64
)

// NewErrors returns an empty table of errors, grouped by opt.By and the
// error. MaxBytes is ignored: at most 65,536 combinations are kept.
func NewErrors(opt Options) *Errors {
	if opt.Use == 0 {
		opt.Use = Finished()
	}
	e := &Errors{opt: opt, sel: newSelector(opt.Symbols, opt.Use&^LowerBounds(), opt.Waits)}
	for _, k := range opt.By {
		if k != ByErrno {
			e.by = append(e.by, k)
		}
	}
	e.group = newKeyer(e.by, false, opt.Nodes)
	e.keyer = newKeyer(append(slices.Clone(e.by), ByErrno), false, opt.Nodes)
	return e
}

// From is [Table.From].
func (e *Errors) From(node int) { e.group.node, e.keyer.node = uint64(node), uint64(node) }

// Add counts calls.
func (e *Errors) Add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		if cl, _ := e.sel.pick(c); cl == skipped {
			continue
		}
		end := c.StartNS + c.DurNS
		if !e.any || c.StartNS < e.first {
			e.first = c.StartNS
		}
		if !e.any || end > e.last {
			e.last, e.any = end, true
		}
		k := e.keyer.pack(c, false)
		var n int
		var ok bool
		if len(e.index.keys) < maxOutcomes {
			n, ok = e.index.find(k)
			if ok {
				e.kinds = append(e.kinds, &outcome{first: end})
			}
		} else if n, ok = e.index.has(k); !ok {
			e.missed++
			continue
		}
		o := e.kinds[n]
		if c.Status == replay.Restarted {
			o.restarted++
			continue
		}
		o.hist.Record(c.DurNS)
		if c.Errno() == 0 {
			continue
		}
		o.first, o.last = min(o.first, end), max(o.last, end)
		if o.pids == nil {
			o.pids, o.comms = map[int32]struct{}{}, map[format.Symbol]int64{}
		}
		if _, ok := o.pids[c.PID]; ok || len(o.pids) < maxPIDs {
			o.pids[c.PID] = struct{}{}
		}
		if _, ok := o.comms[c.Comm]; ok || len(o.comms) < maxComms {
			o.comms[c.Comm]++
		}
	}
}

// ErrorRow is one error of one group.
type ErrorRow struct {
	Values             // Errno is the error
	Count      int64   // failed calls
	Calls      int64   // all calls of the group that ended
	Rate       float64 // Count/Calls
	PerSecond  float64
	FirstNS    int64 // capture time at which the first of them returned
	LastNS     int64
	Processes  int      // distinct processes; 4096 means that many or more
	Comms      []string // thread names, those with most failures first
	Failed     Figures  // latency of the failed calls
	Successful Figures  // latency of the successful calls of the group
}

// Rows returns every error, the most frequent first, ties by the keys. spanNS
// is the length of the capture, for rates; 0 means the span of the calls
// counted.
func (e *Errors) Rows(spanNS int64) []ErrorRow {
	if spanNS <= 0 {
		spanNS = e.last - e.first
	}
	var groups index
	var calls []int64
	var success []*outcome
	for n, k := range e.index.keys {
		k := k
		errno := k[3] >> 32
		k[3] &= 0xffffffff
		i, fresh := groups.find(k)
		if fresh {
			calls, success = append(calls, 0), append(success, new(outcome))
		}
		calls[i] += e.kinds[n].hist.Count() + e.kinds[n].restarted
		if errno == 0 {
			success[i] = e.kinds[n]
		}
	}
	var rows []ErrorRow
	for n, k := range e.index.keys {
		o := e.kinds[n]
		if k[3]>>32 == 0 {
			continue
		}
		k := k
		v := e.keyer.values(&k, e.opt.Symbols)
		k[3] &= 0xffffffff
		i, _ := groups.has(k)
		r := ErrorRow{
			Values: v, Count: o.hist.Count(), Calls: calls[i], FirstNS: o.first, LastNS: o.last,
			Rate: float64(o.hist.Count()) / float64(calls[i]), Processes: len(o.pids),
			Failed: NewFigures(&o.hist, nil), Successful: NewFigures(&success[i].hist, nil),
		}
		if spanNS > 0 {
			r.PerSecond = float64(r.Count) / float64(spanNS) * 1e9
		}
		syms := slices.Collect(maps.Keys(o.comms))
		slices.SortFunc(syms, func(a, b format.Symbol) int {
			return cmp.Or(cmp.Compare(o.comms[b], o.comms[a]), cmp.Compare(e.opt.Symbols.String(a), e.opt.Symbols.String(b)))
		})
		for _, s := range syms {
			r.Comms = append(r.Comms, e.opt.Symbols.String(s))
		}
		rows = append(rows, r)
	}
	keys := append(slices.Clone(e.by), ByErrno)
	slices.SortFunc(rows, func(a, b ErrorRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), compareKeys(&a.Values, &b.Values, keys))
	})
	return rows
}

// Missed returns how many calls belong to combinations beyond the 65,536 that
// are kept.
func (e *Errors) Missed() int64 { return e.missed }
