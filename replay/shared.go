package replay

import (
	"context"
	"io"
	"sync"

	"systape/format"
)

// Shares say how a result to which the order of calls does not matter is made
// by several goroutines: each has a T of its own.
type Shares[T any] struct {
	// Begin makes an empty T, one of n.
	Begin func(n int) T
	// Add counts calls, valid until it returns, and reports whether to go on:
	// false leaves the result to a pass in order.
	Add func(to T, calls []Call) bool
	// Join makes one result of all; false leaves it to a pass in order. It is
	// called by one goroutine when all calls were added.
	Join func(all []T) bool
}

// EachShared is [Session.Each] for results to which the order of calls does
// not matter: row groups are decoded, paired and counted by several goroutines
// at once. What the pass says of the capture is the same. done is false, and
// nothing has happened, where the calls have to be taken in order: what is
// read is a spool or cut off, damaged, grows, or needs what came before.
func EachShared[T any](ctx context.Context, s *Session, sh Shares[T]) (done bool, err error) {
	groups := s.shareable()
	if groups == nil || groups.Len() == 0 {
		return false, nil
	}
	n := min(s.workers, groups.Len())
	all := make([]T, n)
	pass := newSharedPass(s, groups)
	var wg sync.WaitGroup
	for w := range n {
		all[w] = sh.Begin(n)
		wg.Go(func() {
			pass.work(ctx, func(calls []Call) bool { return len(calls) == 0 || sh.Add(all[w], calls) })
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !pass.finish(func(calls []Call) bool { return len(calls) == 0 || sh.Add(all[0], calls) }) || !sh.Join(all) {
		return false, nil
	}
	pass.conclude()
	return true, nil
}

// shareable returns the row groups of the capture if its calls can be paired
// out of order.
func (s *Session) shareable() *format.RowGroups {
	r := &s.meta.Request
	if s.growing || s.files || s.Filter.To != 0 || r.Floating() || r.Held() {
		return nil
	}
	groups := s.reader.RowGroups()
	if groups != nil && groups.Len() > 0 && s.closing != nil && mostlyLost(groups, s.spans.sorted()) {
		return nil
	}
	return groups
}

// mostlyLost reports whether events were lost in more than half of the time of
// groups: what cannot be paired alone is then most, and is faster in order.
func mostlyLost(groups *format.RowGroups, losses []LossSpan) bool {
	first, _, ok := groups.Times(0)
	_, last, known := groups.Times(groups.Len() - 1)
	if !ok || !known {
		return false
	}
	var lost int64
	for _, l := range losses {
		if l.Overlaps(first, last) {
			lost += min(l.Last, last) - max(l.First, first)
		}
	}
	return lost > (last-first)/2
}

// sharedPass is a pass over row groups by several goroutines. Each takes the
// next group, pairs what a [shard] can of it, and leaves the rest to the
// [Pairer], which gets it in order: whoever finishes the group that is next
// gives it that one and those behind it that wait.
type sharedPass struct {
	s      *Session
	groups *format.RowGroups
	lossy  []LossSpan

	mu       sync.Mutex
	moved    sync.Cond // next or failed has changed
	taken    int       // groups that somebody has taken
	next     int       // the group whose rest the pairer gets next
	waiting  map[int]*groupRest
	spare    []*groupRest
	failed   bool
	pairer   *Pairer
	batch    format.Batch
	calls    []Call
	last     format.RowSpan // of the group before next
	coverage Coverage
	spans    lossSpans
	counts   counts
}

// groupRest is what remains of a row group to be paired in order.
type groupRest struct {
	rows  format.RowSpan
	loose []looseRow
	has   columnsRead
	own   Coverage // of the calls that were paired
}

// sharedRows is how many rows a goroutine pairs and counts at once: they and
// their calls stay in its CPU's cache.
const sharedRows = 1024

// groupsAhead is how many groups may be taken, for each goroutine, before the
// rest of the first of them went to the pairer.
const groupsAhead = 4

func newSharedPass(s *Session, groups *format.RowGroups) *sharedPass {
	p := &sharedPass{s: s, groups: groups, waiting: map[int]*groupRest{}}
	p.moved.L = &p.mu
	p.pairer = NewPairer(PairOptions{Meta: s.Meta(), Late: s.late})
	if s.closing != nil {
		p.lossy = s.spans.sorted()
	}
	return p
}

// work takes group after group. add gets the calls that the filter chooses.
func (p *sharedPass) work(ctx context.Context, add func([]Call) bool) {
	var b format.Batch
	filter, coverage := p.s.Filter.Apart(), Coverage{}
	shard, reader := newShard(), p.groups.Reader()
	give := func(calls []Call) bool { return add(filter.choose(calls, p.s.symbols, &coverage)) }
	for {
		i, rest := p.take(ctx)
		if i < 0 {
			break
		}
		if !p.pair(ctx, i, rest, shard, reader, &b, give) {
			p.fail()
			break
		}
		if !p.put(i, rest, give) {
			break
		}
	}
	p.mu.Lock()
	p.coverage.Merge(coverage)
	p.mu.Unlock()
}

// take returns the next group, -1 when there is none, and memory for its rest.
func (p *sharedPass) take(ctx context.Context) (i int, rest *groupRest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.taken-p.next >= groupsAhead*p.s.workers && !p.failed {
		p.moved.Wait()
	}
	if p.failed || p.taken == p.groups.Len() || ctx.Err() != nil {
		return -1, nil
	}
	p.taken++
	if n := len(p.spare); n > 0 {
		rest, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		rest = new(groupRest)
	}
	return p.taken - 1, rest
}

// pair pairs what can be paired of group i, and sets rest to what remains. It
// reports false when a pass in order has to say what is wrong.
func (p *sharedPass) pair(ctx context.Context, i int, rest *groupRest, shard *shard, reader *format.GroupReader, b *format.Batch, give func([]Call) bool) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if reader.Open(i) != nil {
		return false
	}
	shard.loose = rest.loose
	shard.begin(p.lossy)
	for {
		err := reader.Next(b, sharedRows)
		if err == io.EOF {
			break
		}
		if err != nil || checkColumns(b) != nil || ctx.Err() != nil || !give(shard.push(b)) {
			return false
		}
	}
	rest.rows, rest.has, rest.own = reader.Rows(), shard.has, shard.p.cov
	rest.loose = shard.end(rest.rows)
	return true
}

// put gives the pairer the rest of group i, once it is its turn, and of those
// that wait for it.
func (p *sharedPass) put(i int, rest *groupRest, give func([]Call) bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[i] = rest
	for rest := p.waiting[p.next]; rest != nil && !p.failed; rest = p.waiting[p.next] {
		delete(p.waiting, p.next)
		p.failed = !p.stitch(rest, give)
		p.spare = append(p.spare, rest)
		p.next++
	}
	p.moved.Broadcast()
	return !p.failed
}

// stitch gives the pairer the rest of the next group.
func (p *sharedPass) stitch(rest *groupRest, give func([]Call) bool) bool {
	if !p.groups.Continues(p.next, rest.rows, p.last) {
		return false
	}
	p.last = rest.rows
	b := &p.batch
	looseBatch(b, rest.loose, rest.has, p.s.symbols)
	if p.s.closing == nil {
		p.spans.rows(b)
	}
	p.counts.rows(b)
	calls, err := p.pairer.Push(b, p.calls[:0])
	p.calls = calls
	if err != nil {
		return false
	}
	p.pairer.skip(rest)
	return give(calls)
}

// fail ends the pass.
func (p *sharedPass) fail() {
	p.mu.Lock()
	p.failed = true
	p.moved.Broadcast()
	p.mu.Unlock()
}

// finish gives add the calls that never ended. It reports false when the pass
// has failed.
func (p *sharedPass) finish(add func([]Call) bool) bool {
	if p.failed {
		return false
	}
	if p.s.closing == nil {
		p.pairer.Learn(p.s.meta)
	}
	return add(p.s.Filter.choose(p.pairer.Finish(p.calls[:0]), p.s.symbols, &p.coverage))
}

// conclude tells the session what the pass found.
func (p *sharedPass) conclude() {
	s := p.s
	s.coverage.Merge(p.coverage)
	if s.closing == nil {
		s.spans = p.spans
	}
	s.counts = p.counts
	s.concluded(p.pairer)
}

// skip takes into account what a shard has paired of a group, the rest of which
// was pushed.
func (p *Pairer) skip(group *groupRest) {
	p.now, p.row = max(p.now, group.rows.LastTS), group.rows.LastSeq+1
	p.cov.Merge(group.own)
}
