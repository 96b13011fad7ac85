package importer

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
)

// perfScript reads what perf script prints of the tracepoints
// raw_syscalls:sys_enter and sys_exit, of syscalls:sys_enter_* and
// sys_exit_*, and of sched:sched_process_fork, exec and exit:
//
//	comm tid [cpu] seconds: raw_syscalls:sys_enter: NR 59 (a0, a1, …)
//	comm pid/tid [cpu] seconds:  raw_syscalls:sys_exit: NR 59 = 0
//
// Stacks (perf script -g) and other events are left out. The lines are in the
// order of time. The numbers mean calls of the machine
// that recorded, which the text does not name.
type perfScript struct {
	*importer
	threads map[int32]*perfThread
	tells   bool // lines have process ids
	named   bool // lines have names of threads
}

type perfThread struct {
	*thread
	clone uint8 // an open clone: 1 of a process, 2 of a thread, 3 it is not known
}

func newPerfScript(im *importer) *perfScript {
	im.lack("container", "date")
	return &perfScript{importer: im, threads: map[int32]*perfThread{}}
}

func (p *perfScript) begin(*Source) {}

func (p *perfScript) stamp(b []byte) (int64, bool) {
	h, err := perfHead(b)
	return h.ts, err == nil
}

// perfLine is a line up to the event's name.
type perfLine struct {
	comm     []byte
	pid, tid int32
	cpu      int32
	haveCPU  bool
	ts       int64
	event    string
	rest     []byte
}

var perfSystems = [][]byte{[]byte(" raw_syscalls:sys_"), []byte(" syscalls:sys_"), []byte(" sched:sched_process_"), []byte(" PERF_RECORD_")}

var errPerfLine = errors.New("not of the form comm tid [cpu] seconds: event: fields")

// perfHead reads the line from the event's name to the left: a thread's name
// may hold anything, but no more than 15 bytes of it.
func perfHead(b []byte) (h perfLine, err error) {
	at := -1
	for _, s := range perfSystems {
		if i := bytes.Index(b, s); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return h, errPerfLine
	}
	name, rest, _ := bytes.Cut(b[at+1:], []byte(": "))
	if bytes.HasPrefix(name, []byte("PERF_RECORD_")) {
		name, rest, _ = bytes.Cut(name, []byte(" "))
	}
	name = bytes.TrimRight(name, ": ")
	h.event, h.rest = string(name), bytes.TrimSpace(rest)
	left := bytes.TrimRight(b[:at], " ")
	left, ok := bytes.CutSuffix(left, []byte(":"))
	if !ok {
		return h, errPerfLine
	}
	word := func() []byte {
		left = bytes.TrimRight(left, " ")
		i := bytes.LastIndexByte(left, ' ')
		w := left[i+1:]
		left = left[:i+1]
		return w
	}
	if h.ts, ok = parseSeconds(word()); !ok {
		return h, errPerfLine
	}
	w := word()
	if bytes.HasPrefix(w, []byte("[")) {
		n, err := strconv.ParseInt(string(bytes.Trim(w, "[]")), 10, 32)
		if err != nil {
			return h, errPerfLine
		}
		h.cpu, h.haveCPU = int32(n), true
		w = word()
	}
	if pid, tid, both := bytes.Cut(w, []byte("/")); both {
		if h.pid, _, ok = leadingID(pid); !ok {
			return h, errPerfLine
		}
		w = tid
	}
	var after []byte
	if h.tid, after, ok = leadingID(w); !ok || len(after) > 0 {
		return h, errPerfLine
	}
	h.comm = bytes.TrimSpace(left)
	return h, nil
}

func (p *perfScript) line(b []byte) error {
	if b[0] == '#' {
		return errIgnore
	}
	h, err := perfHead(b)
	if err != nil {
		if isPerfFrame(b) || perfEvent.Match(b) {
			return errIgnore
		}
		return err
	}
	if !h.haveCPU {
		p.lack("cpu")
	}
	t := p.thread(h.tid)
	t.comm, p.named = string(h.comm), p.named || len(h.comm) > 0
	if h.pid != 0 {
		t.pid, p.tells = h.pid, true
	} else if t.process() == 0 {
		p.out.guess(t.thread)
		p.lack("pid")
	}
	err = p.event(t, &h)
	p.out.advance(h.ts)
	return err
}

