package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unsafe"

	"systape/format"
)

// What ByStart holds at once: so many calls of those that wait for their turn,
// and as many of those that ended too late for it, or fewer if their texts
// are long.
const (
	heldCalls = 1 << 16
	heldBytes = 64 << 20
)

// ByStart gives fn the calls that the filter chooses, in the order of their
// starts: by StartNS, and by the first of their rows where that is the same. It
// stands in for Each. The slice is valid until fn returns.
//
// A pass gives calls in the order of their ends. Most of them started shortly
// before, so holding some is enough to put those in order. A call that was open
// for longer than that is late: its place has been passed. A first pass finds
// the late ones, and the next gives all calls with the late ones in their
// places; a capture that fits into what is held needs one pass, one with more
// late calls than are held at once more than two. Memory is bounded
// whatever the capture, nothing is written to disk, and a recording that goes
// on meanwhile is read up to where the first pass came.
func (s *Session) ByStart(ctx context.Context, fn func([]Call) error) error {
	return s.byStart(ctx, heldCalls, heldBytes, allCalls, fn)
}

// ByStartAmong is ByStart for one of so many sessions whose calls are given side by
// side: they share the memory for it.
func (s *Session) ByStartAmong(ctx context.Context, sessions int, fn func([]Call) error) error {
	return s.byStart(ctx, max(heldCalls/sessions, givenAtOnce), heldBytes/sessions, allCalls, fn)
}

// ByStartOf is ByStart for some of the calls. In each pass, sifter makes a
// function that is given every batch, nil at the end, and those calls that the
// filter chooses of what it ends, in the order of their ends, and returns those
// that fn is to get. A sieve that knows of the rows before a call may so be ahead of fn by as
// much as is held.
func (s *Session) ByStartOf(ctx context.Context, sifter func() Sieve, fn func([]Call) error) error {
	return s.byStart(ctx, heldCalls, heldBytes, sifter, fn)
}

// Sieve returns some of the calls that it is given.
type Sieve func(b *format.Batch, calls []Call) []Call

func allCalls() Sieve { return func(_ *format.Batch, calls []Call) []Call { return calls } }

func (s *Session) byStart(ctx context.Context, calls, bytes int, sifter func() Sieve, fn func([]Call) error) error {
	if s.growing {
		return errors.New("the order of starts needs a capture that can be read twice")
	}
	o := startOrder{most: calls, mostBytes: bytes, fn: fn, passed: firstKey, from: firstKey, to: firstKey,
		late: lateCalls{most: calls, mostBytes: bytes, limit: lastKey}}
	again, err := o.pass(ctx, s, sifter())
	for again && err == nil {
		var a *Session
		if a, err = s.again(); err != nil {
			return err
		}
		again, err = o.pass(ctx, a, sifter())
		if err == nil && a.read != s.read {
			err = fmt.Errorf("the capture changed while it was read: %d rows, then %d", s.read, a.read)
		}
		err = errors.Join(err, a.reader.Close())
	}
	return err
}

// pass makes one pass, and says whether there must be another.
func (o *startOrder) pass(ctx context.Context, s *Session, sift Sieve) (again bool, err error) {
	err = s.Run(ctx, func(b *format.Batch, calls []Call) error {
		if kept := sift(b, s.Choose(calls)); len(kept) > 0 {
			return o.add(kept)
		}
		return nil
	})
	if err != nil || o.stopped {
		return false, err
	}
	if again, err = o.ended(); err == ErrStop {
		return false, nil
	}
	return again, err
}

// again returns a session for another pass over what s has read, with the same
// result. It warns of nothing: s did. Only its reader is its own.
func (s *Session) again() (*Session, error) {
	a := &Session{Filter: s.Filter, meta: s.meta, closing: s.closing, workers: s.workers, symbols: s.symbols, late: s.late,
		files: s.files, most: s.read, told: true, warn: func(error) {}}
	if a.closing == nil {
		a.closing = s.meta
	}
	var err error
	a.reader, err = s.reopen()
	return a, err
}

