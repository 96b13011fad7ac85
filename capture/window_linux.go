package capture

import (
	"errors"
	"slices"
	"time"

	"systape/bpf"
	"systape/format"
)

// attach hangs the programs of tracepoints in. They record nothing yet.
func (r *Recording) attach(names []string) error {
	for _, name := range names {
		if err := r.kernel.Attach(name); err != nil {
			return err
		}
	}
	return nil
}

// begin has events of a class recorded, on all CPUs within microseconds. A
// probe's instant of attaching is one from which it certainly recorded.
func (r *Recording) begin(class bpf.Class, names []string, mark format.MarkOf) {
	first := r.clock()
	r.kernel.Open(class)
	last := r.clock()
	for _, name := range names {
		r.meta.Probes = append(r.meta.Probes, format.Probe{Name: name, AttachNS: r.captureTime(last)})
	}
	if mark != 0 {
		r.merger.notice(notice{first: first, last: last, cpu: -1, kind: format.Mark, mark: mark})
	}
}

// end is the inverse of begin. Programs that run at this moment still finish,
// so the last instant is not known before settle.
func (r *Recording) end(class bpf.Class, names []string, mark format.MarkOf) notice {
	first := r.clock()
	r.kernel.Shut(class)
	last := r.clock()
	for i := range r.meta.Probes {
		if slices.Contains(names, r.meta.Probes[i].Name) {
			r.meta.Probes[i].DetachNS = r.captureTime(first)
		}
	}
	return notice{first: first, last: last, cpu: -1, kind: format.Mark, mark: mark}
}

// stop ends recording: enters first, since an enter without its exit would be
// an open call. Detaching takes up to a fifth of a second, in which nothing is
// recorded any more.
func (r *Recording) stop() error {
	enters := r.end(bpf.ClassEnter, bpf.Enters, format.EntersStopped)
	time.Sleep(50 * time.Microsecond) // calls under way come back, most are shorter
	exits := r.end(bpf.ClassExit, bpf.Exits, format.ExitsStopped)
	lives := slices.Concat(bpf.Places, bpf.Lifecycle)
	r.end(bpf.ClassLifecycle, lives, 0)
	r.merger.limit = enters.first
	err := errors.Join(r.kernel.Detach(bpf.Enters...), r.kernel.Detach(bpf.Exits...), r.kernel.Detach(lives...))
	// A program may still run when its link is gone; an RCU grace period
	// later none does, and every record is finished.
	for range 10 {
		time.Sleep(2 * time.Millisecond)
		if r.merger.settled() {
			break
		}
	}
	enters.last = max(enters.last, r.merger.latest(bpf.ClassEnter))
	exits.last = max(exits.last, r.merger.latest(bpf.ClassExit))
	r.merger.notice(enters)
	r.merger.notice(exits)
	return err
}

// settled reports whether every record that has a place is finished.
func (m *merger) settled() bool {
	settled := true
	for i := range m.sources {
		m.sources[i].ahead(func(r *bpf.Record) bool {
			settled = settled && r != nil
			return settled
		})
	}
	return settled
}

// latest returns the time of the youngest record of a class that has not
// become a row, 0 when there is none.
func (m *merger) latest(class bpf.Class) (ts uint64) {
	for i := range m.sources {
		m.sources[i].ahead(func(r *bpf.Record) bool {
			if r != nil {
				var tells [bpf.Classes]uint64
				if countEvents(bpf.KindOf(r.Tag), &tells); tells[class] > 0 {
					ts = max(ts, r.Ts)
				}
			}
			return r != nil
		})
	}
	return ts
}
