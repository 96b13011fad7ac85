package capture_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also what the tests record:
//
//	SYSTAPE_LOAD=cpu,milliseconds            calls getppid on that CPU for so long
//	SYSTAPE_COUNT=cpu,milliseconds           likewise lseek, with numbers that come back
//	SYSTAPE_BURSTS=cpu,milliseconds          likewise, in turns that leave the recorder none
//	SYSTAPE_WAKE=1                           sleeps a thousand times for 300 µs
//	SYSTAPE_TRUTH=processes,threads,calls    makes calls that can be counted
//	SYSTAPE_EXEC_THREAD=1                    runs /bin/true from another thread than the first
func TestMain(m *testing.M) {
	if spec := os.Getenv("SYSTAPE_LOAD"); spec != "" {
		var cpu, ms int
		fmt.Sscanf(spec, "%d,%d", &cpu, &ms)
		load(cpu, time.Duration(ms)*time.Millisecond)
		return
	}
	if spec := os.Getenv("SYSTAPE_COUNT"); spec != "" {
		var cpu, ms int
		fmt.Sscanf(spec, "%d,%d", &cpu, &ms)
		count(cpu, time.Duration(ms)*time.Millisecond)
		return
	}
	if spec := os.Getenv("SYSTAPE_BURSTS"); spec != "" {
		var cpu, ms int
		fmt.Sscanf(spec, "%d,%d", &cpu, &ms)
		bursts(cpu, time.Duration(ms)*time.Millisecond)
		return
	}
	if os.Getenv("SYSTAPE_WAKE") != "" {
		for range 1000 {
			time.Sleep(300 * time.Microsecond)
		}
		return
	}
	if spec := os.Getenv("SYSTAPE_TRUTH"); spec != "" {
		var processes, threads, calls int
		fmt.Sscanf(spec, "%d,%d,%d", &processes, &threads, &calls)
		tellTruth(processes, threads, calls)
		return
	}
	if os.Getenv("SYSTAPE_EXEC_THREAD") != "" {
		execFromThread()
	}
	os.Exit(m.Run())
}

// load prints nanoseconds per call, and how many calls there were.
func load(cpu int, d time.Duration) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	unix.SchedSetaffinity(0, &set)
	n, began := 0, time.Now()
	used := threadTime()
	for time.Since(began) < d {
		for range 10000 {
			unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		n += 10000
	}
	fmt.Printf("%f %d\n", float64(threadTime()-used)/float64(n), n)
}

// count seeks to 0, 1, 2, … in a file: each call returns what it was given.
func count(cpu int, d time.Duration) {
	seek := counter(cpu)
	for began := time.Now(); time.Since(began) < d; {
		for range 10000 {
			seek()
		}
	}
}

// bursts counts for four milliseconds in every twenty of the clock, before all
// who have no real-time priority: when each CPU has one of these, nobody
// empties a buffer meanwhile.
func bursts(cpu int, d time.Duration) {
	seek := counter(cpu)
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 10}, 0); err != nil {
		panic(fmt.Sprintf("real-time priority for the load: %v", err))
	}
	const burst, period = 4 * time.Millisecond, 20 * time.Millisecond
	for began := time.Now(); time.Since(began) < d; {
		now := time.Now()
		time.Sleep(now.Truncate(period).Add(period).Sub(now))
		for end := time.Now().Truncate(period).Add(burst); time.Now().Before(end); {
			for range 10 {
				seek()
			}
		}
	}
}

// counter goes to a CPU, and returns what makes the next call of a count.
func counter(cpu int) (seek func()) {
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(cpu)
	unix.SchedSetaffinity(0, &set)
	fd, err := unix.MemfdCreate("count", 0)
	if err != nil {
		panic(err)
	}
	n := uintptr(0)
	return func() {
		unix.RawSyscall(unix.SYS_LSEEK, uintptr(fd), n, unix.SEEK_SET)
		n++
	}
}

// threadTime is the CPU time of the calling thread: what others take from
// the CPU meanwhile, the recorder among them, is not in it.
func threadTime() int64 {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return t.Nano()
}

// truthFD is the bad descriptor by which the calls of one thread are known.
func truthFD(process, thread int) int64 { return -(1000 + 100*int64(process) + int64(thread)) }

// tellTruth makes each thread of each process call lseek(truthFD, i, 7) for i
// from 0 on, all of which fail with EBADF.
func tellTruth(processes, threads, calls int) {
	var wait sync.WaitGroup
	for p := 1; p < processes; p++ {
		if os.Getenv("SYSTAPE_TRUTH_CHILD") != "" {
			break
		}
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("SYSTAPE_TRUTH_CHILD=%d", p))
		wait.Go(func() {
			if err := c.Run(); err != nil {
				panic(err)
			}
		})
	}
	var process int
	fmt.Sscan(os.Getenv("SYSTAPE_TRUTH_CHILD"), &process)
	for thread := range threads {
		wait.Go(func() {
			runtime.LockOSThread()
			fd := truthFD(process, thread)
			for i := range calls {
				unix.RawSyscall(unix.SYS_LSEEK, uintptr(fd), uintptr(i), 7)
			}
		})
	}
	wait.Wait()
}

func execFromThread() {
	runtime.LockOSThread() // main begins on the first thread
	go func() {
		runtime.LockOSThread()
		panic(unix.Exec("/bin/true", []string{"true"}, nil))
	}()
	select {}
}
