package capture

import (
	"systape/bpf"
	"systape/format"
)

// writeSpool writes a batch to the spool. It does not wait for the disk as long
// as there is room for what is to be written.
func (r *Recording) writeSpool(b *format.CodedBatch) error {
	if err := r.spool.WriteCoded(b); err != nil {
		return err
	}
	return r.out.Flush()
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
