package capture

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync/atomic"
	"time"

	"systape/bpf"
	"systape/format"
)

// flight is the recording's memory, and what writes files of it.
//
//	(1) Rows go to the current stretch. Once a second, and where a file is to
//	    end, a cut ends it; what no file is to have any more is given up.
//	(2) Where a file is to begin, it takes the stretches that reach into the
//	    window, as the disk takes them, and those that follow, up to the cut
//	    after its end. Marks at both ends say that nothing was recorded beyond.
type flight struct {
	opt    *Flight
	ring   ring
	writer *format.SpoolWriter // of the ring
	watch  *watch
	file   *flightFile // that is being written; nil: none
	cut    time.Time   // the latest

	number int   // of the latest file
	calm   int64 // capture time up to which triggers make no file
	fired  *fired
	before int64 // what had passed when it fired
	passed int64 // times that triggers fired without a file, since what the latest is about
	asked  atomic.Bool

	status struct{ held, window, files, fired, passed atomic.Int64 }
}

// flightFile is a file that is being written.
type flightFile struct {
	spool *format.SpoolWriter
	meta  format.Meta
	next  int       // number of the stretch to write
	last  int       // number of the last one; -1: not known yet
	end   time.Time // when the file is to end
	until int64     // capture time of the cut after last
}

// share is that of the calls which are recorded, and why; 0: no call is left out.
type share struct {
	of  bpf.Share
	why format.ShareReason
}

const (
	stretchEvery = time.Second

	// So much more than what is to be kept may wait for the disk.
	flightWaiting = 64 << 20
)

func (r *Recording) beginFlight(names *format.SymbolTable) (err error) {
	f := &flight{opt: r.opt.Flight, cut: time.Now()}
	f.ring = ring{window: int64(f.opt.Window), most: f.opt.Bytes}
	f.ring.begin(r.captureTime(r.clock()), share{})
	f.watch = newWatch(f.opt.Triggers, names, func(e fired) {
		f.status.fired.Add(1)
		if f.fired != nil || f.file != nil || e.at < f.calm {
			f.pass()
			return
		}
		f.fired, f.before = &e, f.takePassed()
	})
	if f.writer, err = format.NewStretchWriter(&f.ring, &r.meta); err != nil {
		return err
	}
	r.flight = f
	r.merger.full = f.keep
	return nil
}

func (f *flight) pass() {
	f.passed++
	f.status.passed.Add(1)
}

// takePassed returns how often triggers made no file since this was asked before.
func (f *flight) takePassed() (n int64) {
	n, f.passed = f.passed, 0
	return n
}

// keep takes a batch.
func (f *flight) keep(b *format.CodedBatch) error {
	if err := f.writer.WriteCoded(b); err != nil {
		return err
	}
	f.ring.current().Add(b)
	f.watch.look(b)
	return nil
}

// WriteOut has a flight recorder write what it keeps, without what comes after. It
// may be called at any time from any goroutine.
func (r *Recording) WriteOut() {
	if f := r.flight; f != nil {
		f.asked.Store(true)
	}
}

// fly does what is due after a poll.
func (r *Recording) fly(now time.Time) error {
	f := r.flight
	if f == nil {
		return nil
	}
	asked := f.asked.Load()
	if f.fired != nil && f.file == nil {
		since := time.Duration(r.captureTime(r.clock()) - f.fired.at)
		if err := r.beginFile(f.byTrigger(), now.Add(f.opt.After-since)); err != nil {
			return err
		}
	}
	due := now.Sub(f.cut) >= stretchEvery || asked || f.ring.full() || f.file != nil && f.file.last < 0 && !now.Before(f.file.end)
	if due && !r.cutting() {
		r.lookBefore(false)
	}
	if due {
		if err := r.beginCut(); err != nil {
			return err
		}
	}
	at, done, err := r.cutAt()
	if err != nil {
		return err
	}
	if done {
		if err := r.nextStretch(now, r.captureTime(at), asked); err != nil {
			return err
		}
		r.lookAfter(at)
	}
	if err := r.writeFile(false); err != nil {
		return err
	}
	return f.forget(r)
}

// byTrigger says what a file is about that the trigger writes which has fired.
func (f *flight) byTrigger() format.Flight {
	e := f.fired
	f.fired, f.calm = nil, e.at+int64(f.opt.Cooldown)
	return format.Flight{Why: format.FlightTrigger, Passed: f.before, Trigger: e.trigger.String(), What: e.what, AtNS: e.at, PID: e.pid, TID: e.tid, Comm: f.watch.names.String(e.comm)}
}

