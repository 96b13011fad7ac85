package importer

import (
	"bytes"
	"errors"
	"strings"

	"systape/format"
	"systape/format/abi"
	"systape/replay/render/decode"
)

// openCall is a call that was entered and has not returned.
type openCall struct {
	name   string
	nr     int32
	abi    abi.ABI
	ts     int64
	path   string // execve
	clone  bool
	thread bool  // clone: the child is a thread
	child  int32 // clone: its id, once it has been seen

	// Of a call whose line was cut: its enter as long as it waits, and its
	// arguments as far as they stood before the cut.
	enter *node
	order int64
	cut   []byte
}

// settle lets the enter of a call go as it is.
func (o *openCall) settle() *node {
	n := o.enter
	o.enter = nil
	if n == nil || n.at < 0 || n.order != o.order {
		return nil
	}
	n.pending = false
	return n
}

var cloneNames = map[string]bool{"clone": true, "clone3": true, "fork": true, "vfork": true, "clone2": true}

// returnsTask are the calls that return ids of threads and processes, whose
// names strace -Y writes behind them as -y does those of files (RVAL_TID,
// RVAL_TGID, RVAL_PGID and RVAL_SID in strace 6.1).
var returnsTask = map[string]bool{"clone": true, "clone2": true, "clone3": true, "fork": true, "vfork": true, "getpgid": true, "getpgrp": true, "getpid": true,
	"getppid": true, "getsid": true, "gettid": true, "set_tid_address": true, "setsid": true, "wait4": true, "waitpid": true}

// enter writes the beginning of a call.
func (s *strace) enter(t *straceThread, ts int64) {
	x := &s.text
	nr, name := s.call(t.abi, x.name)
	o := &openCall{name: name, nr: nr, abi: t.abi, ts: ts}
	ev := format.Event{Kind: format.Enter, ABI: t.abi, Nr: nr, Syscall: name}
	args, detail := decode.Parse(t.abi, nr, x.args[:min(x.nargs, len(x.args))])
	s.importer.args(&ev, args, detail)
	if cloneNames[name] {
		const cloneThread = 0x10000
		o.clone, o.thread = true, bytes.Contains(x.all, []byte("CLONE_THREAD")) || name == "clone" && args[0]&cloneThread != 0
	}
	if strings.HasPrefix(name, "execve") {
		o.path = firstString(x.all)
	}
	if t.open != nil {
		t.open.settle()
	}
	t.open, t.called = o, true
	delete(s.cloners, t)
	if o.clone {
		s.cloners[t] = struct{}{}
	}
	n := s.out.add(ts, t.thread, ev)
	if x.kind == straceUnfinished && format.ArgumentsUnknown(detail) {
		n.pending = true
		o.enter, o.order, o.cut = n, n.order, bytes.Clone(x.all)
	}
}

// whole reads the arguments of a cut call again, with what followed the cut.
func (s *strace) whole(o *openCall) {
	n := o.settle()
	if n == nil {
		return
	}
	var x straceText
	rest := s.text.all
	if bytes.HasPrefix(bytes.TrimLeft(rest, " "), []byte("=>")) { // what the call changed of its arguments, which stood before
		rest = nil
	}
	x.splitArgs(append(o.cut, rest...))
	args, detail := decode.Parse(o.abi, o.nr, x.args[:min(x.nargs, len(x.args))])
	s.importer.args(&n.ev, args, detail)
}

// call finds name and number. strace calls unknown ones syscall_0x1ff.
func (s *strace) call(a abi.ABI, name string) (int32, string) {
	if hex, ok := strings.CutPrefix(name, "syscall_"); ok {
		if n, ok := parseInteger([]byte(hex)); ok && n >= -1 && n <= 1<<31-1 {
			return int32(n), s.name(a, int32(n))
		}
	}
	return s.number(a, name), name
}

// exit writes the end of the open call. A call on one line has ended by -T's
// duration after its beginning, or at an unknown time.
func (s *strace) exit(t *straceThread, ts, line int64, oneLine bool) {
	x, o := &s.text, t.open
	t.open = nil
	delete(s.cloners, t)
	if s.spans && x.durNS >= 0 {
		ts = max(o.ts+x.durNS, line)
		s.clock.last = max(s.clock.last, ts)
	} else if x.durNS >= 0 && s.clock.kind != noStamp {
		ts = o.ts + x.durNS
		if !oneLine { // the line stands where the call ended, and its time is cut off, not rounded
			ts = max(min(ts, line+s.clock.grain), s.out.last)
		}
	} else if oneLine {
		s.lack("exit ts_ns")
	}
	if o.clone && x.ret > 0 && x.ret <= 1<<31-1 {
		s.made(t, o, int32(x.ret), max(o.ts, min(ts, line)))
	}
	a := o.abi
	if strings.HasPrefix(o.name, "execve") && x.ret == 0 {
		old := t.execOld // 0: the thread's own
		t.execOld = 0
		done := ts
		if s.spans { // no two events have one time
			done = max(o.ts, ts-1)
		}
		s.out.add(done, t.thread, format.Event{Kind: format.Exec, ABI: a, Args: [6]int64{int64(old)}, Detail: o.path})
	}
	ev := format.Event{Kind: format.Exit, ABI: a, Nr: o.nr, Syscall: o.name, Ret: x.ret}
	if x.file != "" && !returnsTask[o.name] {
		ev.Detail = string(format.AppendDescriptor(nil, format.Result, x.file))
	}
	n := s.out.add(ts, t.thread, ev)
	t.exit, t.lastTS = n, max(ts, t.lastTS)
}

// resumed ends the call that an earlier line began.
func (s *strace) resumed(t *straceThread, ts int64) error {
	x := &s.text
	o := t.open
	if x.kind == straceAbandoned || x.kind == straceUnfinished {
		if o != nil {
			o.settle()
		}
		return nil // the thread ended inside the call: its enter stays without an exit
	}
	if o == nil || o.name != x.name {
		// The call was entered before strace attached.
		nr, name := s.call(t.abi, x.name)
		if o != nil {
			o.settle()
		} else if t.called {
			s.orphan(ts, 0)
		}
		t.open = nil
		delete(s.cloners, t)
		t.exit = s.out.add(ts, t.thread, format.Event{Kind: format.Exit, ABI: t.abi, Nr: nr, Syscall: name, Ret: x.ret})
		if o != nil {
			return errors.New("resumed call is not the one that began: " + o.name)
		}
		return nil
	}
	s.whole(o)
	s.exit(t, ts, ts, false)
	return nil
}
