package capture

import (
	"systape/bpf"
	"systape/format"
)

// handOver gives a full batch to the spooler and takes an empty one.
func (r *Recording) handOver(b *format.Batch) (*format.Batch, error) {
	r.full <- b
	next := <-r.free
	if next == nil {
		return nil, errSpool
	}
	return next, nil
}

// writeSpool is the spooler. After an error it lets go of what comes.
func (r *Recording) writeSpool() {
	var failed error
	for b := range r.full {
		if failed == nil {
			if failed = r.spool.Write(b); failed == nil {
				failed = r.out.Flush()
			}
		}
		if failed != nil {
			r.free <- nil
			continue
		}
		r.free <- b
	}
	r.spooled <- failed
}

func (r *Recording) counts() *format.Counts {
	c := &format.Counts{}
	for i := range r.merger.sources {
		s := &r.merger.sources[i]
		seen, lost := &s.Control.Seen, &s.Control.Lost
		c.PerCPU = append(c.PerCPU, format.CPUCounts{
			CPU:    s.CPU,
			Enters: int64(seen[bpf.ClassEnter]), Exits: int64(seen[bpf.ClassExit]), Lifecycle: int64(seen[bpf.ClassLifecycle]),
			LostEnters: int64(lost[bpf.ClassEnter]), LostExits: int64(lost[bpf.ClassExit]), LostLifecycle: int64(lost[bpf.ClassLifecycle]),
		})
	}
	return c
}