// nextStretch ends the current stretch, and the file that is due.
func (r *Recording) nextStretch(now time.Time, cut int64, asked bool) error {
	f := r.flight
	ended := f.ring.number()
	f.watch.hung(cut)
	if asked {
		f.asked.Store(false)
		if f.file == nil {
			if err := r.beginFile(format.Flight{Why: format.FlightSignal, AtNS: cut, Passed: f.takePassed()}, now); err != nil {
				return err
			}
		} else {
			f.file.end = now
		}
	}
	if f.file != nil && f.file.last < 0 && !now.Before(f.file.end) {
		f.file.last, f.file.until = ended, cut
	}
	f.cut = now
	f.ring.begin(cut, r.share())
	f.writer.Anew()
	return nil
}

func (r *Recording) share() share {
	if r.sampling == nil {
		return share{}
	}
	return share{r.sampling.share, r.sampling.why}
}

// beginFile begins a file, which has the window before what it is about.
func (r *Recording) beginFile(about format.Flight, end time.Time) (err error) {
	f := r.flight
	f.number++
	f.status.files.Add(1)
	from := f.ring.gone
	if f.ring.window > 0 {
		from = f.ring.from(about.AtNS - f.ring.window)
	}
	first := f.ring.at(from)
	about.Recorder, about.Number = r.meta.CaptureID, f.number
	about.WindowNS, about.WindowBytes, about.AfterNS = f.ring.window, f.ring.most, int64(f.opt.After)
	for _, t := range f.opt.Triggers {
		about.Triggers = append(about.Triggers, t.String())
	}
	r.anchor()
	file := &flightFile{meta: r.meta, next: from, last: -1, end: end}
	m := &file.meta
	id := make([]byte, 16)
	rand.Read(id)
	m.CaptureID, m.Flight = hex.EncodeToString(id), &about
	m.Clock.Anchors = slices.Clone(anchorsFrom(m.Clock.Anchors, first.began))
	m.Probes = slices.Clone(m.Probes)
	var opening []mark // where the recording itself does not begin with it
	if from > 0 {
		opening = []mark{{what: format.ExitsBegan}, {what: format.EntersBegan}}
	}
	if from > 0 && first.share.of != 0 {
		opening = append(opening, mark{format.ShareSet, first.share})
	}
	seq := f.seqFrom(from, r.merger.batch.Seq)
	m.Part = format.Part{Number: 1, FirstSeq: seq - int64(len(opening)), Rows: -1, Last: true}
	if len(opening) > 0 {
		for i := range m.Probes {
			m.Probes[i].AttachNS = max(m.Probes[i].AttachNS, first.began)
		}
	}
	number, now := f.number, time.Unix(0, about.AtNS)
	r.out.Next(func() (Output, error) { return f.opt.Next(number, now) })
	if file.spool, err = format.NewSpoolFile(r.out, m); err != nil {
		return err
	}
	f.file = file
	return f.file.marks(seq-int64(len(opening)), first.began, opening)
}

// mark is a row that a file has of its own.
type mark struct {
	what format.MarkOf
	share
}

// seqFrom returns the seq of the first row from a stretch on; next is that of the
// first row that is in none.
func (f *flight) seqFrom(number int, next int64) int64 {
	for ; number <= f.ring.number(); number++ {
		if s := f.ring.at(number); s.Rows > 0 {
			return s.First
		}
	}
	return next
}

// marks writes marks of one instant.
func (f *flightFile) marks(seq, at int64, list []mark) error {
	b := format.NewBatch(format.NewSymbolTable(), len(list))
	for i, m := range list {
		e := format.Event{TS: at, Seq: seq + int64(i), Kind: format.Mark, ABI: nativeABI(), CPU: -1, Nr: -1}
		e.Args[format.MarkWhat], e.Args[format.MarkFirst], e.Args[format.MarkLast] = int64(m.what), at, at
		e.Args[format.MarkShare], e.Args[format.MarkWhy] = int64(m.of), int64(m.why)
		b.Append(e)
	}
	return f.spool.Write(b)
}

