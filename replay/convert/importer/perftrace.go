package importer

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// perfTrace reads what perf trace prints:
//
//	 40.348 (149.589 ms): python3/32021 futex(uaddr: 0xa5b8f4, …)  = 0
//	190.510 (         ): python3/32021 futex(uaddr: 0xa5b8f4, …) ...
//	 40.348 (149.589 ms): python3/32021  ... [continued]: futex())  = 0
//	      ? (         ): thr/26399  ... [continued]: clone3())  = 0
//
// With --no-comm, the thread's id stands alone, or nothing does when there is
// one thread only.
//
// A line stands where the call returned and has the time at which it was
// entered, unless another thread's line came between: then there are two. Times
// are milliseconds since perf trace began.
type perfTrace struct {
	*importer
	threads map[int32]*traceThread
	last    int64
	names   []string // of an enter's arguments
	texts   [][]byte
}

type traceThread struct {
	*thread
	open string // name of the call whose beginning stands on a line of its own
	at   int64  // when it was entered
}

func newPerfTrace(im *importer) *perfTrace {
	im.lack("container", "date", "cpu", "pid")
	return &perfTrace{importer: im, threads: map[int32]*traceThread{}}
}

func (p *perfTrace) begin(*Source) {}

func (p *perfTrace) stamp([]byte) (int64, bool) { return 0, false }

var errPerfTrace = errors.New("not of the form ms (ms): comm/tid name(arguments) = result")

// milliseconds reads 40.348 as nanoseconds.
func milliseconds(b []byte) (int64, bool) {
	whole, frac, _ := bytes.Cut(b, []byte("."))
	if len(frac) > 6 {
		return 0, false
	}
	if len(whole) == len("18446744073709") && bytes.HasPrefix(whole, []byte("184467440")) {
		// What comes before perf's first event, and what ends before it begins
		// by two CPUs' clocks, is negative; perf prints it without a sign.
		w, err := strconv.ParseUint(string(whole), 10, 64)
		f, err2 := strconv.ParseUint(string(append(bytes.Clone(frac), "000000"...)[:6]), 10, 64)
		return int64(w*1e6 + f), err == nil && err2 == nil
	}
	n, ok := parseSeconds(append(append(bytes.Clone(whole), '.'), frac...))
	return n / 1000, ok
}

func (p *perfTrace) line(b []byte) error {
	t := bytes.TrimLeft(b, " ")
	open := bytes.IndexByte(t, '(')
	end := bytes.Index(t, []byte("): "))
	if open < 0 || end < open {
		return errPerfTrace
	}
	word, durWord := bytes.TrimSpace(t[:open]), bytes.TrimSpace(t[open+1:end])
	known := !bytes.Equal(word, []byte("?"))
	ts, dur := int64(0), int64(-1)
	if known {
		var ok bool
		if ts, ok = milliseconds(word); !ok {
			return errPerfTrace
		}
	}
	if d, ok := bytes.CutSuffix(durWord, []byte(" ms")); ok {
		if dur, ok = milliseconds(bytes.TrimSpace(d)); !ok {
			return errPerfTrace
		}
		dur = max(dur, 0)
	} else if len(durWord) > 0 {
		return errPerfTrace
	}
	rest := t[end+len("): "):]
	// The thread's name may hold anything: what follows it is /tid and the call.
	name, tid, call, ok := traceThreadOf(rest)
	if !ok {
		return errPerfTrace
	}
	if tid == 0 {
		tid = 1
		p.lack("tid")
	}
	if name == "" {
		p.lack("comm")
	}
	th := p.threads[tid]
	if th == nil {
		th = &traceThread{thread: &thread{tid: tid, pid: tid}}
		p.threads[tid] = th
	}
	if !strings.HasPrefix(name, ":") { // :32040 stands for a name that perf did not know
		th.comm = name
	}
	return p.call(th, call, ts, known, dur)
}

// traceThreadOf splits "comm/tid call". The call begins with its name and a
// parenthesis, or with "... [continued]: ".
func traceThreadOf(b []byte) (comm string, tid int32, call []byte, ok bool) {
	for i := 0; i < len(b); i++ {
		if b[i] != '/' {
			continue
		}
		id, after, isID := leadingID(b[i+1:])
		if !isID || len(after) == 0 || after[0] != ' ' {
			continue
		}
		if call = bytes.TrimLeft(after, " "); isTraceCall(call) {
			return string(bytes.TrimSpace(b[:i])), id, call, true
		}
	}
	call = bytes.TrimLeft(b, " ")
	if id, after, isID := leadingID(call); isID && len(after) > 0 && after[0] == ' ' { // --no-comm
		tid, call = id, bytes.TrimLeft(after, " ")
	}
	return "", tid, call, isTraceCall(call)
}

func isTraceCall(b []byte) bool {
	return bytes.HasPrefix(b, []byte("... [continued]: ")) || isCallName(b[:max(0, bytes.IndexByte(b, '('))])
}

func (p *perfTrace) call(t *traceThread, b []byte, ts int64, known bool, dur int64) error {
	a := p.opt.ABI
	b = bytes.TrimRight(b, " ")
	if r, ok := bytes.CutPrefix(b, []byte("... [continued]: ")); ok {
		name, rest, _ := bytes.Cut(r, []byte("("))
		return p.continued(t, string(name), rest, ts, known, dur)
	}
	name, rest, _ := bytes.Cut(b, []byte("("))
	ev := format.Event{Kind: format.Enter, ABI: a, Syscall: string(name), Nr: p.number(a, string(name))}
	if !known {
		return errors.New("call without a time")
	}
	opening := false
	if r, ok := bytes.CutSuffix(rest, []byte("...")); ok {
		opening, rest = true, r
	}
	p.arguments(&ev, rest)
	p.enter(t, ev, ts)
	if opening {
		t.open, t.at = ev.Syscall, ts
		return nil
	}
	t.open = ""
	ret, returned, ok := traceResult(rest)
	if !ok {
		return errPerfTrace
	}
	if returned {
		p.exit(t, ev.Syscall, ts+max(dur, 0), ret)
	}
	return nil
}

