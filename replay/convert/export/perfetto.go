package export

import (
	"bufio"

	"google.golang.org/protobuf/encoding/protowire"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/render/decode"
)

// Field numbers of protos/perfetto/trace/perfetto_trace.proto (perfetto v59).
const (
	tracePacket = 1

	packetClockSnapshot   = 6
	packetTimestamp       = 8
	packetSequence        = 10
	packetTrackEvent      = 11
	packetInternedData    = 12
	packetSequenceFlags   = 13
	packetTrackDescriptor = 60

	snapshotClocks = 1
	clockID        = 1
	clockTimestamp = 2

	eventCategoryIIDs     = 3
	eventDebugAnnotations = 4
	eventType             = 9
	eventNameIID          = 10
	eventTrackUUID        = 11
	eventName             = 23
	eventFlowIDs          = 47
	eventTerminatingFlow  = 48

	annotationNameIID   = 1
	annotationInt       = 4
	annotationString    = 6
	annotationStringIID = 17

	internedCategories  = 1
	internedEventNames  = 2
	internedAnnotations = 3
	internedStrings     = 29
	internedIID         = 1
	internedName        = 2

	descriptorUUID    = 1
	descriptorName    = 2
	descriptorProcess = 3
	descriptorThread  = 4
	descriptorParent  = 5
	processPID        = 1
	processName       = 6
	threadPID         = 1
	threadTID         = 2
	threadName        = 5
)

const (
	sliceBegin = 1
	sliceEnd   = 2
	instant    = 3

	stateCleared = 1 // SEQ_INCREMENTAL_STATE_CLEARED
	stateNeeded  = 2 // SEQ_NEEDS_INCREMENTAL_STATE

	clockRealtime = 1
	clockBoottime = 6 // the default clock of packets

	sequence = 1
)

// The names of annotations, interned in this order.
var annotations = []string{"args", "ret", "errno", "status", "cpu", "seq"}

const (
	annArgs = 1 + iota
	annRet
	annErrno
	annStatus
	annCPU
	annSeq
)

// perfetto writes a Perfetto trace: a track for each process and thread, a
// slice for each call with its arguments, result and error, an instant for
// calls of which one end is missing, open slices for calls that had not
// returned. A restarted call and the one that continues it are linked.
type perfetto struct {
	walker
	w         *bufio.Writer
	m         message
	scratch   []byte
	names     map[format.Symbol]uint64
	strings   map[string]uint64
	threads   threads[perfettoThread]
	processes map[int32]bool
	losses    map[int32]bool
	begun     bool
	inStart   int // of the packet that is being built
}

type perfettoThread struct {
	uuid uint64
	comm format.Symbol
}

// Tracks have ids of one space; threads count from 1<<32.
const (
	threadUUID  = 1 << 32
	processUUID = 1 << 33
	lossUUID    = 1 << 34
)

func newPerfetto(w *bufio.Writer, o Options) Exporter {
	p := &perfetto{w: w, names: map[format.Symbol]uint64{}, strings: map[string]uint64{}, processes: map[int32]bool{}, losses: map[int32]bool{}}
	p.walker = walker{o: o, v: p}
	return p
}

func (p *perfetto) Push(b *format.Batch, calls []replay.Call) error {
	p.header()
	p.push(b, calls)
	return p.flush()
}

func (p *perfetto) Finish(calls []replay.Call) ([]string, error) {
	p.header()
	p.rest(calls)
	if err := p.flush(); err != nil {
		return nil, err
	}
	var notes []string
	if n := p.instants(); n > 0 {
		notes = append(notes, "calls of which one end is missing are instants without duration: "+
			statusList(p.shown, func(s replay.Status) bool { return !hasSpan(s) }))
	}
	notes = append(notes, "starts and execs of threads show as names of tracks only")
	return append(notes, lossNote(p.lost)...), p.w.Flush()
}

// flush writes the packets built so far.
func (p *perfetto) flush() error {
	_, err := p.w.Write(p.m.b)
	p.m.b = p.m.b[:0]
	return err
}

// packet begins a packet; done ends it.
func (p *perfetto) packet(flags uint64) {
	p.inStart = p.m.begin(tracePacket)
	p.m.uint(packetSequence, sequence)
	if flags != 0 {
		p.m.uint(packetSequenceFlags, flags)
	}
}

