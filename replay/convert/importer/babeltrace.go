package importer

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// babeltrace reads the text that babeltrace and babeltrace2 print of a kernel
// trace of LTTng:
//
//	[17:02:57.265276947] (+0.000960778) host syscall_entry_openat: { cpu_id = 22 }, { tid = 7, procname = "web" }, { dfd = -100, filename = "/x", flags = ( "O_RDONLY" : container = 0 ) }
//	[17:02:57.265284413] (+0.000007466) host syscall_exit_openat: { cpu_id = 22 }, { tid = 7, procname = "web" }, { ret = 3 }
//
// Before LTTng 2.6 the events are sys_openat and exit_syscall, without a name.
// Threads are known by the contexts pid, tid and procname (lttng add-context
// -k -t pid -t tid -t procname), and otherwise by the sched_switch events of
// their CPU. Arguments that the kernel fills in stand at the exit, so their
// addresses count as not known.
type babeltrace struct {
	*importer
	clock   clock
	threads map[int32]*lttngThread
	running map[int32]int32 // by CPU: the thread that sched_switch put there
	fields  []lttngField
	groups  [][]byte
}

type lttngThread struct {
	*thread
	open  lttngCall // the call that it is in
	known bool
}

type lttngCall struct {
	nr   int32
	name string
	abi  abi.ABI
}

type lttngField struct{ name, text []byte }

func newBabeltrace(im *importer) *babeltrace {
	im.lack("container")
	return &babeltrace{importer: im, clock: newClock(im.opt.Date), threads: map[int32]*lttngThread{}, running: map[int32]int32{}}
}

func (l *babeltrace) begin(*Source) {}

func (l *babeltrace) stamp(b []byte) (int64, bool) {
	word, _, ok := lttngStamp(lttngPlain(b))
	if !ok {
		return 0, false
	}
	ns, _, _, ok := lttngTime(word)
	return ns, ok
}

var (
	errNoThread = errors.New("no thread: record with lttng add-context --kernel --type=pid --type=tid --type=procname")
	discarded   = regexp.MustCompile(`discarded (\d+) events? between \[([^\]]+)\] and \[([^\]]+)\]`)
)

func (l *babeltrace) line(b []byte) error {
	b = lttngPlain(b)
	if m := discarded.FindSubmatch(b); m != nil {
		return l.lost(m)
	}
	h, err := readLTTngHead(b)
	if err != nil {
		return err
	}
	var whole bool
	l.groups, whole = splitGroups(l.groups[:0], h.rest)
	if !whole {
		return errLTTngCut
	}
	if l.nameless() {
		return errLTTngNames
	}
	if h.kind == epoch && h.ns < minEpoch*1e9 {
		l.lack("date")
	}
	cpu, ok := l.context("cpu_id")
	if !ok {
		l.lack("cpu")
	}
	ts := l.clock.at(h.ns, h.kind, h.grain)
	err = l.event(h.name, ts, int32(cpu))
	l.out.advance(ts)
	return err
}

// nameless reports whether there are values, and none of them has a name.
func (l *babeltrace) nameless() bool {
	some := false
	for _, g := range l.groups {
		if bytes.Contains(g, []byte(" = ")) {
			return false
		}
		some = some || len(g) > 0
	}
	return some
}

// context returns a number of what stands before an event's own fields, or of
// all that there is.
func (l *babeltrace) context(name string) (int64, bool) {
	for _, g := range l.groups[:max(len(l.groups)-1, 1)] {
		if v, ok := lttngNumber(lttngFields(l.fields[:0], g), name); ok {
			return v, true
		}
	}
	return 0, false
}

func (l *babeltrace) lost(m [][]byte) error {
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	first, kind1, _, ok1 := lttngTime(m[2])
	last, kind2, _, ok2 := lttngTime(m[3])
	if err != nil || n < 1 || !ok1 || !ok2 {
		return errors.New("loss without a count and two times")
	}
	first, last = l.clock.at(first, kind1, 1), l.clock.at(last, kind2, 1)
	l.out.add(last, nil, format.Event{Kind: format.Lost, Args: [6]int64{n, first, last, n - n/2, n / 2, int64(format.CauseRingFull)}})
	l.out.advance(last)
	return nil
}

