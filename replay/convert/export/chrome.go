package export

import (
	"bufio"
	"fmt"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// chrome writes the JSON object form of the Trace Event Format, which
// chrome://tracing, Perfetto and speedscope read. Times are microseconds since
// the first event, because a JSON number cannot hold an epoch in nanoseconds;
// otherData says where they count from.
type chrome struct {
	walker
	w       *bufio.Writer
	line    []byte
	args    []byte
	threads threads[chromeThread]
	begun   bool
}

type chromeThread struct{ comm format.Symbol }

func newChrome(w *bufio.Writer, o Options) Exporter {
	p := &chrome{w: w}
	p.walker = walker{o: o, v: p}
	return p
}

func (p *chrome) Push(b *format.Batch, calls []replay.Call) error {
	if b.N > 0 && !p.begun {
		p.header(b.TS[0])
	}
	p.push(b, calls)
	_, err := p.w.Write(nil)
	return err
}

func (p *chrome) header(origin int64) {
	p.begun = true
	p.started, p.first = true, origin
	p.w.WriteString(`{"displayTimeUnit":"ns","otherData":{"origin_ns":"`)
	p.w.Write(appendInt(nil, origin))
	p.w.WriteString(`","tool":`)
	p.w.Write(appendJSON(nil, p.o.Meta.Tool))
	p.w.WriteString(`,"host":`)
	p.w.Write(appendJSON(nil, p.o.Meta.Host.Name))
	p.w.WriteString("},\"traceEvents\":[\n")
	p.w.WriteString(`{"ph":"M","name":"systape","pid":0,"args":{}}`)
}

func (p *chrome) Finish(calls []replay.Call) ([]string, error) {
	if !p.begun {
		p.header(0)
	}
	p.rest(calls)
	p.w.WriteString("\n]}\n")
	notes := []string{fmt.Sprintf("times count from %d ns after the epoch", p.first)}
	if p.instants() > 0 {
		notes = append(notes, "calls of which one end is missing are instants: "+
			statusList(p.shown, func(s replay.Status) bool { return !hasSpan(s) }))
	}
	notes = append(notes, "threads that used the same id share a track")
	return append(notes, lossNote(p.lost)...), p.w.Flush()
}

func (p *chrome) head(ph string, pid, tid int32, at int64) []byte {
	l := append(p.line[:0], ",\n{\"ph\":\""...)
	l = append(append(l, ph...), `","pid":`...)
	l = append(appendInt(l, int64(pid)), `,"tid":`...)
	l = append(appendInt(l, int64(tid)), `,"ts":`...)
	return appendMicros(l, at-p.first)
}

func (p *chrome) call(c *replay.Call) {
	t := p.threads.of(c.TID, func(uint64) *chromeThread { return &chromeThread{^format.Symbol(0)} })
	if t.comm != c.Comm {
		t.comm = c.Comm
		p.named("thread_name", c)
		if c.PID == c.TID {
			p.named("process_name", c)
		}
	}
	ph, at := "X", c.StartNS
	switch {
	case c.Status == replay.OpenAtEnd:
		ph = "B"
	case !hasSpan(c.Status):
		ph, at = "i", instantAt(c)
	}
	l := p.head(ph, c.PID, c.TID, at)
	switch ph {
	case "X":
		l = appendMicros(append(l, `,"dur":`...), c.DurNS)
	case "i":
		l = append(l, `,"s":"t"`...)
	}
	l = appendJSON(append(l, `,"cat":"syscall","name":`...), p.o.Symbols.String(c.Syscall))
	l = append(l, `,"args":{`...)
	if c.EnterSeq >= 0 {
		p.args = decode.AppendArgs(p.args[:0], c.ABI, c.Nr, &c.Args, c.Told)
		l = append(appendJSON(append(l, `"args":`...), string(p.args)), ',')
	}
	if c.HasResult() {
		// As text: an address does not fit a JSON number.
		l = append(appendInt(append(l, `"ret":"`...), c.Ret), `",`...)
		if e := c.Errno(); e != 0 {
			l = append(append(append(l, `"errno":"`...), abi.ErrnoName(c.ABI, e)...), `",`...)
		}
	}
	l = append(append(append(l, `"status":"`...), c.Status.String()...), `"}}`...)
	p.w.Write(l) // an error sticks in p.w
	p.line = l
}

func (p *chrome) named(what string, c *replay.Call) {
	l := append(p.line[:0], ",\n{\"ph\":\"M\",\"pid\":"...)
	l = append(appendInt(l, int64(c.PID)), `,"tid":`...)
	l = append(appendInt(l, int64(c.TID)), `,"name":"`...)
	l = append(append(l, what...), `","args":{"name":`...)
	l = append(appendJSON(l, shownName(p.o.Symbols, c.Comm, c.TID)), "}}"...)
	p.w.Write(l)
	p.line = l
}

func (p *chrome) row(b *format.Batch, i int) {
	switch b.Kind[i] {
	case format.ThreadEnd:
		p.threads.end(b.TID[i])
	case format.Fork:
		p.threads.end(int32(b.Args[format.ForkTID][i]))
	case format.Lost:
		l := p.head("X", 0, b.CPU[i], b.Args[format.LostFirst][i])
		l = appendMicros(append(l, `,"dur":`...), b.Args[format.LostLast][i]-b.Args[format.LostFirst][i])
		l = append(l, `,"cat":"loss","name":"events lost","args":{"count":`...)
		l = appendInt(l, b.Args[format.LostCount][i])
		l = append(l, "}}"...)
		p.w.Write(l)
		p.line = l
	}
}
