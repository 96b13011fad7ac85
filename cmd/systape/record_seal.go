package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"systape/capture"
	"systape/format"
)

// recordSealer makes the capture of the spool while recording goes on, as long
// as nobody else wants the CPUs. What is left is done at the end. (A thread of low priority would be worse than none: the whole program
// waits for it at every step of the garbage collector.)
type recordSealer struct {
	out    *recordOutput
	sealer *format.Sealer // nil: not begun, or given up
	quit   chan struct{}
	done   chan struct{}
}

const sealEvery = 100 * time.Millisecond

func startSealer(r *capture.Recording, out *recordOutput) *recordSealer {
	s := &recordSealer{out: out, quit: make(chan struct{}), done: make(chan struct{})}
	if out.stream || out.keepSpool {
		close(s.done)
		return s
	}
	go s.run(r)
	return s
}

func (s *recordSealer) run(r *capture.Recording) {
	defer close(s.done)
	var turns capture.Background
	turns.Begin()
	defer turns.End()
	for {
		wait := sealEvery
		if !r.Busy() && s.step(r) {
			wait = turns.Pause()
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
func (s *recordSealer) step(r *capture.Recording) (more bool) {
	committed := r.Committed()
	if committed == 0 {
		return false
	}
	if s.sealer == nil {
		sealer, err := format.NewSealer(s.out.spoolPath, s.out.path, s.out.sealOptions())
		if err != nil {
			return false
		}
		s.sealer = sealer
	}
	more, err := s.sealer.Step(committed)
	if err != nil {
		s.sealer = nil
		return false
	}
	return more
}

// stop ends the work in the background.
func (s *recordSealer) stop() {
	close(s.quit)
	<-s.done
}

// abort removes what has been sealed: the spool is what remains.
func (s *recordSealer) abort() {
	if s.sealer != nil {
		s.sealer.Abort()
	}
}

// finish seals the rest, with a progress bar where there is much of it.
func (s *recordSealer) finish(stderr io.Writer, quiet bool) (*format.SealResult, error) {
	if s.sealer == nil {
		sealer, err := format.NewSealer(s.out.spoolPath, s.out.path, s.out.sealOptions())
		if err != nil {
			return nil, err
		}
		s.sealer = sealer
	}
	began := time.Now()
	var bar *progressbar.ProgressBar
	defer func() {
		if bar != nil {
			bar.Finish()
		}
	}()
	return s.Finish(func(done, total int64) {
		if bar == nil && time.Since(began) > 500*time.Millisecond {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("sealing"),
				progressbar.OptionShowBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		if bar != nil {
			bar.Set64(done)
		}
	})
}