func (l *babeltrace) event(name string, ts int64, cpu int32) error {
	payload := l.groups[len(l.groups)-1]
	if name == "sched_switch" {
		l.fields = lttngFields(l.fields[:0], payload)
		if next, ok := lttngNumber(l.fields, "next_tid"); ok {
			l.running[cpu] = int32(next)
			if comm := lttngText(l.fields, "next_comm"); comm != "" && next > 0 {
				l.thread(int32(next)).comm = comm
			}
		}
		return errIgnore
	}
	a, call, enter := l.opt.ABI, "", false
	plain, isCompat := strings.CutPrefix(name, "compat_")
	if isCompat {
		a = compat(a)
	}
	if n, ok := strings.CutPrefix(plain, "syscall_entry_"); ok {
		call, enter = n, true
	} else if n, ok := strings.CutPrefix(plain, "syscall_exit_"); ok {
		call = n
	} else if n, ok := strings.CutPrefix(plain, "sys_"); ok {
		call, enter = n, true
	} else if plain != "exit_syscall" && !strings.HasPrefix(name, "sched_process_") {
		return errIgnore
	}
	t, err := l.whose(cpu)
	if err != nil {
		return err
	}
	l.fields = lttngFields(l.fields[:0], payload)
	switch {
	case enter:
		l.enter(t, a, call, ts, cpu)
		return nil
	case call != "" || plain == "exit_syscall":
		return l.exit(t, a, call, ts, cpu)
	}
	return l.life(t, name, ts, cpu)
}

// whose returns the thread that an event is of: by its contexts, or by what
// runs on the CPU.
func (l *babeltrace) whose(cpu int32) (*lttngThread, error) {
	var pid, tid int64
	var haveTID, havePID bool
	comm := ""
	for _, g := range l.groups[:len(l.groups)-1] {
		f := lttngFields(l.fields[:0], g)
		for _, key := range []string{"tid", "vtid"} {
			if v, ok := lttngNumber(f, key); ok && !haveTID {
				tid, haveTID = v, true
			}
		}
		for _, key := range []string{"pid", "vpid"} {
			if v, ok := lttngNumber(f, key); ok && !havePID {
				pid, havePID = v, true
			}
		}
		if s := lttngText(f, "procname"); s != "" {
			comm = s
		}
	}
	if !haveTID {
		running, ok := l.running[cpu]
		if ok {
			tid = int64(running)
		}
		if !ok && !havePID {
			return nil, errNoThread
		} else if !ok {
			tid = pid
			l.lack("tid")
		}
	}
	if tid <= 0 || tid > 1<<31-1 {
		return nil, errNoThread
	}
	t := l.thread(int32(tid))
	if comm != "" {
		t.comm = comm
	}
	if t.comm == "" {
		l.lack("comm")
	}
	if havePID && pid > 0 && pid <= 1<<31-1 {
		t.pid = int32(pid)
	} else if t.process() == 0 {
		l.out.guess(t.thread)
		l.lack("pid")
	}
	return t, nil
}

func (l *babeltrace) thread(tid int32) *lttngThread {
	t := l.threads[tid]
	if t == nil {
		t = &lttngThread{thread: &thread{tid: tid}}
		l.threads[tid] = t
	}
	return t
}

func (l *babeltrace) enter(t *lttngThread, a abi.ABI, call string, ts int64, cpu int32) {
	ev := format.Event{Kind: format.Enter, ABI: a, CPU: cpu}
	ev.Nr, ev.Syscall = l.number2(a, call)
	var names []string
	var texts [][]byte
	for _, f := range l.fields {
		names, texts = append(names, string(f.name)), append(texts, f.text)
	}
	args, detail := decode.ParseNamed(a, ev.Nr, ev.Syscall, names, texts, false)
	l.args(&ev, args, detail)
	t.open, t.known = lttngCall{ev.Nr, ev.Syscall, a}, true
	l.out.add(ts, t.thread, ev)
}

// number2 finds the number and the table's name of a call. LTTng has a number
// for calls that it does not know.
func (l *babeltrace) number2(a abi.ABI, call string) (int32, string) {
	if call == "unknown" {
		if id, ok := lttngNumber(l.fields, "id"); ok && id >= -1 && id <= 1<<31-1 {
			return int32(id), l.name(a, int32(id))
		}
	}
	name := tableName(a, call)
	return l.number(a, name), name
}

