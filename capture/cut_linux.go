package capture

// A cut is an instant up to which every row is written, those of exact numbers
// among them, before any later one is: what ends there and what begins there
// are whole.

// beginCut asks for a cut. Where calls are counted it is now, and done when cutAt
// says so, some milliseconds later; elsewhere at what has been written, and done.
func (r *Recording) beginCut() error {
	if r.cutting() {
		return nil
	}
	if r.counting == nil && r.looks.before == nil && r.merger.mark != 0 {
		r.merger.limit = r.merger.mark
		return nil
	}
	r.merger.limit = r.clock()
	err := r.lookAtCounts(r.merger.limit)
	r.beginCounts(r.merger.limit)
	return err
}

// cutting reports whether a cut has been asked for and is not done.
func (r *Recording) cutting() bool { return r.merger.limit != 0 }

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
