package capture

import (
	"time"

	"systape/bpf"
)

// probeCost measures what the programs in the kernel take. The kernel counts
// that only while it is told to, for all programs of the machine, and counting
// costs them some ten nanoseconds: so it is told for a moment now and then.
type probeCost struct {
	counting *bpf.RunTimeCounting
	until    time.Time // of the moment
	next     time.Time // moment
	began    time.Time
	before   time.Duration // run time before the moment
	refused  bool

	share float64 // s of CPU a second, in the latest moment
}

const (
	probeFirst  = 300 * time.Millisecond
	probeEvery  = 10 * time.Second
	probeMoment = 50 * time.Millisecond
)

// look begins and ends the moments.
func (p *probeCost) look(k *bpf.Kernel, now time.Time) {
	switch {
	case p.refused:
	case p.next.IsZero():
		p.next = now.Add(probeFirst)
	case p.counting != nil && now.After(p.until):
		total, _ := k.RunTime()
		p.share = (total - p.before).Seconds() / now.Sub(p.began).Seconds()
		p.end()
	case p.counting == nil && now.After(p.next):
		counting, err := bpf.CountRunTime()
		if err != nil { // a right is missing, or the kernel is older than 5.8
			p.refused = true
			return
		}
		p.counting, p.began, p.until, p.next = counting, now, now.Add(probeMoment), now.Add(probeEvery)
		p.before, _ = k.RunTime()
	}
}

func (p *probeCost) end() {
	if p.counting != nil {
		p.counting.Close()
		p.counting = nil
	}
}
