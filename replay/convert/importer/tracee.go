package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

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

// traceeEvent is a line of either form.
type traceeEvent struct {
	Timestamp     json.RawMessage `json:"timestamp"` // ns, or RFC 3339
	ProcessorID   *int32          `json:"processorId"`
	ProcessID     int32           `json:"processId"`
	ThreadID      int32           `json:"threadId"`
	HostProcessID int32           `json:"hostProcessId"`
	HostThreadID  int32           `json:"hostThreadId"`
	ProcessName   string          `json:"processName"`
	ContainerID   string          `json:"containerId"`
	Container     struct {
		ID string `json:"id"`
	} `json:"container"`
	EventName    string `json:"eventName"`
	ReturnValue  int64  `json:"returnValue"`
	ContextFlags struct {
		IsCompat bool `json:"isCompat"`
	} `json:"contextFlags"`
	Args []traceeArg `json:"args"`

	Name     string `json:"name"`
	Workload struct {
		Process struct {
			HostPID  traceeID `json:"host_pid"`
			HostPID2 traceeID `json:"hostPid"`
			PID      traceeID `json:"pid"`
			Thread   struct {
				Name     string   `json:"name"`
				HostTID  traceeID `json:"host_tid"`
				HostTID2 traceeID `json:"hostTid"`
				TID      traceeID `json:"tid"`
				Compat   bool     `json:"compat"`
			} `json:"thread"`
		} `json:"process"`
		Container struct {
			ID string `json:"id"`
		} `json:"container"`
	} `json:"workload"`
	Data []map[string]json.RawMessage `json:"data"`
}

type traceeArg struct {
	Name  string          `json:"name"`
	Type  string          `json:"type,omitempty"`
	Value json.RawMessage `json:"value"`
}

// traceeID is a number, alone or as {"value": N}.
type traceeID int32

func (id *traceeID) UnmarshalJSON(b []byte) error {
	var wrapped struct {
		Value int32 `json:"value"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &wrapped); err != nil {
			return err
		}
		*id = traceeID(wrapped.Value)
		return nil
	}
	return json.Unmarshal(b, (*int32)(id))
}

func newTracee(im *importer, raw bool) *tracee {
	return &tracee{importer: im, raw: raw, threads: map[int32]*traceeThread{}}
}

func (t *tracee) begin(*Source) {}

func (t *tracee) stamp(b []byte) (int64, bool) {
	var e struct {
		Timestamp json.RawMessage `json:"timestamp"`
	}
	if json.Unmarshal(b, &e) != nil {
		return 0, false
	}
	return traceeTime(e.Timestamp)
}

func traceeTime(raw json.RawMessage) (int64, bool) {
	if s, err := strconv.Unquote(string(raw)); err == nil {
		at, err := time.Parse(time.RFC3339Nano, s)
		return at.UnixNano(), err == nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

func (t *tracee) line(b []byte) error {
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
	if e.HostThreadID <= 0 || e.HostProcessID <= 0 {
		return errors.New("an event without hostThreadId and hostProcessId")
	}
	err := t.event(&e, ts)
	t.out.advance(ts)
	return err
}

// unify makes an event of the newer form one of the older.
func (e *traceeEvent) unify() {
	first := func(ids ...int32) int32 {
		for _, id := range ids {
			if id != 0 {
				return id
			}
		}
		return 0
	}
	p := &e.Workload.Process
	e.HostProcessID = first(e.HostProcessID, e.ProcessID, int32(p.HostPID), int32(p.HostPID2), int32(p.PID))
	e.HostThreadID = first(e.HostThreadID, e.ThreadID, int32(p.Thread.HostTID), int32(p.Thread.HostTID2), int32(p.Thread.TID))
	if e.EventName == "" {
		e.EventName, e.ProcessName, e.ContextFlags.IsCompat = e.Name, p.Thread.Name, p.Thread.Compat
	}
	for _, id := range []string{e.Container.ID, e.Workload.Container.ID} {
		if e.ContainerID == "" {
			e.ContainerID = id
		}
	}
	for _, d := range e.Data {
		a := traceeArg{}
		for key, v := range d {
			if key == "name" {
				json.Unmarshal(v, &a.Name) // a name that is none stays empty
			} else {
				a.Value = v
			}
		}
		if a.Name == "returnValue" || a.Name == "return_value" {
			e.ReturnValue, _ = a.number()
			continue
		}
		e.Args = append(e.Args, a)
	}
}

// number reads an argument's value; 64-bit numbers may be texts.
func (a *traceeArg) number() (int64, bool) {
	s := string(a.Value)
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	return parseInteger([]byte(s))
}

func (e *traceeEvent) arg(name string) (int64, bool) {
	for i := range e.Args {
		if e.Args[i].Name == name {
			return e.Args[i].number()
		}
	}
	return 0, false
}

func (e *traceeEvent) isNull(name string) bool {
	return slices.ContainsFunc(e.Args, func(a traceeArg) bool { return a.Name == name && string(a.Value) == "null" })
}

func (e *traceeEvent) text(name string) string {
	s := ""
	for i := range e.Args {
		if e.Args[i].Name == name {
			json.Unmarshal(e.Args[i].Value, &s) // another type stays empty
		}
	}
	return s
}

func (t *tracee) event(e *traceeEvent, ts int64) error {
	th := t.threads[e.HostThreadID]
	if th == nil {
		th = &traceeThread{thread: &thread{tid: e.HostThreadID}}
		t.threads[e.HostThreadID] = th
	}
	th.pid = e.HostProcessID
	a := t.opt.ABI
	if e.ContextFlags.IsCompat {
		a = compat(a)
	}
	ev := format.Event{ABI: a, Comm: e.ProcessName, Container: e.ContainerID[:min(len(e.ContainerID), 12)]}
	if e.ProcessorID != nil {
		ev.CPU = *e.ProcessorID
	} else {
		t.lack("cpu")
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
		ret, ok := e.arg("ret")
		if !ok {
			ret = e.ReturnValue
			if e.isNull("ret") {
				ev.Detail = format.UnknownResult
			}
		}
		t.exit(th, ev, ret, ts)
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
	t.exit(th, ev, e.ReturnValue, ts)
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
		text := []byte(a.Value)
		var s string
		if json.Unmarshal(text, &s) == nil { // a path, or flags as option:parse-arguments writes them
			text = quoteC(s)
		}
		names, texts = append(names, a.Name), append(texts, text)
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

func (t *tracee) exit(th *traceeThread, ev format.Event, ret, ts int64) {
	ev.Kind, ev.Ret = format.Exit, ret
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