// writeFile writes the stretches that are ready as far as the disk takes them, and
// ends the file when it has its last one. With wait, all of them.
func (r *Recording) writeFile(wait bool) error {
	f := r.flight
	file := f.file
	if file == nil {
		return nil
	}
	ready := f.ring.number()
	if file.last >= 0 {
		ready = file.last + 1
	}
	for ; file.next < ready && (wait || !r.out.Behind()); file.next++ {
		if err := r.writeStretch(file); err != nil {
			return err
		}
	}
	if file.last < 0 || file.next <= file.last {
		return nil
	}
	return r.endFile()
}

func (r *Recording) writeStretch(file *flightFile) error {
	began, waited := r.clock(), r.out.waited.Load()
	err := file.spool.WriteStretch(&r.flight.ring.at(file.next).Stretch)
	if err == nil {
		err = r.out.Flush()
	}
	if r.out.waited.Load() != waited {
		r.stall.extend(began, r.clock())
	}
	return err
}

// endFile ends the file: the recording itself has not ended.
func (r *Recording) endFile() error {
	file := r.flight.file
	m := &file.meta
	last := file.until
	closing := []mark{{what: format.EntersStopped}, {what: format.ExitsStopped}}
	if err := file.marks(m.Part.FirstSeq+file.spool.Rows(), last, closing); err != nil {
		return err
	}
	for i := range m.Probes {
		m.Probes[i].DetachNS = last
	}
	r.anchor()
	return r.closeFile()
}

func (r *Recording) closeFile() error {
	f := r.flight
	file := f.file
	f.file = nil
	m := &file.meta
	for _, a := range r.meta.Clock.Anchors {
		if n := len(m.Clock.Anchors); n == 0 || a.TS > m.Clock.Anchors[n-1].TS {
			m.Clock.Anchors = append(m.Clock.Anchors, a)
		}
	}
	m.Complete = true
	if err := file.spool.Close(m); err != nil {
		return err
	}
	r.out.End()
	return nil
}

// forget gives up what is not to be kept. What a file is still to have stays,
// unless the disk is so slow that it would become too much.
func (f *flight) forget(r *Recording) error {
	now := r.captureTime(r.clock())
	for {
		keep := f.ring.number()
		if f.file != nil {
			keep = min(keep, f.file.next)
		}
		f.ring.forget(now, keep)
		if f.file == nil || f.file.next >= f.ring.number() || f.ring.excess(now) <= flightWaiting {
			break
		}
		if err := r.writeStretch(f.file); err != nil {
			return err
		}
		f.file.next++
	}
	r.meta.Clock.Anchors = anchorsFrom(r.meta.Clock.Anchors, f.ring.list[0].began)
	f.status.held.Store(f.ring.bytes)
	f.status.window.Store(int64(f.ring.held(now)))
	return nil
}

// anchorsFrom returns the anchors from a time on, and the one before.
func anchorsFrom(a []format.Anchor, ts int64) []format.Anchor {
	for len(a) > 1 && a[1].TS <= ts {
		a = a[1:]
	}
	return a
}

// land writes what is to be written at the end of the recording, whose own last
// rows say that it ended.
func (r *Recording) land(meta *format.Meta) error {
	f := r.flight
	defer f.ring.free()
	if f.file != nil && f.file.last >= 0 {
		if err := r.writeFile(true); err != nil {
			return err
		}
	}
	if f.file == nil {
		var about format.Flight
		switch asked := f.asked.Load(); {
		case f.fired != nil: // in the last rows
			about = f.byTrigger()
		case asked:
			about = format.Flight{Why: format.FlightSignal, AtNS: r.captureTime(r.clock()), Passed: f.takePassed()}
		case f.opt.atEnd():
			about = format.Flight{Why: format.FlightEnd, AtNS: r.captureTime(r.clock()), Passed: f.takePassed()}
		default:
			return nil
		}
		if err := r.beginFile(about, time.Now()); err != nil {
			return err
		}
	}
	for f.file.last = f.ring.number(); f.file.next <= f.file.last; f.file.next++ {
		if err := r.writeStretch(f.file); err != nil {
			return err
		}
	}
	for i := range f.file.meta.Probes {
		f.file.meta.Probes[i].DetachNS = meta.Probes[i].DetachNS
	}
	return r.closeFile()
}

// flightStatus may be called at any time from any goroutine.
func (r *Recording) flightStatus() *FlightStatus {
	f := r.flight
	if f == nil {
		return nil
	}
	return &FlightStatus{
		Held: f.status.held.Load(), Window: time.Duration(f.status.window.Load()),
		Files: f.status.files.Load(), Fired: f.status.fired.Load(), Passed: f.status.passed.Load(),
	}
}