func (p *perfTrace) enter(t *traceThread, ev format.Event, ts int64) {
	if t.exit != nil && t.exit.ts > ts {
		p.out.move(t.exit, ts)
	}
	p.out.add(max(ts, t.lastTS), t.thread, ev)
	t.lastTS = max(ts, t.lastTS)
	p.advance(ts)
}

func (p *perfTrace) exit(t *traceThread, name string, ts, ret int64) {
	ts = max(ts, t.lastTS)
	n := p.out.add(ts, t.thread, format.Event{Kind: format.Exit, ABI: p.opt.ABI, Syscall: name, Nr: p.number(p.opt.ABI, name), Ret: ret})
	t.exit, t.lastTS = n, ts
	p.advance(ts)
}

func (p *perfTrace) advance(ts int64) {
	p.last = max(p.last, ts)
	p.out.advance(p.last)
}

// continued ends a call whose beginning has a line of its own, or none: then
// it was entered before perf trace began, or by the parent of a new thread.
func (p *perfTrace) continued(t *traceThread, name string, rest []byte, ts int64, known bool, dur int64) error {
	ret, returned, ok := traceResult(rest)
	if !ok {
		return errPerfTrace
	}
	end := p.last
	if known && dur >= 0 {
		end = ts + dur
	}
	switch {
	case t.open == name:
		t.open = ""
		if !known {
			end = max(end, t.at)
		}
	case strings.HasPrefix(name, "execve") && known:
		// An execve by another thread ends under the leader's id, with the
		// time of the leader's own last call.
		t.open = ""
	}
	if !returned {
		return nil
	}
	p.exit(t, name, end, ret)
	return nil
}

// arguments reads "fd: 4, buf: 0x7ffd, count: 832". perf leaves out those that
// are zero. Of a file name it shows the lower half of the address only.
func (p *perfTrace) arguments(ev *format.Event, b []byte) {
	if i := lastResult(b); i >= 0 {
		b = b[:i-1]
	}
	b = bytes.TrimSuffix(bytes.TrimRight(b, " "), []byte(")"))
	p.names, p.texts = p.names[:0], p.texts[:0]
	proto := decode.Prototype(ev.Syscall)
	for _, part := range splitList(b) {
		name, text, ok := bytes.Cut(bytes.TrimSpace(part), []byte(": "))
		if !ok {
			if len(bytes.TrimSpace(part)) == 0 || bytes.HasSuffix(part, []byte(")")) {
				continue
			}
			name, text = nil, []byte("?")
		}
		if bytes.HasPrefix(text, []byte("0x")) && slices.ContainsFunc(proto, func(a decode.Param) bool {
			return a.Name == string(name) && a.Type == "const char*"
		}) {
			text = []byte("?")
		}
		p.names, p.texts = append(p.names, string(name)), append(p.texts, text)
	}
	if ev.Syscall == "mmap" && bytes.Contains(b, []byte("ANON")) { // perf hides what the kernel does not read
		p.names, p.texts = append(p.names, "fd", "off"), append(p.texts, []byte("?"), []byte("?"))
	}
	args, detail := decode.ParseNamed(ev.ABI, ev.Nr, ev.Syscall, p.names, p.texts, proto != nil)
	p.args(ev, args, detail)
}

// traceResult reads the result at the end of a line: "= 4", "= 0x7f…",
// "= -1 ENOENT (No such file or directory)", "= 26398 (thr)", "= ?", "=".
func traceResult(b []byte) (ret int64, returned, ok bool) {
	i := lastResult(b)
	if i < 0 {
		return 0, false, false
	}
	w := bytes.TrimSpace(b[i:])
	if len(w) == 0 || w[0] == '?' {
		return 0, false, true
	}
	word, rest, _ := bytes.Cut(w, []byte(" "))
	if i := bytes.IndexByte(word, '<'); i > 0 { // = 11<pipe:[105902]>
		word = word[:i]
	}
	n, isNumber := parseInteger(word)
	if !isNumber {
		return 0, false, false
	}
	if n != -1 {
		return n, true, true
	}
	errName, _, _ := bytes.Cut(rest, []byte(" "))
	if e, ok := abi.ErrnoNumber(abi.X86_64, string(errName)); ok && len(errName) > 1 && errName[0] == 'E' {
		return -int64(e), true, true
	}
	if _, r, ok := bytes.Cut(rest, []byte("strerror_r(")); ok { // a restart code: perf has no name for it
		if e, _, ok := leadingID(r); ok {
			return -int64(e), true, true
		}
	}
	return n, true, true
}

// lastResult finds the last ")  = " of a line and returns what follows it.
func lastResult(b []byte) int {
	for i := len(b); i > 0; {
		i = bytes.LastIndexByte(b[:i], '=')
		if i < 0 {
			return -1
		}
		left := bytes.TrimRight(b[:i], " ")
		if len(left) < i && len(left) > 0 && left[len(left)-1] == ')' {
			return i + 1
		}
	}
	return -1
}

func (p *perfTrace) finish() {}
