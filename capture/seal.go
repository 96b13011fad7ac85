package capture

import (
	"errors"
	"os"
	"time"

	"systape/format"
)

// Sealing makes the capture files of a recording's spools: while recording goes
// on, as long as nobody else wants the CPUs, and the rest at the end. (A thread of low priority would be worse than none: the whole
// program waits for it at every step of the garbage collector.)
type Sealing struct {
	recording *Recording
	first     Output
	opt       SealingOptions
	at        int            // the part that is being sealed, from 0
	sealer    *format.Sealer // of that part; nil: not begun, or given up
	failed    error          // why sealing cannot begin anew: rows are in the unfinished file only
	bytes     int64          // of the captures that are finished
	quit      chan struct{}
	done      chan struct{}
}

// SealingOptions say what becomes of spools.
type SealingOptions struct {
	format.SealOptions
	SpoolOnly bool          // spools are what is wanted
	Apart     bool          // of a flight recorder, whose files are finished when they are whole, also the last one
	Finished  func(*Sealed) // told of each part that is finished, in order; may be nil
}

// Sealed is a part that is finished.
type Sealed struct {
	Path  string // of its file
	Bytes int64
}

const (
	sealEvery = 100 * time.Millisecond

	// Of a spool that was sealed so much is given back at once: each time costs
	// three flushes of the disk.
	giveBackBytes = 8 << 20

	// From so much on that waits to be sealed, others have to share the CPUs, so
	// that spools do not fill the disk.
	latestBytes = 256 << 20
	latestParts = 2
)

// Seal begins to make captures of the recording's spools, of which the first is
// first, the zero Output for a flight recorder. Stop must follow when the recording has ended, then Finish or Abort.
func (r *Recording) Seal(first Output, opt SealingOptions) *Sealing {
	s := &Sealing{recording: r, first: first, opt: opt, quit: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

func (s *Sealing) run() {
	defer close(s.done)
	var turns Background
	turns.Begin()
	defer turns.End()
	for {
		wait := sealEvery
		if !s.recording.Busy() && s.step() {
			if wait = turns.Pause(); s.late() {
				wait = 0
			}
		}
		select {
		case <-s.quit:
			return
		case <-time.After(wait):
		}
	}
}

// part returns the part that is being sealed.
func (s *Sealing) part() (out Output, committed int64, whole, ok bool) {
	out, committed, whole, ok = s.recording.part(s.at)
	if s.at == 0 && !s.opt.Apart {
		out = s.first
	}
	return out, committed, whole, ok
}

// step seals one batch. What fails here is tried once more at the end, when
// the whole spool is there and the user can be told.
func (s *Sealing) step() (more bool) {
	out, committed, whole, ok := s.part()
	if !ok || s.failed != nil || committed == 0 {
		return false
	}
	last := whole && !s.opt.Apart && !s.another()
	if s.opt.SpoolOnly {
		return whole && !last && s.next(&Sealed{out.Spool, committed}) == nil
	}
	if s.begin(out) != nil {
		return false
	}
	more, err := s.sealer.Step(committed)
	if err == nil && s.sealer.Spare() >= giveBackBytes {
		err = s.sealer.GiveBack()
	}
	if err != nil {
		s.giveUp(err)
		return false
	}
	spool, capture := s.sealer.Sealed()
	s.recording.wasSealed(s.at+1, spool, capture)
	if !more && whole && !last {
		return s.finishPart(out) == nil
	}
	return more
}

// another reports whether a part follows the one that is being sealed.
func (s *Sealing) another() bool {
	_, _, _, ok := s.recording.part(s.at + 1)
	return ok
}

// giveUp ends the sealing of the part. It can begin anew unless rows are in the
// unfinished file only.
func (s *Sealing) giveUp(err error) {
	if s.sealer.GaveBack() {
		s.failed = err
	}
	s.sealer.Abort()
	s.sealer = nil
}

// finishPart publishes the part's capture, and goes on to the next part.
func (s *Sealing) finishPart(out Output) error {
	result, err := s.sealer.Finish()
	if err != nil {
		s.giveUp(err)
		return err
	}
	s.sealer = nil
	return s.next(&Sealed{out.Path, result.Bytes})
}

// next goes on to the next part.
func (s *Sealing) next(done *Sealed) error {
	s.bytes += done.Bytes
	if out, _, _, ok := s.recording.part(s.at); ok && (s.at > 0 || s.opt.Apart) {
		if err := out.File.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
	s.at++
	if s.opt.Finished != nil {
		s.opt.Finished(done)
	}
	return nil
}

// late reports whether too much waits to be sealed.
func (s *Sealing) late() bool {
	written, parts := s.recording.since(s.at)
	if s.sealer != nil {
		sealed, _ := s.sealer.Sealed()
		written -= sealed
	}
	return written > latestBytes || parts > latestParts
}

func (s *Sealing) begin(out Output) error {
	if s.sealer != nil || s.failed != nil {
		return s.failed
	}
	sealer, err := format.NewSealer(out.Spool, out.Path, s.opt.SealOptions)
	if err != nil {
		return err
	}
	s.sealer = sealer
	return nil
}

// Stop ends the work in the background.
func (s *Sealing) Stop() {
	close(s.quit)
	<-s.done
}

// Abort removes what has been sealed of the part: the spool is what remains.
func (s *Sealing) Abort() {
	if s.sealer != nil {
		s.sealer.Abort()
	}
}

// Unfinished returns the parts that are not finished, in their order: the first is
// the one that Finish is about to seal or has failed to, the last the one that was
// written to in the end.
func (s *Sealing) Unfinished() (left []Output) {
	for i := s.at; ; i++ {
		out, _, _, ok := s.recording.part(i)
		if !ok {
			return left
		}
		if i == 0 && !s.opt.Apart {
			out = s.first
		}
		left = append(left, out)
	}
}

// Finish seals what is left, all of which must be whole. progress is told how many of a
// spool's bytes are done; nil tells nobody. It returns the bytes of all parts.
func (s *Sealing) Finish(progress func(done, total int64)) (bytes int64, err error) {
	for {
		out, committed, _, ok := s.part()
		switch {
		case !ok:
			return s.bytes, nil
		case s.opt.SpoolOnly:
			err = s.next(&Sealed{out.Spool, committed})
		default:
			if err = s.begin(out); err == nil {
				s.sealer.OnProgress(progress)
				err = s.finishPart(out)
			}
		}
		if err != nil {
			return s.bytes, err
		}
	}
}
