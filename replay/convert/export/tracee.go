package export

import (
	"bufio"
	"strconv"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
	"systape/replay/units"
)

// tracee writes the JSON lines of Tracee (its types/trace.Event): sys_enter and
// sys_exit for calls, sched_process_fork, _exec and _exit for the lives of
// threads. Beside the number of the call, which is all that Tracee's own
// sys_enter has, stand its arguments with the kernel's names.
type tracee struct {
	w       *bufio.Writer
	o       Options
	host    []byte
	line    []byte
	lost    int64
	renames int64
	other   int64
}

func newTracee(w *bufio.Writer, o Options) Exporter {
	return &tracee{w: w, o: o, host: appendJSON(nil, o.Meta.Host.Name)}
}

func (t *tracee) Push(b *format.Batch, _ []replay.Call) error {
	for i := range b.N {
		switch b.Kind[i] {
		case format.Enter, format.Exit, format.Fork, format.Exec, format.ThreadEnd:
			t.line = t.event(t.line[:0], b, i)
			if _, err := t.w.Write(t.line); err != nil {
				return err
			}
		case format.Lost:
			t.lost += b.Args[format.LostCount][i]
		case format.Rename:
			t.renames++
		default:
			t.other++
		}
	}
	return nil
}

func (t *tracee) Finish([]replay.Call) ([]string, error) {
	notes := []string{"start times of threads, users and namespaces are not in a capture"}
	if t.renames > 0 {
		notes = append(notes, units.Counted(t.renames, "change")+" of a thread's name shows in its next event only")
	}
	if t.o.Filter != nil && !t.o.Filter.Empty() {
		notes = append(notes, "tracee gets all events: filters of calls do not apply")
	}
	return append(notes, lossNote(t.lost)...), t.w.Flush()
}

var traceeNames = map[format.Kind]string{format.Enter: "sys_enter", format.Exit: "sys_exit", format.Fork: "sched_process_fork",
	format.Exec: "sched_process_exec", format.ThreadEnd: "sched_process_exit"}

func (t *tracee) event(l []byte, b *format.Batch, i int) []byte {
	a, nr := b.ABI[i], b.Nr[i]
	name := t.o.Symbols.String(b.Syscall[i])
	l = appendInt(append(l, `{"timestamp":`...), b.TS[i])
	l = appendInt(append(l, `,"processorId":`...), int64(b.CPU[i]))
	for _, key := range []string{`,"processId":`, `,"hostProcessId":`} {
		l = appendInt(append(l, key...), int64(b.PID[i]))
	}
	for _, key := range []string{`,"threadId":`, `,"hostThreadId":`} {
		l = appendInt(append(l, key...), int64(b.TID[i]))
	}
	l = appendJSON(append(l, `,"processName":`...), t.o.Symbols.String(b.Comm[i]))
	l = append(append(l, `,"hostName":`...), t.host...)
	l = appendJSON(append(l, `,"containerId":`...), t.o.Symbols.String(b.Container[i]))
	l = append(append(append(l, `,"eventName":"`...), traceeNames[b.Kind[i]]...), '"')
	l = appendJSON(append(l, `,"syscall":`...), name)
	l = append(l, `,"contextFlags":{"containerStarted":false,"isCompat":`...)
	l = strconv.AppendBool(l, a == abi.I386 || a == abi.ARM)
	args := traceeArgs{l: append(l, `},"args":[`...)}
	switch b.Kind[i] {
	case format.Enter:
		args.number("syscall", "int", int64(nr))
		t.enter(&args, b, i, a, nr, name)
	case format.Exit:
		args.number("syscall", "int", int64(nr))
		if b.Detail[i] == format.UnknownResult {
			args.null("ret", "long")
		} else {
			args.number("ret", "long", b.Ret[i])
		}
	case format.Fork:
		args.number("parent_tid", "int", int64(b.TID[i]))
		args.number("parent_pid", "int", int64(b.PID[i]))
		args.number("child_tid", "int", b.Args[format.ForkTID][i])
		args.number("child_pid", "int", b.Args[format.ForkPID][i])
	case format.Exec:
		args.text("pathname", b.Detail[i])
	case format.ThreadEnd:
		args.number("exit_code", "long", b.Args[format.EndCode][i])
		args.head("process_group_exit", "bool")
		args.l = append(strconv.AppendBool(args.l, b.Args[format.EndGroup][i] == 1), '}')
	}
	l = appendInt(append(args.l, `],"argsNum":`...), int64(args.n))
	ret := int64(0)
	if b.Kind[i] == format.Exit {
		ret = b.Ret[i]
	}
	return append(appendInt(append(l, `,"returnValue":`...), ret), "}\n"...)
}

var plainArgs = [6]decode.Param{{Name: "arg0"}, {Name: "arg1"}, {Name: "arg2"}, {Name: "arg3"}, {Name: "arg4"}, {Name: "arg5"}}

func (t *tracee) enter(args *traceeArgs, b *format.Batch, i int, a abi.ABI, nr int32, name string) {
	takes := min(abi.NumArgs(a, nr), len(plainArgs))
	params := decode.Declared(a, name)
	if len(params) != takes {
		params = plainArgs[:takes]
	}
	var regs [6]int64
	for k := range regs {
		regs[k] = b.Args[k][i]
	}
	for k, p := range params {
		text, unknown, told := format.Argument(b.Detail[i], k)
		switch {
		case told && unknown:
			args.null(p.Name, traceeType(p))
		case told:
			args.text(p.Name, text)
		case p.Type != "" && (p.Bits() == 64 && !p.Signed()):
			args.head(p.Name, traceeType(p))
			args.l = append(strconv.AppendUint(args.l, uint64(regs[k]), 10), '}')
		default:
			args.number(p.Name, traceeType(p), decode.Value(a, nr, &regs, k))
		}
	}
}

// traceeType is the type by which Tracee's reader knows an argument like p.
func traceeType(p decode.Param) string {
	switch bits := p.Bits(); {
	case p.Type == "":
		return "long"
	case p.Pointer():
		return "void*"
	case bits == 16:
		return "umode_t"
	case bits == 32 && p.Signed():
		return "int"
	case bits == 32:
		return "unsigned int"
	case p.Signed():
		return "long"
	}
	return "unsigned long"
}

// traceeArgs writes a list of arguments.
type traceeArgs struct {
	l []byte
	n int
}

func (a *traceeArgs) head(name, typ string) {
	if a.n > 0 {
		a.l = append(a.l, ',')
	}
	a.n++
	a.l = append(append(append(a.l, `{"name":"`...), name...), `","type":"`...)
	a.l = append(append(a.l, typ...), `","value":`...)
}

func (a *traceeArgs) number(name, typ string, v int64) {
	a.head(name, typ)
	a.l = append(appendInt(a.l, v), '}')
}

func (a *traceeArgs) null(name, typ string) {
	a.head(name, typ)
	a.l = append(a.l, "null}"...)
}

func (a *traceeArgs) text(name, v string) {
	a.head(name, "const char*")
	a.l = append(appendJSON(a.l, v), '}')
}
