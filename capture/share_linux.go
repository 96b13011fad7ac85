package capture

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"systape/bpf"
	"systape/format"
)

// sampling sets what share of the calls is recorded. Where the user gave a rate
// or a budget, it follows the load: it falls at once to what the bound allows,
// and rises again by steps, so that a load that comes and goes does not make it swing.
type sampling struct {
	asked bpf.Share // never more than this
	share bpf.Share
	why   format.ShareReason

	looked time.Time
	calls  int64         // recorded, as of that look
	spent  time.Duration // by the recorder, likewise
}

const (
	shareEvery = 250 * time.Millisecond
	shareRise  = 1.25               // per look
	shareLeast = bpf.Share(1 << 12) // one call in a million

	// What recording takes has a part that no share lessens: every call is seen,
	// and the recorder lives. So a budget that is exceeded nevertheless does not
	// cost the last call: a tenth of it is for calls, at what one of them takes at most.
	budgetForCalls = 0.1
	callTakes      = time.Microsecond
	callsForMemory = 1000 // a second, which take none to speak of
)

func newSampling(o *Options) *sampling {
	s := &sampling{asked: bpf.ShareAll, looked: time.Now(), spent: processTime()}
	if o.Sample > 1 {
		s.asked = bpf.ShareAll / bpf.Share(o.Sample)
	}
	s.share = s.asked
	return s
}

// beginSampling sets the first share, before any call is recorded.
func (r *Recording) beginSampling() error {
	if !r.meta.Request.Sampled() {
		return nil
	}
	r.sampling = newSampling(&r.opt)
	return r.setShare(r.sampling.share, format.ShareAsked)
}

func (r *Recording) setShare(share bpf.Share, why format.ShareReason) error {
	first := r.clock()
	if err := r.kernel.SetShare(share); err != nil {
		return err
	}
	last := r.clock()
	r.sampling.share, r.sampling.why = share, why
	r.drawn.Store(int64(share))
	r.merger.notice(notice{first: first, last: last, cpu: -1, kind: format.Mark, mark: format.ShareSet, share: int64(share), why: why})
	return nil
}

// adapt looks at what recording takes, and sets the share by it.
func (r *Recording) adapt(now time.Time) error {
	s := r.sampling
	if s == nil || r.opt.MaxRate == 0 && r.opt.Budget == 0 && r.opt.MaxMemory == 0 {
		return nil
	}
	elapsed := now.Sub(s.looked)
	if elapsed < shareEvery {
		return nil
	}
	calls, spent := r.kernel.Seen(), processTime()
	madeCalls := calls - s.calls
	took := spent - s.spent
	s.looked, s.calls, s.spent = now, calls, spent
	rate := float64(madeCalls) / elapsed.Seconds()
	load, why, worth := 0.0, format.ShareRate, 0.0 // of what is allowed
	if r.opt.MaxRate > 0 {
		load = rate / float64(r.opt.MaxRate)
	}
	if r.opt.Budget > 0 {
		allowed := r.opt.Budget * float64(runtime.NumCPU()) // s of CPU a second
		part := took.Seconds()/elapsed.Seconds() + r.probes.share
		if l := part / allowed; l > load {
			load, why, worth = l, format.ShareBudget, budgetForCalls*allowed/callTakes.Seconds()
		}
	}
	if r.opt.MaxMemory > 0 {
		if l := float64(residentBytes()) / float64(r.opt.MaxMemory); l > 1 && l > load {
			load, why, worth = l, format.ShareBudget, callsForMemory
		}
	}
	if share, why := s.next(load, why, rate, worth); share != s.share {
		return r.setShare(share, why)
	}
	return nil
}

// next returns the share that follows from a load, of which 1 is what is allowed.
// Recorded are rate calls a second, and so many as worth whatever the load.
func (s *sampling) next(load float64, why format.ShareReason, rate, worth float64) (bpf.Share, format.ShareReason) {
	const high, low = 1.05, 0.8 // between them the share stays
	switch {
	case load > high && rate > worth:
		fall := max(1/load, worth/rate)
		return max(min(bpf.Share(float64(s.share)*fall), s.asked), shareLeast), why
	case load < low && s.share < s.asked:
		rise := shareRise
		if load > 0 {
			rise = min(rise, 0.95/load)
		}
		return min(bpf.Share(float64(s.share)*rise)+1, s.asked), format.ShareRoom
	}
	return s.share, s.why
}

func processTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// residentBytes is the memory that this process takes, mapped kernel buffers included.
func residentBytes() int64 {
	var size, resident int64
	text, _ := os.ReadFile("/proc/self/statm")
	fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize())
}
