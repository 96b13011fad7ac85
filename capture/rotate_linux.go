package capture

import (
	"time"

	"systape/format"
)

// Rotate has the recording go on in another part, if it has a [Rotation]. It may be
// called at any time from any goroutine.
func (r *Recording) Rotate() { r.turn.Store(true) }

// rotateIfDue goes on in another part when it is time to. One without events is
// not ended.
func (r *Recording) rotateIfDue(now time.Time) error {
	o := r.opt.Rotation
	if o == nil || r.merger.seq() == r.meta.Part.FirstSeq {
		return nil
	}
	if !r.cutting() {
		due := r.turn.Swap(false) || o.Every > 0 && now.Sub(r.partBegan) >= o.Every || o.Bytes > 0 && r.partBytes() >= o.Bytes
		if !due {
			return nil
		}
		r.lookBefore(true)
		if err := r.beginCut(); err != nil {
			return err
		}
	}
	at, done, err := r.cutAt()
	if err != nil || !done {
		return err
	}
	return r.rotate(at, now)
}

// rotate ends the part at a cut and begins the next one. Nothing here waits for the
// disk: files change when what was queued before has been written.
func (r *Recording) rotate(at uint64, now time.Time) error {
	r.anchor()
	end := r.meta
	end.Part.Last, end.Complete = false, true
	if err := r.spool.Close(&end); err != nil {
		return err
	}
	r.meta.Part = format.Part{Number: end.Part.Number + 1, FirstSeq: r.merger.seq(), Rows: -1, Last: true, Rotation: true}
	r.meta.Clock.Anchors = nil
	r.anchor()
	if s := r.share(); s.of != 0 { // who reads the part alone has no other way to know
		r.merger.notice(notice{first: at, last: at, cpu: -1, kind: format.Mark, mark: format.ShareSet, share: int64(s.of), why: s.why})
	}
	r.lookAfter(at)
	r.partBegan = now
	number := r.meta.Part.Number
	r.out.Next(func() (Output, error) { return r.opt.Rotation.Next(number, now) })
	var err error
	r.spool, err = r.beginSpool(r.out, &r.meta)
	return err
}

// partBytes estimates what the capture of this part has by now: what has been
// sealed, and the spool's bytes for what was not.
func (r *Recording) partBytes() int64 {
	spool := r.spool.Bytes()
	if s := r.sealed.Load(); s != nil && s.part == r.meta.Part.Number {
		return s.capture + max(spool-s.spool, 0)
	}
	return spool
}

// sealedPart is how far a part has been sealed.
type sealedPart struct {
	part           int
	spool, capture int64 // bytes
}

// since returns how many bytes the spools have from part i on, from 0, and how
// many parts follow that.
func (r *Recording) since(i int) (bytes int64, more int) { return r.out.Since(i) }

// part returns part i of the recording, from 0: how many bytes of its spool
// have been written, ending with a whole batch, and whether it is finished.
func (r *Recording) part(i int) (out Output, committed int64, whole, ok bool) { return r.out.Part(i) }