// upTo cuts b off where the pass has to end, and returns io.EOF there.
func (s *Session) upTo(b *format.Batch) error {
	if s.most == 0 {
		s.read += int64(b.N)
		return nil
	}
	if s.read == s.most {
		return io.EOF
	}
	if left := s.most - s.read; int64(b.N) > left {
		b.Truncate(int(left))
	}
	s.read += int64(b.N)
	return nil
}

// startKey is where a call stands in the order of starts. No two calls share one:
// every row belongs to one call.
type startKey struct{ ns, seq int64 }

var (
	firstKey = startKey{math.MinInt64, math.MinInt64}
	lastKey  = startKey{math.MaxInt64, math.MaxInt64}
)

func keyOf(c *Call) startKey {
	if c.EnterSeq < 0 {
		return startKey{c.StartNS, c.ExitSeq}
	}
	return startKey{c.StartNS, c.EnterSeq}
}

func (k startKey) compare(o startKey) int {
	if k.ns != o.ns {
		return cmp.Compare(k.ns, o.ns)
	}
	return cmp.Compare(k.seq, o.seq)
}

func (k startKey) before(o startKey) bool { return k.compare(o) < 0 }

// startOrder puts the calls of passes in the order of their starts. What is late
// is the same in every pass, since every pass holds and lets go the same calls.
type startOrder struct {
	most, mostBytes int
	fn              func([]Call) error

	held   []Call    // nothing while only what is late is looked for
	free   []int32   // places in held
	keys   []heldKey // of what is held, in order
	far    []heldKey // of what is held, in no order: those whose place among keys is far from the end
	merged []heldKey // memory for release
	bytes  int       // of the texts of what is held
	passed startKey  // the last that was let go in this pass

	from, to startKey // this pass gives the calls from…to; the first gives none
	known    []Call   // the late ones among them that are still to be given, in order
	late     lateCalls
	passes   int
	given    []Call
	stopped  bool // fn has seen enough
}

type heldKey struct {
	startKey
	at    int32 // in held
	bytes int32 // of the call's texts
}

// nearEnd is how far a call is moved to its place among others. Most
// ended soon after those that started soon after them.
const nearEnd = 32

func (o *startOrder) add(calls []Call) error {
	for i := range calls {
		c := &calls[i]
		k := heldKey{startKey: keyOf(c), bytes: int32(min(textBytes(c), math.MaxInt32))}
		if k.before(o.passed) {
			if !k.before(o.to) {
				o.late.add(k.startKey, c)
			}
			continue
		}
		if !o.searching() {
			if n := len(o.free); n > 0 {
				k.at, o.free = o.free[n-1], o.free[:n-1]
				o.held[k.at] = *c
			} else {
				k.at = int32(len(o.held))
				o.held = append(o.held, *c)
			}
		}
		o.place(k)
		o.bytes += int(k.bytes)
		if n := len(o.keys) + len(o.far); n >= o.most || o.bytes >= o.mostBytes {
			if err := o.release((n + 1) / 2); err != nil {
				return err
			}
		}
	}
	return nil
}

// searching reports whether this is a pass that gives nothing: the first, once
// it is known that there will be another.
func (o *startOrder) searching() bool { return o.passes == 0 && o.passed != firstKey }

// place puts k into keys, or into far.
func (o *startOrder) place(k heldKey) {
	n := len(o.keys)
	if n > nearEnd && k.before(o.keys[n-nearEnd].startKey) {
		o.far = append(o.far, k)
		return
	}
	at := n
	for at > 0 && k.before(o.keys[at-1].startKey) {
		at--
	}
	o.keys = append(o.keys, k)
	if at < n {
		copy(o.keys[at+1:], o.keys[at:n])
		o.keys[at] = k
	}
}

