package export

import (
	"bufio"
	"cmp"
	"slices"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// firefox writes the processed profile format of the Firefox profiler,
// version 49: a thread for each thread, a marker for each call. The format has
// a table for each thread, so the calls are held in memory until the end, at
// most Options.Limit of them.
type firefox struct {
	walker
	w       *bufio.Writer
	threads threads[firefoxThread]
	all     []*firefoxThread
	held    int
	omitted int64
	args    []byte
	scratch []byte
}

type firefoxThread struct {
	pid, tid    int32
	comm        format.Symbol
	first, last int64
	markers     []firefoxMarker
}

type firefoxMarker struct {
	start, end int64
	phase      uint8
	name       format.Symbol
	failed     bool
	data       []byte // the JSON object of the call
}

// Phases of markers.
const (
	phaseInstant  = 0
	phaseInterval = 1
	phaseStart    = 2 // without an end
)

func newFirefox(w *bufio.Writer, o Options) Exporter {
	f := &firefox{w: w}
	f.walker = walker{o: o, v: f}
	return f
}

func (f *firefox) Push(b *format.Batch, calls []replay.Call) error {
	f.push(b, calls)
	return nil
}

func (f *firefox) row(b *format.Batch, i int) {
	switch b.Kind[i] {
	case format.ThreadEnd:
		f.threads.end(b.TID[i])
	case format.Fork:
		f.threads.end(int32(b.Args[format.ForkTID][i]))
	}
}

func (f *firefox) call(c *replay.Call) {
	if f.held >= f.o.Limit {
		f.omitted++
		return
	}
	f.held++
	t := f.threads.of(c.TID, func(uint64) *firefoxThread {
		t := &firefoxThread{pid: c.PID, tid: c.TID, comm: c.Comm, first: c.StartNS}
		f.all = append(f.all, t)
		return t
	})
	t.comm, t.pid = c.Comm, c.PID
	end := c.StartNS + c.DurNS
	t.last = max(t.last, end)
	m := firefoxMarker{start: c.StartNS, end: end, phase: phaseInterval, name: c.Syscall, failed: c.Errno() != 0}
	switch {
	case c.Status == replay.OpenAtEnd:
		m.phase = phaseStart
	case !hasSpan(c.Status):
		m.phase, m.start = phaseInstant, instantAt(c)
	}
	f.args = f.args[:0]
	if c.EnterSeq >= 0 {
		f.args = decode.AppendArgs(f.args, c.ABI, c.Nr, &c.Args, c.Told)
	}
	d := appendJSON(append(f.scratch[:0], `{"type":"syscall","args":`...), string(f.args))
	d = append(d, `,"ret":"`...)
	if c.HasResult() {
		d = appendInt(d, c.Ret)
	}
	d = append(d, `","errno":"`...)
	if e := c.Errno(); e != 0 {
		d = append(d, abi.ErrnoName(c.ABI, e)...)
	}
	d = append(append(append(d, `","status":"`...), c.Status.String()...), `"}`...)
	m.data = slices.Clone(d)
	f.scratch = d
	t.markers = append(t.markers, m)
}

const firefoxMeta = `"interval":1,"preprocessedProfileVersion":49,"version":24,"processType":0,"debug":false,"stackwalk":0,` +
	`"symbolicated":true,"usesOnlyOneStackType":true,"doesNotUseFrameImplementation":true,"sourceCodeIsNotOnSearchfox":true,` +
	`"extensions":{"baseURL":[],"id":[],"length":0,"name":[]},` +
	`"sampleUnits":{"time":"ms","eventDelay":"ms","threadCPUDelta":"ns"},` +
	`"categories":[{"name":"Other","color":"grey","subcategories":["Other"]},{"name":"System call","color":"blue","subcategories":["Other"]},` +
	`{"name":"Failed","color":"red","subcategories":["Other"]}],` +
	`"markerSchema":[{"name":"syscall","display":["marker-chart","marker-table","timeline-overview"],"chartLabel":"{marker.name}",` +
	`"tableLabel":"{marker.name}({marker.data.args}) = {marker.data.ret} {marker.data.errno}","tooltipLabel":"{marker.name}","data":[` +
	`{"key":"args","label":"Arguments","format":"string","searchable":true},{"key":"ret","label":"Returned","format":"string"},` +
	`{"key":"errno","label":"Error","format":"string","searchable":true},{"key":"status","label":"Status","format":"string"}]}]`

// Tables that a thread must have, although it has no stacks.
const firefoxEmpty = `"frameTable":{"length":0,"address":[],"inlineDepth":[],"category":[],"subcategory":[],"func":[],"nativeSymbol":[],` +
	`"innerWindowID":[],"implementation":[],"line":[],"column":[]},` +
	`"funcTable":{"length":0,"name":[],"isJS":[],"relevantForJS":[],"resource":[],"fileName":[],"lineNumber":[],"columnNumber":[]},` +
	`"stackTable":{"length":0,"prefix":[],"frame":[],"category":[],"subcategory":[]},` +
	`"samples":{"length":0,"stack":[],"time":[],"weight":null,"weightType":"samples"},` +
	`"resourceTable":{"length":0,"lib":[],"name":[],"host":[],"type":[]},` +
	`"nativeSymbols":{"length":0,"libIndex":[],"address":[],"name":[],"functionSize":[]}`

func (f *firefox) Finish(calls []replay.Call) ([]string, error) {
	f.rest(calls)
	w := f.w
	w.WriteString(`{"meta":{`)
	w.WriteString(firefoxMeta)
	w.WriteString(`,"startTime":`)
	w.Write(appendMillis(nil, f.first))
	w.WriteString(`,"product":`)
	w.Write(appendJSON(nil, "systape "+f.o.Meta.Host.Name))
	w.WriteString(`,"oscpu":`)
	w.Write(appendJSON(nil, f.o.Meta.Host.Kernel))
	w.WriteString(`},"libs":[],"pages":[],"profilerOverhead":[],"counters":[],"threads":[`)
	slices.SortStableFunc(f.all, func(a, b *firefoxThread) int {
		return cmp.Or(cmp.Compare(a.pid, b.pid), cmp.Compare(a.tid, b.tid), cmp.Compare(a.first, b.first))
	})
	for i, t := range f.all {
		if i > 0 {
			w.WriteString(",\n")
		}
		f.thread(t)
	}
	w.WriteString("]}\n")
	var notes []string
	if f.omitted > 0 {
		notes = append(notes, count(f.omitted, "call is", "calls are")+" left out: the format is held in memory as a whole; choose fewer with filters, or use perfetto")
	}
	if f.instants() > 0 {
		notes = append(notes, "calls of which one end is missing are markers without duration")
	}
	return append(notes, lossNote(f.lost)...), w.Flush()
}

func (f *firefox) thread(t *firefoxThread) {
	w := f.w
	// Markers stand in order of their starts.
	slices.SortStableFunc(t.markers, func(a, b firefoxMarker) int { return cmp.Compare(a.start, b.start) })
	var strings []format.Symbol
	index := map[format.Symbol]int{}
	for _, m := range t.markers {
		if _, ok := index[m.name]; !ok {
			index[m.name] = len(strings)
			strings = append(strings, m.name)
		}
	}
	name := shownName(f.o.Symbols, t.comm, t.tid)
	b := append(f.scratch[:0], `{"processType":"default","name":`...)
	b = appendJSON(b, name)
	b = append(b, `,"processName":`...)
	b = appendJSON(b, name)
	b = append(b, `,"isMainThread":`...)
	if t.pid == t.tid {
		b = append(b, "true"...)
	} else {
		b = append(b, "false"...)
	}
	b = append(appendInt(append(b, `,"pid":"`...), int64(t.pid)), `","tid":"`...)
	b = append(appendInt(b, int64(t.tid)), `","processStartupTime":`...)
	b = append(appendMillis(b, t.first-f.walker.first), `,"processShutdownTime":null,"registerTime":`...)
	b = append(appendMillis(b, t.first-f.walker.first), `,"unregisterTime":null,"pausedRanges":[],"showMarkersInTimeline":true,`...)
	b = append(b, firefoxEmpty...)
	b = append(b, `,"stringArray":[`...)
	for i, s := range strings {
		b = comma(b, i)
		b = appendJSON(b, f.o.Symbols.String(s))
	}
	b = append(b, `],"markers":{"length":`...)
	b = appendInt(b, int64(len(t.markers)))
	column := func(key string, value func(m *firefoxMarker)) {
		b = append(append(append(b, `,"`...), key...), `":[`...)
		for i := range t.markers {
			b = comma(b, i)
			value(&t.markers[i])
			if len(b) > 1<<16 {
				w.Write(b) // an error sticks in w
				b = b[:0]
			}
		}
		b = append(b, ']')
	}
	column("name", func(m *firefoxMarker) { b = appendInt(b, int64(index[m.name])) })
	column("startTime", func(m *firefoxMarker) { b = appendMillis(b, m.start-f.walker.first) })
	column("endTime", func(m *firefoxMarker) {
		if m.phase == phaseInterval {
			b = appendMillis(b, m.end-f.walker.first)
		} else {
			b = append(b, "null"...)
		}
	})
	column("phase", func(m *firefoxMarker) { b = appendInt(b, int64(m.phase)) })
	column("category", func(m *firefoxMarker) {
		if m.failed {
			b = append(b, '2')
		} else {
			b = append(b, '1')
		}
	})
	column("data", func(m *firefoxMarker) { b = append(b, m.data...) })
	b = append(b, "}}"...)
	w.Write(b)
	f.scratch = b[:0]
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}
