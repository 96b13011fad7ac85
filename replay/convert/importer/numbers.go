package importer

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"systape/format"
)

// numbers reads traces that are nothing but system-call numbers between
// blanks: each source is one thread, numbered from 1. ADFA-LD is of this
// kind, with the numbers of i386.
type numbers struct {
	*importer
	sources int32
	thread  *thread
	bySrc   map[*Source]*thread
}

func newNumbers(im *importer) *numbers {
	im.lack("ts_ns", "exit ts_ns", "ret", "cpu", "pid", "tid", "comm", "container", "fork", "exec", "thread_end")
	im.out.ordinal = true
	return &numbers{importer: im, bySrc: map[*Source]*thread{}}
}

func (n *numbers) begin(src *Source) {
	if n.bySrc[src] == nil {
		n.sources++
		n.bySrc[src] = &thread{tid: n.sources, pid: n.sources}
	}
	n.thread = n.bySrc[src]
}

func (n *numbers) stamp([]byte) (int64, bool) { return 0, false }

func (n *numbers) line(b []byte) error {
	fields := bytes.Fields(b)
	nrs := make([]int32, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseInt(string(f), 10, 32)
		if err != nil {
			return fmt.Errorf("%.20q is no number", f)
		}
		nrs[i] = int32(v)
	}
	for _, nr := range nrs {
		n.put(n.thread, nr, n.name(n.opt.ABI, nr))
	}
	n.out.advance(0)
	return nil
}

// put writes a call: its enter and, since a thread makes one call after the
// other, an exit without a result.
func (im *importer) put(t *thread, nr int32, name string) {
	ev := format.Event{Kind: format.Enter, ABI: im.opt.ABI, Nr: nr, Syscall: name}
	im.noArgs(&ev)
	im.out.add(0, t, ev)
	im.out.add(0, t, format.Event{Kind: format.Exit, ABI: im.opt.ABI, Nr: nr, Syscall: name, Detail: format.UnknownResult})
}

func (n *numbers) finish() {}

// unm reads the traces of the University of New Mexico: a process id and a
// number on each line. The numbers mean what a map file of the same program
// and host says, one name a line from number 0; -1 stands for lost calls.
type unm struct {
	*importer
	threads map[int32]*thread
}

func newUNM(im *importer) *unm {
	im.lack("ts_ns", "exit ts_ns", "ret", "cpu", "tid", "comm", "container", "fork", "exec", "thread_end")
	im.out.ordinal = true
	return &unm{importer: im, threads: map[int32]*thread{}}
}

func (u *unm) begin(*Source) {}

func (u *unm) stamp([]byte) (int64, bool) { return 0, false }

func (u *unm) line(b []byte) error {
	fields := bytes.Fields(b)
	if len(fields) != 2 {
		return errors.New("not a process id and a number")
	}
	pid, rest, ok := leadingID(fields[0])
	nr, err := strconv.ParseInt(string(fields[1]), 10, 32)
	if !ok || len(rest) > 0 || err != nil || nr < -1 {
		return errors.New("not a process id and a number")
	}
	t := u.threads[pid]
	if t == nil {
		t = &thread{tid: pid, pid: pid}
		u.threads[pid] = t
	}
	switch {
	case nr == -1:
		u.out.add(0, t, format.Event{Kind: format.Lost, Args: [6]int64{2, 0, 0, 1, 1, int64(format.CauseDropped)}})
	case u.opt.Map == nil:
		u.put(t, int32(nr), u.name(u.opt.ABI, int32(nr)))
	case int(nr) < len(u.opt.Map) && u.opt.Map[nr] != "":
		name := u.opt.Map[nr]
		u.put(t, u.number(u.opt.ABI, name), name)
	default:
		return fmt.Errorf("number %d is not in the map", nr)
	}
	u.out.advance(0)
	return nil
}

func (u *unm) finish() {}
