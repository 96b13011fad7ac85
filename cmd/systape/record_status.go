package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"systape/capture"
	"systape/format"
	"systape/replay/escape"
	"systape/replay/units"
)

// statusLine shows how a recording stands, once a second, on a terminal.
type statusLine struct {
	quit, done chan struct{}
}

func startStatus(r *capture.Recording, stderr io.Writer, quiet bool) *statusLine {
	s := &statusLine{quit: make(chan struct{}), done: make(chan struct{})}
	// A command that shares the terminal has it to itself.
	if quiet || r.Done() != nil || !isTerminal(stderr) {
		close(s.done)
		return s
	}
	go func() {
		defer close(s.done)
		defer fmt.Fprint(stderr, "\r\x1b[K")
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		var last capture.Status
		for {
			select {
			case <-s.quit:
				return
			case <-tick.C:
				now := r.Status()
				rate := float64(now.Events-last.Events) / (now.Elapsed - last.Elapsed).Seconds()
				fmt.Fprintf(stderr, "\r\x1b[K%s  %s events  %s/s  %s lost  %s", now.Elapsed.Round(time.Second),
					units.Count(now.Events), units.Count(int64(rate)), units.Count(now.Lost), units.Bytes(now.Bytes))
				last = now
			}
		}
	}()
	return s
}

func (s *statusLine) stop() {
	close(s.quit)
	<-s.done
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// recordSummary says what was recorded and where it is.
func recordSummary(w io.Writer, meta *format.Meta, s capture.Status, out *recordOutput) {
	if out.apart != nil {
		flightSummary(w, s, out)
		return
	}
	where := out.path
	size := out.bytes
	if out.stream {
		where, size = "standard output", s.Bytes
		if out.file != os.Stdout {
			where = out.path
		}
	} else if size == 0 {
		where, size = out.spoolPath, s.Bytes
	}
	if out.parts != nil {
		where = out.parts.told()
	}
	perEvent := ""
	if s.Events > 0 {
		perEvent = fmt.Sprintf(", %.1f bytes each", float64(size)/float64(s.Events))
	}
	fmt.Fprintf(w, "systape: %s events in %s, %s lost, %s%s: %s\n", units.Count(s.Events), s.Elapsed.Round(10*time.Millisecond),
		units.Count(s.Lost), units.Bytes(size), perEvent, escape.Text(where))
	if s.Lost > 0 {
		io.WriteString(w, lossHint(s.LostBy, meta.Request.BufferSize))
	} else if made := meta.Counts.Total(); made.Enters+made.Exits == 0 {
		fmt.Fprintf(w, "hint: %s\n", nothingRecorded(&meta.Request, meta.Filtered, childrenOf(meta.Request.PIDs)))
	}
}

// lossHint is what would have prevented most of the losses; "" where nothing is
// known to. buffer is the size of a CPU's.
func lossHint(by [format.Causes]int64, buffer int64) string {
	full, stored := by[format.CauseRingFull], by[format.CauseDropped]
	switch {
	case full == 0 && stored == 0:
		return ""
	case stored > full:
		return "hint: the disk was full or slower than the events came, the kernel buffers would do: record to another disk with -o, or fewer calls with -e\n"
	}
	return fmt.Sprintf("hint: the kernel buffers were too small for the load: record with --buffer %s, or fewer calls with -e\n", units.BytesFlag(buffer*4))
}

// nothingRecorded says why a recording may have no events: which filter refused
// the last of the calls that there were. children are those that the recorded
// processes have.
func nothingRecorded(r *format.Request, f *format.Filtered, children []int32) string {
	if f == nil {
		f = &format.Filtered{}
	}
	calls := func(n int64) string { return units.Counted(n, "call") }
	switch {
	case f.Outcome > 0 && r.Failed && r.MinNS > 0:
		return "none of " + calls(f.Outcome) + " failed and lasted " + units.Duration(r.MinNS)
	case f.Outcome > 0 && r.Failed:
		return "none of " + calls(f.Outcome) + " failed"
	case f.Outcome > 0:
		return "none of " + calls(f.Outcome) + " lasted " + units.Duration(r.MinNS)
	case f.Sample > 0:
		return "none of " + calls(f.Sample) + " was drawn: record longer, or more of them"
	case f.Comms > 0:
		return calls(f.Comms) + " passed the other filters, none of a thread of that name; ps -eLo comm lists the names"
	case f.Cgroups > 0:
		return calls(f.Cgroups) + " passed the other filters, none of that cgroup or container"
	case f.UIDs > 0:
		return calls(f.UIDs) + " passed the other filters, none of that user"
	case f.Syscalls > 0:
		return calls(f.Syscalls) + " were made, none of those that -e chose"
	case len(children) > 0 && !r.Follow:
		list := strings.Trim(strings.ReplaceAll(fmt.Sprint(children), " ", ","), "[]")
		return "the process made no call itself; its children are recorded by -p " + list + ", and with -f all that descend from it"
	}
	return "no call was made: what waits inside one is seen when it returns; record longer"
}

// recordSurvivor says that the command runs on after its recording has ended,
// and what can be done about it.
func recordSurvivor(w io.Writer, pid int, args []string) {
	fmt.Fprintf(w, "systape: %s (process %d) runs on, no longer recorded\n", filepath.Base(args[0]), pid)
	fmt.Fprintf(w, "hint: kill %d ends it; systape record -p %d -f records it again\n", pid, pid)
}

// recordDescendants says which processes run on that the command started.
func recordDescendants(w io.Writer, left []int32) {
	if len(left) == 0 {
		return
	}
	const named = 8
	list, more := left, ""
	if len(left) > named {
		list, more = left[:named], " and others"
	}
	pids := strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
	verb := map[bool]string{true: "runs", false: "run"}[len(left) == 1]
	if left[0] == 0 { // ids of another namespace
		fmt.Fprintf(w, "systape: %s that the command started %s on, no longer recorded\n", units.Counted(int64(len(left)), "process"), verb)
		return
	}
	fmt.Fprintf(w, "systape: %s that the command started %s on, no longer recorded: %s%s\n", units.Counted(int64(len(left)), "process"), verb, pids, more)
	fmt.Fprintf(w, "hint: --wait-all records until they end; systape record -f -p %s goes on\n", pids)
}

// childrenOf lists the children of processes (proc_tid_children(5)).
func childrenOf(pids []int32) (children []int32) {
	for _, pid := range pids {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, task := range tasks {
			list, _ := os.ReadFile(task)
			for word := range strings.FieldsSeq(string(list)) {
				if n, err := strconv.ParseInt(word, 10, 32); err == nil {
					children = append(children, int32(n))
				}
			}
		}
	}
	return children
}
