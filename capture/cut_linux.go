package capture

// A cut is an instant up to which every row is written, those of exact numbers
// among them, before any later one is: what ends there and what begins there
// are whole.

// beginCut asks for a cut now. It is done when cutAt says so, some milliseconds later.
func (r *Recording) beginCut() error {
	if r.merger.limit != 0 {
		return nil
	}
	r.merger.limit = r.clock()
	return r.lookAtCounts(r.merger.limit)
}

// cutAt ends a cut that is done and returns its instant, by the clock of the records.
func (r *Recording) cutAt() (at uint64, done bool, err error) {
	at = r.merger.limit
	if at == 0 || r.merger.mark < at {
		return 0, false, nil
	}
	err = r.merger.flush()
	r.merger.limit, r.merger.lastTS = 0, max(r.merger.lastTS, r.captureTime(at)) // whatever is found out later stands behind
	return at, true, err
}
