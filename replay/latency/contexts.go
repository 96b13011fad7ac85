package latency

import (
	"iter"
	"slices"
)

// context is what is remembered of one thread.
type context struct {
	before []Neighbor
	wanted []*SlowCall // that have not got all of their After yet
}

// maxContexts bounds the threads that are remembered at a time. Where more are
// alive, those that called something last keep what they called before.
const maxContexts = 1 << 15

// contexts are those of the threads that called something last: a thread is
// young, and once so many others are, old; whatever is old then is forgotten,
// but for who waits for neighbours.
type contexts struct {
	young, old map[int32]*context
}

func newContexts() contexts {
	return contexts{young: map[int32]*context{}, old: map[int32]*context{}}
}

// of returns what is known of a thread, and makes it known. wanted says whether a
// call still asks for neighbours.
func (c *contexts) of(tid int32, wanted func(*SlowCall) bool) *context {
	if t := c.young[tid]; t != nil {
		return t
	}
	if len(c.young) >= maxContexts/2 {
		c.age(wanted)
	}
	t := c.old[tid]
	if t == nil {
		t = new(context)
	}
	delete(c.old, tid)
	c.young[tid] = t
	return t
}

func (c *contexts) age(wanted func(*SlowCall) bool) {
	next := map[int32]*context{}
	for tid, t := range c.old {
		if slices.ContainsFunc(t.wanted, wanted) {
			next[tid] = t
		}
	}
	c.young, c.old = next, c.young
}

func (c *contexts) remove(tid int32) {
	delete(c.young, tid)
	delete(c.old, tid)
}

func (c *contexts) all() iter.Seq[*context] {
	return func(yield func(*context) bool) {
		for _, m := range []map[int32]*context{c.young, c.old} {
			for _, t := range m {
				if !yield(t) {
					return
				}
			}
		}
	}
}
