package audit

import (
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// Record is one call of the trail.
type Record struct {
	replay.Call
	Category  *Category
	Name      string // of the call
	Comm      string
	Container string
	Path      string // what it was about, where the capture tells: a file or an address
	Parent    int32  // process that made this one, 0 if that was not seen
	Depth     int    // in the tree of the processes that were seen to be made
	Root      int32  // the process at its top
	Rules     []string
}

// Text is the call as replay shows it: name, arguments and result.
func (r *Record) Text() string {
	b := []byte(r.Name)
	if r.Status.HasEnter() {
		b = append(decode.AppendArgs(append(b, '('), r.ABI, r.Nr, &r.Args, r.Told), ')')
	}
	switch {
	case r.HasResult():
		b = decode.AppendResult(append(b, " = "...), r.ABI, r.Nr, &r.Args, r.Ret)
	default:
		b = append(append(append(b, " ("...), r.Status.String()...), ')')
	}
	return string(b)
}

// Outcome is "success", "failure" or "unknown".
func (r *Record) Outcome() string {
	switch {
	case r.Status == replay.Denied || r.Errno() != 0:
		return "failure"
	case r.HasResult() || r.Status == replay.NoReturn:
		return "success"
	}
	return "unknown"
}

// Trail makes records of calls, and knows who made which process.
type Trail struct {
	sort    *sorter
	births  map[int32][]birth // by process, oldest first
	symbols *format.SymbolTable
}

// NewTrail returns a trail of a capture with these names.
func NewTrail(symbols *format.SymbolTable) *Trail {
	return &Trail{sort: newSorter(), births: map[int32][]birth{}, symbols: symbols}
}

// maxDepth bounds the way up a tree: ids are used again, and could make a ring.
const maxDepth = 64

// birth is when a process was made, and by which.
type birth struct {
	ns     int64
	parent int32
}

// keptBirths is how many processes of one number are known at a time: a trail
// in the order of begins is behind the rows.
const keptBirths = 8

// Events learns from a batch who makes whom; b may be nil.
func (t *Trail) Events(b *format.Batch) {
	if b == nil {
		return
	}
	for i, k := range b.Kind {
		if child := int32(b.Args[format.ForkPID][i]); k == format.Fork && child != b.PID[i] {
			known := t.births[child]
			if len(known) == keptBirths {
				known = known[:copy(known, known[1:])]
			}
			t.births[child] = append(known, birth{b.TS[i], b.PID[i]})
		}
	}
}

// parent returns the process that made pid, as it was at a time.
func (t *Trail) parent(pid int32, ns int64) (parent int32, ok bool) {
	known := t.births[pid]
	for i := len(known) - 1; i >= 0; i-- {
		if known[i].ns <= ns {
			return known[i].parent, true
		}
	}
	return 0, false
}

// Sift learns from a batch, which may be nil, and returns those of the calls
// that have a record.
func (t *Trail) Sift(b *format.Batch, calls []replay.Call) []replay.Call {
	t.Events(b)
	return slices.DeleteFunc(calls, func(c replay.Call) bool { return t.sort.of(&c) == nil })
}

// Again forgets what Events has learned, for another pass over the capture.
func (t *Trail) Again() { clear(t.births) }

// Of returns the record of a call; ok is false if it is none for the trail.
func (t *Trail) Of(c *replay.Call) (r Record, ok bool) {
	k := t.sort.of(c)
	if k == nil {
		return r, false
	}
	r = Record{Call: *c, Category: k, Name: abi.NameOr(c.ABI, c.Nr), Comm: t.symbols.String(c.Comm), Container: t.symbols.String(c.Container), Path: c.Detail}
	if r.Status == replay.Mismatch {
		r.Path = ""
	}
	refs := abi.RefsOf(c.ABI, c.Nr)
	for n := range 6 {
		if r.Path == "" && c.Told != "" && (refs.Words|refs.Calls|refs.Pairs)>>n&1 == 0 {
			r.Path, _, _ = format.Argument(c.Told, n)
		}
	}
	if passed, ok := abi.SocketCallOf(c.Args[0]); refs.Calls != 0 && ok && abi.RefsOf(abi.I386, passed.Nr).Pairs != 0 {
		r.Path = ""
	}
	r.Parent, _ = t.parent(c.PID, c.StartNS)
	for r.Root = c.PID; r.Depth < maxDepth; r.Depth++ {
		up, ok := t.parent(r.Root, c.StartNS)
		if !ok {
			break
		}
		r.Root = up
	}
	return r, true
}
