package capture

import (
	"systape/bpf"
	"systape/format"
)

// writeSpool writes a batch to the spool. It does not wait for the disk as long
// as there is room for what is to be written.
func (r *Recording) writeSpool(b *format.CodedBatch) error {
	began, waited := r.clock(), r.out.waited.Load()
	err := r.spool.WriteCoded(b)
	if err == nil {
		err = r.out.Flush()
	}
	if r.out.waited.Load() != waited {
		r.stall.extend(began, r.clock())
	}
	return err
}

// span is a stretch of time by the clock of the records.
type span struct{ first, last uint64 }

// extend makes the span reach to last; one that ended long ago begins anew.
func (s *span) extend(first, last uint64) {
	const together = 100e6 // ns
	if first > s.last+together {
		s.first = first
	}
	s.last = last
}

// waitedForDisk reports whether a gap that began at first did so while nothing
// was read from the buffers because the disk did not take what came before.
func (r *Recording) waitedForDisk(first, _ uint64) bool {
	return r.stall.first <= first && first <= r.stall.last
}

func (r *Recording) counts() *format.Counts {
	c := &format.Counts{Lost: new(r.merger.lost)}
	for i := range r.merger.sources {
		s := &r.merger.sources[i]
		seen, lost := &s.Control.Seen, s.Control.Lost
		for class := range lost {
			lost[class] += s.damaged[class]
		}
		c.PerCPU = append(c.PerCPU, format.CPUCounts{
			CPU:    s.CPU,
			Enters: int64(seen[bpf.ClassEnter]), Exits: int64(seen[bpf.ClassExit]), Lifecycle: int64(seen[bpf.ClassLifecycle]),
			LostEnters: int64(lost[bpf.ClassEnter]), LostExits: int64(lost[bpf.ClassExit]), LostLifecycle: int64(lost[bpf.ClassLifecycle]),
		})
	}
	return c
}