func (p *perfetto) done() { p.m.end(p.inStart) }

// header writes what comes first: the interned annotation names, and how
// capture time and the wall clock correspond.
func (p *perfetto) header() {
	if p.begun {
		return
	}
	p.begun = true
	p.packet(stateCleared)
	in := p.m.begin(packetInternedData)
	for i, n := range annotations {
		p.interned(internedAnnotations, uint64(i+1), n)
	}
	p.interned(internedCategories, 1, "syscall")
	p.interned(internedCategories, 2, "loss")
	p.m.end(in)
	p.done()
	for _, a := range p.o.Meta.Clock.Anchors {
		if a.TS <= 0 || a.RealNS <= 0 {
			continue
		}
		p.packet(0)
		p.m.uint(packetTimestamp, uint64(a.TS))
		s := p.m.begin(packetClockSnapshot)
		for _, c := range [][2]uint64{{clockBoottime, uint64(a.TS)}, {clockRealtime, uint64(a.RealNS)}} {
			k := p.m.begin(snapshotClocks)
			p.m.uint(clockID, c[0])
			p.m.uint(clockTimestamp, c[1])
			p.m.end(k)
		}
		p.m.end(s)
		p.done()
	}
}

func (p *perfetto) interned(kind protowire.Number, iid uint64, s string) {
	k := p.m.begin(kind)
	p.m.uint(internedIID, iid)
	p.m.string(internedName, s)
	p.m.end(k)
}

// name returns the id of a call's name, writing it before its first use.
func (p *perfetto) name(s format.Symbol) uint64 {
	if id, ok := p.names[s]; ok {
		return id
	}
	id := uint64(len(p.names) + 1)
	p.names[s] = id
	p.intern(internedEventNames, id, p.o.Symbols.String(s))
	return id
}

func (p *perfetto) intern(kind protowire.Number, id uint64, s string) {
	p.packet(stateNeeded)
	in := p.m.begin(packetInternedData)
	p.interned(kind, id, s)
	p.m.end(in)
	p.done()
}

// value returns the id of an interned string, 0 when there are too many.
func (p *perfetto) value(s []byte) uint64 {
	if id, ok := p.strings[string(s)]; ok {
		return id
	}
	if len(p.strings) >= 1<<16 {
		return 0
	}
	id := uint64(len(p.strings) + 1)
	p.strings[string(s)] = id
	p.intern(internedStrings, id, string(s))
	return id
}

// thread returns the track of a call's thread, described before its first use
// and again when the thread has another name.
func (p *perfetto) thread(c *replay.Call) uint64 {
	t := p.threads.of(c.TID, func(id uint64) *perfettoThread {
		return &perfettoThread{uuid: threadUUID + id, comm: ^format.Symbol(0)}
	})
	if t.comm != c.Comm {
		t.comm = c.Comm
		p.describe(t.uuid, c.PID, c.TID, shownName(p.o.Symbols, c.Comm, c.TID))
	}
	return t.uuid
}

func (p *perfetto) describe(uuid uint64, pid, tid int32, name string) {
	if !p.processes[pid] {
		p.processes[pid] = true
		p.packet(0)
		d := p.m.begin(packetTrackDescriptor)
		p.m.uint(descriptorUUID, processUUID+uint64(uint32(pid)))
		k := p.m.begin(descriptorProcess)
		p.m.int(processPID, int64(pid))
		p.m.string(processName, name)
		p.m.end(k)
		p.m.end(d)
		p.done()
	}
	p.packet(0)
	d := p.m.begin(packetTrackDescriptor)
	p.m.uint(descriptorUUID, uuid)
	p.m.uint(descriptorParent, processUUID+uint64(uint32(pid)))
	k := p.m.begin(descriptorThread)
	p.m.int(threadPID, int64(pid))
	p.m.int(threadTID, int64(tid))
	p.m.string(threadName, name)
	p.m.end(k)
	p.m.end(d)
	p.done()
}

