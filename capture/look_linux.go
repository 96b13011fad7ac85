package capture

import "time"

// looks are those at what is open where rows go on in another part or stretch,
// which is to be read alone: one before the cut and one after it. What both saw
// was there at the cut.
type looks struct {
	before []openFile // nil: there was no look
	next   time.Time  // not before
}

const (
	lookAtMost = 10 * time.Millisecond // nothing is read from the buffers meanwhile
	lookShare  = 100                   // of a flight recorder's time, one part of so many
)

// lookBefore looks before a cut. A flight recorder cuts once a second, and looks
// as often as it can afford; must asks for it in any case.
func (r *Recording) lookBefore(must bool) {
	r.looks.before = nil
	if began := time.Now(); must || began.After(r.looks.next) {
		r.looks.before = r.look(began)
	}
}

// lookAfter has rows written of what was open at a cut.
func (r *Recording) lookAfter(at uint64) {
	before := r.looks.before
	r.looks.before = nil
	if len(before) == 0 {
		return
	}
	began := time.Now()
	r.tellOpen(at, r.proc.stillOpen(before, r.look(began)))
	r.looks.next = began.Add(2 * lookShare * time.Since(began))
}

// look returns what is open in the processes that are recorded, as far as it is
// known which these are.
func (r *Recording) look(began time.Time) []openFile {
	if r.opt.Paths != AllPaths || r.opt.held() || r.kernel.InPIDNamespace() {
		return nil
	}
	var pids []int32
	if r.opt.All {
		pids = r.proc.processes()
	} else {
		for _, pid := range r.kernel.Targets() {
			pids = append(pids, int32(pid))
		}
	}
	return r.proc.allOpen(pids, began.Add(lookAtMost))
}