func (p *perfScript) thread(tid int32) *perfThread {
	t := p.threads[tid]
	if t == nil {
		t = &perfThread{thread: &thread{tid: tid}}
		p.threads[tid] = t
	}
	return t
}

func (p *perfScript) event(t *perfThread, h *perfLine) error {
	a := p.opt.ABI
	ev := format.Event{ABI: a, CPU: h.cpu, Comm: t.comm}
	switch {
	case h.event == "raw_syscalls:sys_enter", h.event == "raw_syscalls:sys_exit":
		nr, rest, ok := perfNR(h.rest)
		if !ok {
			return errors.New("no NR and number")
		}
		ev.Nr, ev.Syscall = nr, p.name(a, nr)
		if h.event == "raw_syscalls:sys_exit" {
			return p.exit(t, h, ev, rest)
		}
		return p.enter(t, h, ev, rest)
	case strings.HasPrefix(h.event, "syscalls:sys_enter_"):
		ev.Syscall = strings.TrimPrefix(h.event, "syscalls:sys_enter_")
		ev.Nr = p.number(a, ev.Syscall)
		return p.enterNamed(t, h, ev)
	case strings.HasPrefix(h.event, "syscalls:sys_exit_"):
		ev.Syscall = strings.TrimPrefix(h.event, "syscalls:sys_exit_")
		ev.Nr = p.number(a, ev.Syscall)
		return p.exit(t, h, ev, append([]byte("= "), h.rest...))
	case h.event == "sched:sched_process_fork":
		child, ok := perfField(h.rest, "child_pid=")
		if !ok {
			return errors.New("fork without child_pid")
		}
		return p.fork(t, h, ev, child)
	case h.event == "sched:sched_process_exec":
		old, ok := perfField(h.rest, "old_pid=")
		if !ok {
			old = t.tid
		}
		name, _, _ := bytes.Cut(bytes.TrimPrefix(h.rest, []byte("filename=")), []byte(" pid="))
		ev.Kind, ev.Detail, ev.Args[format.ExecOldTID] = format.Exec, string(name), int64(old)
		if old != t.tid {
			delete(p.threads, old)
		}
		p.out.add(h.ts, t.thread, ev)
		return nil
	case h.event == "sched:sched_process_exit":
		ev.Kind = format.ThreadEnd
		if bytes.Contains(h.rest, []byte("group_dead=true")) {
			ev.Args[format.EndGroup] = 1
		}
		p.out.add(h.ts, t.thread, ev)
		delete(p.threads, t.tid)
		return nil
	case h.event == "PERF_RECORD_LOST", h.event == "PERF_RECORD_LOST_SAMPLES":
		n, ok := perfField(h.rest, "lost ")
		if !ok || n < 1 {
			return errors.New("loss without a count")
		}
		p.lost(h, int64(n))
		return nil
	}
	return errIgnore
}

// lost writes down that perf lost events. It does not say which: they count
// as enters and exits in equal parts.
func (p *perfScript) lost(h *perfLine, n int64) {
	p.out.add(h.ts, nil, format.Event{Kind: format.Lost, CPU: h.cpu, Args: [6]int64{n, h.ts, h.ts, n - n/2, n / 2, int64(format.CauseRingFull)}})
}

func perfNR(b []byte) (nr int32, rest []byte, ok bool) {
	r, ok := bytes.CutPrefix(b, []byte("NR "))
	if !ok {
		return 0, nil, false
	}
	num, rest, _ := bytes.Cut(r, []byte(" "))
	n, err := strconv.ParseInt(string(num), 10, 64)
	if err != nil || n < -1<<31 || n > 1<<32-1 {
		return 0, nil, false
	}
	return int32(n), rest, true
}

func perfField(b []byte, key string) (int32, bool) {
	i := bytes.LastIndex(b, []byte(key))
	if i < 0 {
		return 0, false
	}
	n, _, ok := leadingID(b[i+len(key):])
	return n, ok
}

