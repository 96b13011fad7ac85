package importer

import (
	"encoding/json"
	"errors"
	"fmt"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// tracee reads the JSON lines of Tracee, of both its forms: types/trace.Event
// ("eventName", "args") and the newer api/v1beta1.Event ("name", "data"). Its
// events sys_enter and sys_exit become enters and exits. An event of a call by
// name has its time of entry, its arguments and its result: without sys_enter
// and sys_exit in the text, it becomes both, and the exit has the time of the
// enter. sched_process_fork, _exec and _exit are the lives of threads.
//
// Tracee does not sort its output: events are held back until 262,144 of them
// wait.
type tracee struct {
	*importer
	raw     bool // the text has sys_enter and sys_exit
	threads map[int32]*traceeThread
}

type traceeThread struct {
	*thread
	inside, known bool
}

func newTracee(im *importer, raw bool) *tracee {
	return &tracee{importer: im, raw: raw, threads: map[int32]*traceeThread{}}
}

func (t *tracee) begin(*Source) {}

func (t *tracee) stamp(b []byte) (int64, bool) {
	var e struct {
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if json.Unmarshal(traceeLine(b), &e) != nil {
		return 0, false
	}
	return traceeTime(e.Timestamp)
}

func (t *tracee) line(b []byte) error {
	if b = traceeLine(b); len(b) == 0 {
		return errIgnore
	}
	if b[0] != '{' {
		return errors.New("not a JSON object")
	}
	var e traceeEvent
	if err := json.Unmarshal(b, &e); err != nil {
		return fmt.Errorf("not an event of Tracee: %w", err)
	}
	e.unify()
	if e.EventName == "" {
		return errors.New("an event without eventName or name")
	}
	ts, ok := traceeTime(e.Timestamp)
	if !ok {
		return errors.New("an event without a time")
	}
	if ts < minEpoch*1e9 {
		t.lack("date")
	}
	if e.HostThreadID <= 0 || e.HostProcessID <= 0 {
		return errors.New("an event without hostThreadId and hostProcessId")
	}
	err := t.event(&e, ts)
	t.out.advance(ts)
	return err
}

func (t *tracee) event(e *traceeEvent, ts int64) error {
	tid := int32(e.HostThreadID)
	th := t.threads[tid]
	if th == nil {
		th = &traceeThread{thread: &thread{tid: tid}}
		t.threads[tid] = th
	}
	th.pid = int32(e.HostProcessID)
	a := t.opt.ABI
	if e.ContextFlags.IsCompat {
		a = compat(a)
	}
	ev := format.Event{ABI: a, Comm: e.ProcessName, Container: e.container()}
	if e.ProcessorID != nil {
		ev.CPU = int32(*e.ProcessorID)
	} else {
		t.lack("cpu")
	}
	if ev.Comm == "" {
		t.lack("comm")
	}
	switch e.EventName {
	case "sys_enter", "sys_exit":
		nr, ok := e.arg("syscall")
		if !ok {
			var known int32
			if known, ok = abi.Number(a, tableName(a, e.text("syscall"))); ok {
				nr = int64(known)
			}
		}
		if !ok || nr < -1 || nr > 1<<31-1 {
			return errors.New("no number of a call in the argument syscall")
		}
		ev.Nr, ev.Syscall = int32(nr), t.name(a, int32(nr))
		if e.EventName == "sys_enter" {
			t.enter(th, ev, e, ts)
			return nil
		}
		t.exit(th, ev, e, ts)
		return nil
	case "sched_process_fork":
		return t.fork(th, ev, e, ts)
	case "sched_process_exec":
		ev.Kind, ev.Detail, ev.Args[format.ExecOldTID] = format.Exec, e.text("pathname"), int64(th.tid)
		t.out.add(ts, th.thread, ev)
		return nil
	case "sched_process_exit":
		ev.Kind = format.ThreadEnd
		code, _ := e.arg("exit_code")
		ev.Args[format.EndCode] = code
		for i := range e.Args {
			if e.Args[i].Name == "process_group_exit" && string(e.Args[i].Value) == "true" {
				ev.Args[format.EndGroup] = 1
			}
		}
		t.out.add(ts, th.thread, ev)
		delete(t.threads, th.tid)
		return nil
	}
	name := tableName(a, e.EventName)
	nr, ok := abi.Number(a, name)
	if !ok || t.raw {
		return errIgnore
	}
	ev.Nr, ev.Syscall = nr, name
	t.number(a, name)
	t.enter(th, ev, e, ts)
	t.lack("exit ts_ns")
	t.exit(th, ev, e, ts)
	return nil
}

func (t *tracee) enter(th *traceeThread, ev format.Event, e *traceeEvent, ts int64) {
	ev.Kind = format.Enter
	var names []string
	var texts [][]byte
	for i := range e.Args {
		a := &e.Args[i]
		if a.Name == "syscall" && e.EventName == "sys_enter" {
			continue
		}
		names, texts = append(names, a.Name), append(texts, a.straceText())
	}
	args, detail := decode.ParseNamed(ev.ABI, ev.Nr, ev.Syscall, names, texts, false)
	t.args(&ev, args, detail)
	th.inside, th.known = true, true
	t.out.add(ts, th.thread, ev)
}

// quoteC writes a text as strace does.
func quoteC(s string) []byte {
	b := []byte{'"'}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

func (t *tracee) exit(th *traceeThread, ev format.Event, e *traceeEvent, ts int64) {
	ev.Kind = format.Exit
	ret, ok := e.arg("ret")
	if ok {
		ev.Ret = ret
	} else if e.ReturnValue != nil && !e.has("ret") {
		ev.Ret = int64(*e.ReturnValue)
	} else {
		ev.Detail = format.UnknownResult
		t.lack("ret")
	}
	if !th.inside && th.known {
		t.orphan(ts, ev.CPU)
	}
	th.inside, th.known = false, true
	t.out.add(ts, th.thread, ev)
}

func (t *tracee) fork(th *traceeThread, ev format.Event, e *traceeEvent, ts int64) error {
	child, ok := e.arg("child_tid")
	if !ok || child <= 0 || child > 1<<31-1 {
		return errors.New("fork without child_tid")
	}
	pid, ok := e.arg("child_pid")
	if !ok || pid <= 0 || pid > 1<<31-1 {
		pid = child
	}
	ev.Kind, ev.Args[format.ForkPID], ev.Args[format.ForkTID] = format.Fork, pid, child
	t.out.add(ts, th.thread, ev)
	return nil
}

func (t *tracee) finish() {}