// release lets the first n calls go.
func (o *startOrder) release(n int) error {
	o.sort()
	if o.to == firstKey {
		o.held, o.free = nil, nil
	}
	for _, k := range o.keys[:n] {
		o.bytes -= int(k.bytes)
		if o.to == firstKey {
			continue
		}
		c := &o.held[k.at]
		if !k.before(o.from) && k.before(o.to) {
			if err := o.giveKnown(k.startKey); err != nil {
				return err
			}
			if err := o.give(c); err != nil {
				return err
			}
		}
		c.Detail, c.Told, c.Files = "", "", nil
		o.free = append(o.free, k.at)
	}
	if n > 0 {
		o.passed = o.keys[n-1].startKey
	}
	o.keys = o.keys[:copy(o.keys, o.keys[n:])]
	return nil
}

// sort puts far among keys.
func (o *startOrder) sort() {
	if len(o.far) == 0 {
		return
	}
	slices.SortFunc(o.far, func(a, b heldKey) int { return a.compare(b.startKey) })
	merged, far := o.merged[:0], o.far
	for _, k := range o.keys {
		for len(far) > 0 && far[0].before(k.startKey) {
			merged, far = append(merged, far[0]), far[1:]
		}
		merged = append(merged, k)
	}
	o.keys, o.merged, o.far = append(merged, far...), o.keys, o.far[:0]
}

// giveKnown gives the late calls before k.
func (o *startOrder) giveKnown(k startKey) error {
	for len(o.known) > 0 && keyOf(&o.known[0]).before(k) {
		if err := o.give(&o.known[0]); err != nil {
			return err
		}
		o.known = o.known[1:]
	}
	return nil
}

// givenAtOnce is how many calls fn gets at most.
const givenAtOnce = 4096

func (o *startOrder) give(c *Call) error {
	o.given = append(o.given, *c)
	if len(o.given) < givenAtOnce {
		return nil
	}
	return o.flush()
}

func (o *startOrder) flush() error {
	if len(o.given) == 0 {
		return nil
	}
	err := o.fn(o.given)
	o.given = o.given[:0]
	o.stopped = err == ErrStop
	return err
}

// ended is told that a pass has ended. It prepares the next and returns true
// if there must be one.
func (o *startOrder) ended() (again bool, err error) {
	o.passes++
	if o.passes == 1 && o.passed == firstKey {
		o.to = lastKey // nothing was let go, so nothing is late
	}
	if err := o.release(len(o.keys) + len(o.far)); err != nil {
		return false, err
	}
	if err := o.giveKnown(o.to); err != nil {
		return false, err
	}
	if err := o.flush(); err != nil {
		return false, err
	}
	if o.to == lastKey {
		return false, nil
	}
	o.passed, o.from = firstKey, o.to
	o.known, o.to = o.late.take()
	return true, nil
}

// lateCalls are the first of the late calls that a later pass will give.
type lateCalls struct {
	most, mostBytes int
	calls           []Call
	bytes           int
	limit           startKey // calls from here on did not fit
}

func (l *lateCalls) add(k startKey, c *Call) {
	if !k.before(l.limit) {
		return
	}
	l.calls = append(l.calls, *c)
	if l.bytes += textBytes(c); len(l.calls) > l.most || l.bytes > l.mostBytes && len(l.calls) > 1 {
		l.sort()
		keep := (len(l.calls) + 1) / 2
		l.limit = keyOf(&l.calls[keep])
		clear(l.calls[keep:])
		l.calls, l.bytes = l.calls[:keep], 0
		for i := range l.calls {
			l.bytes += textBytes(&l.calls[i])
		}
	}
}

func (l *lateCalls) sort() {
	slices.SortFunc(l.calls, func(a, b Call) int { return keyOf(&a).compare(keyOf(&b)) })
}

// take returns the calls in order, and the first key that did not fit, and
// forgets both.
func (l *lateCalls) take() ([]Call, startKey) {
	l.sort()
	calls, limit := l.calls, l.limit
	l.calls, l.bytes, l.limit = nil, 0, lastKey
	return calls, limit
}

// textBytes returns about how much memory a call holds beside itself.
func textBytes(c *Call) int {
	n := len(c.Detail) + len(c.Told)
	if f := c.Files; f != nil {
		n += int(unsafe.Sizeof(*f)) + len(f.Paths[0]) + len(f.Paths[1])
	}
	return n
}