func (p *perfetto) call(c *replay.Call) {
	name, track := p.name(c.Syscall), p.thread(c)
	var args uint64
	p.scratch = p.scratch[:0]
	if c.EnterSeq >= 0 {
		p.scratch = decode.AppendArgs(p.scratch, c.ABI, c.Nr, &c.Args, c.Told)
		args = p.value(p.scratch)
	}
	at, kind := c.StartNS, uint64(sliceBegin)
	if !hasSpan(c.Status) {
		at, kind = instantAt(c), instant
	}
	p.packet(stateNeeded)
	p.m.uint(packetTimestamp, uint64(at))
	e := p.m.begin(packetTrackEvent)
	p.m.uint(eventType, kind)
	p.m.uint(eventTrackUUID, track)
	p.m.uint(eventCategoryIIDs, 1)
	p.m.uint(eventNameIID, name)
	if c.EnterSeq >= 0 {
		a := p.m.begin(eventDebugAnnotations)
		p.m.uint(annotationNameIID, annArgs)
		if args != 0 {
			p.m.uint(annotationStringIID, args)
		} else {
			p.m.bytes(annotationString, p.scratch)
		}
		p.m.end(a)
	}
	if c.HasResult() {
		p.number(annRet, c.Ret)
		if errno := c.Errno(); errno != 0 {
			p.text(annErrno, abi.ErrnoName(c.ABI, errno))
		}
	}
	if c.Status != replay.OK {
		p.text(annStatus, c.Status.String())
	}
	seq, cpu := c.EnterSeq, c.CPUEnter
	if seq < 0 {
		seq, cpu = c.ExitSeq, c.CPUExit
	}
	p.number(annCPU, int64(cpu))
	p.number(annSeq, seq)
	if c.Status == replay.Restarted {
		p.m.fixed64(eventFlowIDs, uint64(c.EnterSeq)+1)
	}
	if c.Continues >= 0 {
		p.m.fixed64(eventTerminatingFlow, uint64(c.Continues)+1)
	}
	p.m.end(e)
	p.done()
	if kind == sliceBegin && c.Status != replay.OpenAtEnd {
		p.packet(0)
		p.m.uint(packetTimestamp, uint64(c.StartNS+c.DurNS))
		e := p.m.begin(packetTrackEvent)
		p.m.uint(eventType, sliceEnd)
		p.m.uint(eventTrackUUID, track)
		p.m.end(e)
		p.done()
	}
	if len(p.m.b) > 1<<16 {
		p.flush() // an error sticks in p.w
	}
}

func (p *perfetto) number(name uint64, v int64) {
	a := p.m.begin(eventDebugAnnotations)
	p.m.uint(annotationNameIID, name)
	p.m.int(annotationInt, v)
	p.m.end(a)
}

func (p *perfetto) text(name uint64, s string) {
	a := p.m.begin(eventDebugAnnotations)
	p.m.uint(annotationNameIID, name)
	p.m.string(annotationString, s)
	p.m.end(a)
}

func (p *perfetto) row(b *format.Batch, i int) {
	switch b.Kind[i] {
	case format.ThreadEnd:
		p.threads.end(b.TID[i])
	case format.Fork:
		p.threads.end(int32(b.Args[format.ForkTID][i]))
	case format.Exec:
		if old := int32(b.Args[format.ExecOldTID][i]); old != b.TID[i] {
			p.threads.end(old)
		}
	case format.Lost:
		p.loss(b, i)
	}
}

// loss shows a loss as a slice on a track of its CPU.
func (p *perfetto) loss(b *format.Batch, i int) {
	cpu := b.CPU[i]
	uuid := lossUUID + uint64(uint32(cpu))
	if !p.losses[cpu] {
		p.losses[cpu] = true
		p.packet(0)
		d := p.m.begin(packetTrackDescriptor)
		p.m.uint(descriptorUUID, uuid)
		p.m.bytes(descriptorName, appendInt([]byte("events lost on cpu "), int64(cpu)))
		p.m.end(d)
		p.done()
	}
	for _, x := range []struct {
		at   int64
		kind uint64
	}{{b.Args[format.LostFirst][i], sliceBegin}, {b.Args[format.LostLast][i], sliceEnd}} {
		p.packet(stateNeeded)
		p.m.uint(packetTimestamp, uint64(x.at))
		e := p.m.begin(packetTrackEvent)
		p.m.uint(eventType, x.kind)
		p.m.uint(eventTrackUUID, uuid)
		if x.kind == sliceBegin {
			p.m.uint(eventCategoryIIDs, 2)
			p.m.bytes(eventName, append(appendInt(nil, b.Args[format.LostCount][i]), " lost"...))
		}
		p.m.end(e)
		p.done()
	}
}
