package capture

import (
	"time"

	"systape/format"
)

// Sealing makes the capture file of a recording's spool: while recording goes
// on, as long as nobody else wants the CPUs, and the rest at the end. (A thread of low priority would be worse than none: the whole
// program waits for it at every step of the garbage collector.)
type Sealing struct {
	recording *Recording
	spool     string
	path      string
	opt       format.SealOptions
	sealer    *format.Sealer // nil: not begun, or given up
	failed    error          // why sealing cannot begin anew: rows are in the unfinished file only
	quit      chan struct{}
	done      chan struct{}
}

const (
	sealEvery = 100 * time.Millisecond

	// Of a spool that was sealed so much is given back at once: each time costs
	// three flushes of the disk.
	giveBackBytes = 8 << 20

	// From so much on that waits to be sealed, others have to share the CPUs, so
	// that the spool does not fill the disk.
	patience = 256 << 20
)

// Seal begins to make the capture path of the recording's spool, whose file
// name is spool. Stop must follow when the recording has ended, then Finish or
// Abort.
func (r *Recording) Seal(spool, path string, opt format.SealOptions) *Sealing {
	s := &Sealing{recording: r, spool: spool, path: path, opt: opt, quit: make(chan struct{}), done: make(chan struct{})}
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
			if wait = turns.Pause(); s.waiting() > patience {
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

// step seals one batch. What fails here is tried once more at the end, when
// the whole spool is there and the user can be told.
func (s *Sealing) step() (more bool) {
	committed := s.recording.Committed()
	if committed == 0 || s.begin() != nil {
		return false
	}
	more, err := s.sealer.Step(committed)
	if err == nil && s.sealer.Spare() >= giveBackBytes {
		err = s.sealer.GiveBack()
	}
	if err != nil {
		if s.sealer.GaveBack() {
			s.failed = err
		}
		s.sealer.Abort()
		s.sealer = nil
		return false
	}
	return more
}

// waiting returns how many bytes of the spool wait to be sealed.
func (s *Sealing) waiting() int64 {
	if s.sealer == nil {
		return 0
	}
	sealed, _ := s.sealer.Sealed()
	return s.recording.Committed() - sealed
}

func (s *Sealing) begin() error {
	if s.sealer != nil || s.failed != nil {
		return s.failed
	}
	sealer, err := format.NewSealer(s.spool, s.path, s.opt)
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

// Abort removes what has been sealed: the spool is what remains.
func (s *Sealing) Abort() {
	if s.sealer != nil {
		s.sealer.Abort()
	}
}

// Finish seals the rest of the spool, which must be whole. progress is told
// how many of the spool's bytes are done; nil tells nobody.
func (s *Sealing) Finish(progress func(done, total int64)) (*format.SealResult, error) {
	if err := s.begin(); err != nil {
		return nil, err
	}
	s.sealer.OnProgress(progress)
	return s.sealer.Finish()
}
