package importer

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"systape/format"
)

// lidds reads the recordings of the LID-DS data sets. That of 2021 has the
// direction after the call, that of 2019 before it and no process id:
//
//	1631078867380457267 0 2902771 apache2 2902771 select < res=0
//	62345 10:04:12.123456789 0 33 apache2 4711 > open name=/etc/passwd …
//
// Thread names may hold blanks and are not escaped.
type lidds struct {
	*importer
	clock   clock
	threads map[int32]*liddsThread
}

type liddsThread struct {
	*thread
	inside bool // a call was entered and has not returned
	known  bool // an event of it has been seen
}

func newLIDDS(im *importer) *lidds {
	im.lack("container")
	return &lidds{importer: im, clock: newClock(im.opt.Date), threads: map[int32]*liddsThread{}}
}

func (l *lidds) begin(*Source) {}

func (l *lidds) stamp(b []byte) (int64, bool) {
	first, _, _ := bytes.Cut(b, []byte(" "))
	n, err := strconv.ParseInt(string(first), 10, 64)
	return n, err == nil && n > 1e15
}

var errLIDDS = errors.New("not of the form time uid pid comm tid call < or > arguments")

type liddsLine struct {
	ts       int64
	pid, tid int32
	cpu      int32
	comm     string
	name     string
	enter    bool
	args     []byte
}

func (l *lidds) parse(b []byte) (x liddsLine, err error) {
	first, rest, _ := bytes.Cut(b, []byte(" "))
	n, err := strconv.ParseInt(string(first), 10, 64)
	if err != nil {
		return x, errLIDDS
	}
	second, after, _ := bytes.Cut(rest, []byte(" "))
	if len(second) > 8 && second[2] == ':' {
		return l.parse2019(second, after)
	}
	x.ts = n
	l.lack("cpu")
	// uid pid comm… tid call dir: the direction is the first lone < or >
	// that has a call and a thread id to its left.
	_, after, _ = bytes.Cut(rest, []byte(" ")) // uid
	pid, after, _ := bytes.Cut(after, []byte(" "))
	id, left, ok := leadingID(pid)
	if !ok || len(left) > 0 {
		return x, errLIDDS
	}
	x.pid = id
	words := bytes.Split(after, []byte(" "))
	for i := 3; i < len(words); i++ {
		if d := string(words[i]); d != "<" && d != ">" {
			continue
		}
		tid, left, ok := leadingID(words[i-2])
		if !ok || len(left) > 0 || !isCallName(words[i-1]) {
			continue
		}
		x.tid, x.name, x.enter = tid, string(words[i-1]), words[i][0] == '>'
		x.comm = string(bytes.Join(words[:i-2], []byte(" ")))
		x.args = bytes.Join(words[i+1:], []byte(" "))
		return x, nil
	}
	return x, errLIDDS
}

// parse2019 reads cpu uid comm… tid dir call args.
func (l *lidds) parse2019(clock, rest []byte) (x liddsLine, err error) {
	ns, kind, grain, _ := parseStamp(append(bytes.Clone(clock), ' '))
	if kind != timeOfDay {
		return x, errLIDDS
	}
	words := bytes.Split(rest, []byte(" "))
	for i := 4; i < len(words)-1; i++ {
		if d := string(words[i]); d != "<" && d != ">" {
			continue
		}
		tid, left, ok := leadingID(words[i-1])
		if !ok || len(left) > 0 || !isCallName(words[i+1]) {
			continue
		}
		cpu, _, ok := leadingID(words[0])
		if !ok {
			return x, errLIDDS
		}
		l.lack("pid", "date")
		x = liddsLine{pid: tid, tid: tid, cpu: cpu, name: string(words[i+1]), enter: words[i][0] == '>',
			comm: string(bytes.Join(words[2:i-1], []byte(" "))), args: bytes.Join(words[i+2:], []byte(" "))}
		x.ts = l.clock.at(ns, kind, grain)
		return x, nil
	}
	return x, errLIDDS
}

func (l *lidds) line(b []byte) error {
	x, err := l.parse(bytes.TrimSpace(b))
	if err != nil {
		return err
	}
	if x.name == "switch" || x.name == "procinfo" || x.name == "signaldeliver" || x.name == "procexit" || x.name == "container" {
		if x.name != "procexit" { // events of sysdig that are no calls
			return errIgnore
		}
	}
	t := l.threads[x.tid]
	if t == nil {
		t = &liddsThread{thread: &thread{tid: x.tid}}
		l.threads[x.tid] = t
	}
	t.pid, t.comm = x.pid, x.comm
	a := l.opt.ABI
	ev := format.Event{ABI: a, CPU: x.cpu, Comm: x.comm}
	if x.name == "procexit" {
		ev.Kind = format.ThreadEnd
		l.out.add(x.ts, t.thread, ev)
		delete(l.threads, x.tid)
		l.out.advance(x.ts)
		return nil
	}
	ev.Syscall, ev.Nr = x.name, l.number(a, x.name)
	if x.enter {
		ev.Kind = format.Enter
		l.noArgs(&ev)
	} else {
		ev.Kind = format.Exit
		if ret, ok := liddsResult(x.args); ok {
			ev.Ret = ret
		} else {
			l.lack("ret")
			ev.Detail = format.UnknownResult
		}
		if !t.inside && t.known {
			l.orphan(x.ts, x.cpu) // sysdig leaves out what it had no room for
		}
	}
	t.inside, t.known = x.enter, true
	l.out.add(x.ts, t.thread, ev)
	l.out.advance(x.ts)
	return nil
}

// liddsResult reads "res=0", "res=-11(EAGAIN)", "fd=12(<4t>…)".
func liddsResult(b []byte) (int64, bool) {
	for _, w := range strings.Fields(string(b)) {
		v, ok := strings.CutPrefix(w, "res=")
		if !ok {
			if v, ok = strings.CutPrefix(w, "fd="); !ok {
				continue
			}
		}
		v, _, _ = strings.Cut(v, "(")
		if n, ok := parseInteger([]byte(v)); ok {
			return n, true
		}
	}
	return 0, false
}

func (l *lidds) finish() {}