// enter reads "(0, 7ffd64e3420c, …)": hexadecimal without 0x.
func (p *perfScript) enter(t *perfThread, h *perfLine, ev format.Event, rest []byte) error {
	inner := bytes.TrimSuffix(bytes.TrimPrefix(rest, []byte("(")), []byte(")"))
	takes := abi.NumArgs(ev.ABI, ev.Nr)
	var args [6]int64
	for i, w := range bytes.Split(inner, []byte(",")) {
		v, err := strconv.ParseUint(string(bytes.TrimSpace(w)), 16, 64)
		if err != nil {
			return errors.New("argument is no hexadecimal number")
		}
		if i < takes && i < len(args) {
			args[i] = int64(v)
		}
	}
	p.args(&ev, args, "")
	p.entered(t, h, ev)
	return nil
}

// enterNamed reads "fd: 0x00000003, buf: 0x7ffd…, count: 0x00000200".
func (p *perfScript) enterNamed(t *perfThread, h *perfLine, ev format.Event) error {
	takes := min(abi.NumArgs(ev.ABI, ev.Nr), len(ev.Args))
	var args [6]int64
	var detail []byte
	words := bytes.Split(h.rest, []byte(", "))
	for i := range takes {
		ok := false
		if i < len(words) {
			_, value, _ := bytes.Cut(words[i], []byte(": "))
			args[i], ok = parseInteger(bytes.TrimSpace(value))
		}
		if !ok {
			detail = format.AppendUnknownArgument(detail, i)
		}
	}
	p.args(&ev, args, string(detail))
	p.entered(t, h, ev)
	return nil
}

func (p *perfScript) entered(t *perfThread, h *perfLine, ev format.Event) {
	ev.Kind = format.Enter
	t.clone = 0
	switch ev.Syscall {
	case "clone":
		t.clone = 1
		if ev.Args[0]&0x10000 != 0 { // CLONE_THREAD
			t.clone = 2
		}
	case "fork", "vfork":
		t.clone = 1
	case "clone3": // the flags are in the thread's memory
		t.clone = 3
	}
	p.out.add(h.ts, t.thread, ev)
}

func (p *perfScript) exit(t *perfThread, h *perfLine, ev format.Event, rest []byte) error {
	i := bytes.LastIndex(rest, []byte("= "))
	if i < 0 {
		return errors.New("exit without a result")
	}
	ret, ok := parseInteger(bytes.TrimSpace(rest[i+2:]))
	if !ok {
		return errors.New("result is no number")
	}
	ev.Kind, ev.Ret = format.Exit, ret
	if t.clone != 0 && ret > 0 && ret < 1<<31 && p.threads[int32(ret)] == nil {
		p.related(t, int32(ret))
	}
	t.clone = 0
	p.out.add(h.ts, t.thread, ev)
	return nil
}

// related notes what the flags of clone told about a child's process.
func (p *perfScript) related(t *perfThread, child int32) *perfThread {
	c := p.thread(child)
	switch {
	case c.process() != 0:
	case t.clone == 2:
		c.pid = t.process()
	case t.clone == 1:
		c.pid = child
	}
	return c
}

func (p *perfScript) fork(t *perfThread, h *perfLine, ev format.Event, child int32) error {
	delete(p.threads, child) // a new one, whoever had the id before
	c := p.related(t, child)
	if c.process() == 0 && !p.tells { // else the child's own lines will say
		p.out.guess(c.thread)
		p.lack("pid")
	}
	ev.Kind = format.Fork
	p.out.add(h.ts, t.thread, ev).child = c.thread
	return nil
}

// perfEvent is a line about another event: "comm 12 [000] 1.000001: sched:sched_switch: …",
// "1.000001:          1 cycles: …".
var perfEvent = regexp.MustCompile(`\s\d+\.\d{6,9}:\s+(\d+\s+)?[\w:/-]+:`)

// isPerfFrame tells a line of a stack: an address, and a symbol or a module in
// parentheses.
func isPerfFrame(b []byte) bool {
	t := bytes.TrimLeft(b, " \t")
	i := bytes.IndexByte(t, ' ')
	if len(t) == len(b) || i < 1 || t[len(t)-1] != ')' {
		return false
	}
	for _, c := range t[:i] {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' {
			continue
		}
		return false
	}
	return true
}

func (p *perfScript) finish() {
	if !p.named {
		p.lack("comm")
	}
}
