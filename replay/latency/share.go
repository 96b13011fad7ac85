package latency

// Share returns an empty table of the same kind for one of n goroutines that
// count calls of a capture in any order, see [replay.EachShared].
func (t *Table) Share(n int) *Table {
	opt := t.opt
	opt.MaxBytes /= int64(2 * n)
	share := NewTable(opt)
	share.keyer.node = t.keyer.node
	return share
}

// Full reports whether a share has become too large for its result not to
// depend on the order of calls.
func (t *Table) Full() bool { return t.joined > 0 || t.more }

// Join adds what shares have counted to t, which must be empty. It returns false
// and leaves t empty when t might have joined groups on the way, so that its
// result would be another. Shares are of no use afterwards.
func (t *Table) Join(shares []*Table) bool {
	for _, s := range shares {
		if s.Full() {
			t.Reset()
			return false
		}
		t.Merge(s)
	}
	t.bytes = 0
	for _, g := range t.groups {
		t.bytes += g.mem() + keyMem
	}
	// Half of what it may have leaves room for the few bytes by which the memory
	// of a histogram depends on the order in which it was filled.
	if t.Full() || t.bytes > t.opt.MaxBytes/2 {
		t.Reset()
		return false
	}
	return true
}
