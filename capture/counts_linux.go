package capture

import (
	"time"

	"systape/bpf"
	"systape/format"
)

// counting turns what the kernel side has counted since the beginning into
// rows for each interval.
type counting struct {
	told   map[bpf.CountKey]bpf.Count
	ended  map[uint32]bool // processes of which nothing more can come
	looked uint64          // when, by the clock of the records
}

const countEvery = time.Second

func (r *Recording) beginCounting() {
	if r.meta.Request.Counted() {
		r.counting = &counting{told: map[bpf.CountKey]bpf.Count{}, ended: map[uint32]bool{}, looked: r.clock()}
		r.merger.processEnded = func(pid int32) { r.counting.ended[uint32(pid)] = true }
	}
}

// lookAtCounts has rows written, dated now, about the calls that returned since the
// look before.
func (r *Recording) lookAtCounts(now uint64) error {
	c := r.counting
	if c == nil {
		return nil
	}
	var gone []bpf.CountKey
	err := r.kernel.Counts(func(key bpf.CountKey, n bpf.Count) {
		before := c.told[key]
		if n == before {
			if c.ended[key.Tgid] {
				gone = append(gone, key)
			}
			return
		}
		c.told[key] = n
		r.merger.notice(notice{first: now, last: c.looked, cpu: -1, kind: format.Count, count: countRow{key, bpf.Count{
			Calls: n.Calls - before.Calls, Errors: n.Errors - before.Errors, Total: n.Total - before.Total,
		}}})
	})
	for _, key := range gone {
		r.kernel.ForgetCount(key)
		delete(c.told, key)
	}
	if len(c.ended) > 1<<16 {
		clear(c.ended) // the rest keeps its place
	}
	c.looked = r.clock()
	return err
}

// beginCounts has a row written that says from when on what follows is counted
// apart from what was before, so that a reader can begin behind a cut.
func (r *Recording) beginCounts(cut uint64) {
	if c := r.counting; c != nil {
		r.merger.notice(notice{first: c.looked, last: cut, cpu: -1, kind: format.Count, count: countRow{of: bpf.CountKey{Nr: -1}}})
	}
}

// lookAtFilters notes what the filters have refused.
func (r *Recording) lookAtFilters() error {
	n, err := r.kernel.Refused()
	if err != nil || n == (bpf.Refusals{}) {
		return err
	}
	r.refused.Store(&format.Filtered{
		Processes: int64(n.Process), Syscalls: int64(n.Call), UIDs: int64(n.User), Comms: int64(n.Comm), Cgroups: int64(n.Cgroup),
		Sample: int64(n.Sample), Outcome: int64(n.Outcome), Unfinished: int64(n.Half),
	})
	return nil
}
