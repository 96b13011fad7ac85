package replay

import (
	"errors"
	"math"

	"systape/format"
)

// ChosenRows are the rows of a capture that belong to calls that a filter
// chose. A first pass hands it the calls, a second one asks it for the rows:
// both halves of each call, what the recording says of itself and of losses
// in that time, and what became of the threads of those calls. It keeps a bit
// for each row of the capture. The zero value is ready.
type ChosenRows struct {
	// From and To are the filter's bounds of time, 0 for none.
	From, To int64
	// Restated says that what was open at From is told anew.
	Restated bool

	pages map[int64]*chosenPage // by seq / chosenPageRows
	tids  map[int32]struct{}
	pids  map[int32]struct{}
	until int64 // capture time at which the last of the calls ended
	last  int64 // seq of the last row of the calls
	seen  []int64
}

const (
	chosenPageRows = 1 << 16
	maxChosenPages = 24 << 10 // 192 MiB: 1.6 G rows without large gaps
	maxSeen        = 1 << 17  // live threads by far
)

type chosenPage [chosenPageRows / 64]uint64

// Add chooses the rows of the calls.
func (r *ChosenRows) Add(calls []Call) error {
	if r.pages == nil {
		r.pages, r.tids, r.pids = map[int64]*chosenPage{}, map[int32]struct{}{}, map[int32]struct{}{}
		r.last = -1
	}
	for i := range calls {
		c := &calls[i]
		if _, known := r.tids[c.TID]; !known && (c.Status == Denied || c.Status == EnterAfterEnd) && len(r.seen) < maxSeen {
			r.seen = append(r.seen, c.ExitSeq)
		}
		r.tids[c.TID], r.pids[c.PID] = struct{}{}, struct{}{}
		r.until = max(r.until, c.StartNS+max(c.DurNS, 0))
		r.last = max(r.last, c.EndSeq)
		for _, seq := range [2]int64{c.EnterSeq, c.ExitSeq} {
			if seq < 0 {
				continue
			}
			page := r.pages[seq/chosenPageRows]
			if page == nil {
				if len(r.pages) == maxChosenPages {
					return errors.New("the filter chooses among too many rows for one copy: give it a shorter time, with --from and --to")
				}
				page = new(chosenPage)
				r.pages[seq/chosenPageRows] = page
			}
			page[seq%chosenPageRows/64] |= 1 << (seq % 64)
		}
	}
	return nil
}

// Seen returns what a selection of the rows says of exits that are the first
// of their thread in it: see [format.Selection].
func (r *ChosenRows) Seen() []int64 { return r.seen }

// Has reports whether row i of b, which has all columns, is chosen.
func (r *ChosenRows) Has(b *format.Batch, i int) bool {
	arg := func(k int) int64 { return b.Args[k][i] }
	switch kind := b.Kind[i]; kind {
	case format.Enter, format.Exit:
		seq := b.Seq[i]
		page := r.pages[seq/chosenPageRows]
		return page != nil && page[seq%chosenPageRows/64]>>(seq%64)&1 != 0
	case format.Lost:
		l := LossAt(b, i)
		return l.Last >= r.From && l.First <= r.end()
	case format.Mark:
		return format.MarkOf(arg(format.MarkWhat)) != format.ThreadLost || r.thread(b.TID[i])
	case format.Count:
		return false // of all calls of the interval
	case format.FD:
		_, ok := r.pids[b.PID[i]]
		return ok && !(r.Restated && b.TS[i] < r.From)
	default:
		if b.TS[i] < r.From || b.TS[i] > r.end() && b.Seq[i] > r.last {
			return false
		}
		return r.thread(b.TID[i]) || kind == format.Fork && r.thread(int32(arg(format.ForkTID))) ||
			kind == format.Exec && r.thread(int32(arg(format.ExecOldTID)))
	}
}

// end is the capture time after which rows are about nothing that was chosen.
func (r *ChosenRows) end() int64 {
	if r.To == 0 {
		return math.MaxInt64
	}
	return max(r.To, r.until)
}

func (r *ChosenRows) thread(tid int32) bool {
	_, ok := r.tids[tid]
	return ok
}
