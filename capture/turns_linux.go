package capture

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// urgent gives this goroutine a thread of its own that gets the CPU before
// others do, as far as rights allow, until release is called. A recorder that
// waits for its turn on a full machine loses events; its share is small.
func urgent(nice int) (release func()) {
	runtime.LockOSThread()
	unix.Setpriority(unix.PRIO_PROCESS, 0, nice) // of this thread; refused without rights, which does no harm
	return func() {
		unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
		runtime.UnlockOSThread()
	}
}

// Background is work that is to take CPUs only as long as nobody else wants
// them. Begin binds it to a thread; all other methods are for that goroutine.
type Background struct {
	schedstat   *os.File
	ran, waited int64 // ns, of the thread
	pause       time.Duration
}

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = time.Second
)

// Begin locks the goroutine to its thread, whose turns are watched from now on.
func (b *Background) Begin() {
	runtime.LockOSThread()
	b.schedstat, _ = os.Open(fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid()))
	b.times()
}

// End undoes Begin.
func (b *Background) End() {
	if b.schedstat != nil {
		b.schedstat.Close()
	}
	runtime.UnlockOSThread()
}

// times returns how long the thread has run, and been ready without a CPU,
// since the last call (Documentation/scheduler/sched-stats.rst).
func (b *Background) times() (ran, waited int64) {
	if b.schedstat == nil {
		return 0, 0
	}
	var text [128]byte
	n, _ := b.schedstat.ReadAt(text[:], 0)
	var r, w int64
	if _, err := fmt.Sscan(string(text[:n]), &r, &w); err != nil {
		return 0, 0
	}
	ran, waited = r-b.ran, w-b.waited
	b.ran, b.waited = r, w
	return ran, waited
}

// Pause returns for how long to leave the CPUs to others after a piece of work:
// 0 while nobody wants them. A thread that shares its CPU with another of its
// kind waits as long as it runs; one that only the recorder interrupts, less.
func (b *Background) Pause() time.Duration {
	ran, waited := b.times()
	if waited*10 < ran*6 {
		b.pause = 0
		return 0
	}
	b.pause = min(max(2*b.pause, shortestPause), longestPause)
	return b.pause
}