func (l *babeltrace) exit(t *lttngThread, a abi.ABI, call string, ts int64, cpu int32) error {
	ev := format.Event{Kind: format.Exit, ABI: a, CPU: cpu}
	switch {
	case call != "":
		ev.Nr, ev.Syscall = l.number2(a, call)
		if t.open.name == "" && t.known {
			l.orphan(ts, cpu)
		}
	case t.open.name != "":
		ev.Nr, ev.Syscall, ev.ABI = t.open.nr, t.open.name, t.open.abi
	default:
		return errors.New("exit_syscall of a call that was not seen to begin")
	}
	ret, ok := lttngNumber(l.fields, "ret")
	if !ok {
		l.lack("ret")
		ev.Detail = format.UnknownResult
	}
	ev.Ret = ret
	t.open, t.known = lttngCall{}, true
	l.out.add(ts, t.thread, ev)
	return nil
}

// life reads sched_process_fork, exec and exit.
func (l *babeltrace) life(t *lttngThread, name string, ts int64, cpu int32) error {
	ev := format.Event{ABI: l.opt.ABI, CPU: cpu}
	number := func(key string) (int32, bool) {
		v, ok := lttngNumber(l.fields, key)
		return int32(v), ok && v > 0 && v <= 1<<31-1
	}
	switch name {
	case "sched_process_fork":
		child, ok := number("child_tid")
		if !ok {
			return errors.New("fork without child_tid")
		}
		delete(l.threads, child) // a new one, whoever had the id before
		c := l.thread(child)
		c.comm = lttngText(l.fields, "child_comm")
		if c.pid, ok = number("child_pid"); !ok {
			l.out.guess(c.thread)
			l.lack("pid")
		}
		ev.Kind = format.Fork
		l.out.add(ts, t.thread, ev).child = c.thread
	case "sched_process_exec":
		ev.Kind, ev.Detail = format.Exec, lttngText(l.fields, "filename")
		if old, ok := number("old_tid"); ok {
			ev.Args[format.ExecOldTID] = int64(old)
			if old != t.tid {
				delete(l.threads, old)
			}
		}
		l.out.add(ts, t.thread, ev)
	case "sched_process_exit":
		ev.Kind = format.ThreadEnd
		l.out.add(ts, t.thread, ev)
		delete(l.threads, t.tid)
	default:
		return errIgnore
	}
	return nil
}

// splitGroups cuts "{ … }, { … }" at the outermost braces and returns what is
// inside each, and whether the last of them is closed.
func splitGroups(dst [][]byte, b []byte) ([][]byte, bool) {
	depth, start := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{':
			if depth++; depth == 1 {
				start = i + 1
			}
		case '}':
			if depth--; depth == 0 {
				dst = append(dst, bytes.TrimSpace(b[start:i]))
			}
		}
	}
	return dst, len(dst) > 0 && bytes.HasSuffix(bytes.TrimRight(b, " "), []byte("}")) && depth == 0
}

// lttngFields reads "name = value, …". Of ( "O_RDONLY" : container = 0 ) the
// number counts, and of ( <unknown> : container = 5 ).
func lttngFields(dst []lttngField, b []byte) []lttngField {
	for _, part := range splitList(b) {
		name, text, ok := bytes.Cut(bytes.TrimSpace(part), []byte(" = "))
		if !ok {
			continue
		}
		text = bytes.TrimSpace(text)
		if i := bytes.LastIndex(text, []byte(": container = ")); i >= 0 && text[0] == '(' {
			text = bytes.TrimRight(text[i+len(": container = "):], " )")
		}
		dst = append(dst, lttngField{bytes.TrimPrefix(name, []byte("_")), text})
	}
	return dst
}

func lttngNumber(fields []lttngField, name string) (int64, bool) {
	for _, f := range fields {
		if string(f.name) == name {
			return parseInteger(f.text)
		}
	}
	return 0, false
}

func lttngText(fields []lttngField, name string) string {
	for _, f := range fields {
		if string(f.name) == name {
			return firstString(f.text)
		}
	}
	return ""
}

func (l *babeltrace) finish() {
	if l.clock.kind == timeOfDay && !l.clock.dated {
		l.lack("date")
	}
}
