package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/page"
	"systape/cmd/systape/internal/views"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/index"
	"systape/replay/latency"
)

// pageSource is what a page is made of, and its summary in text.
type pageSource struct {
	page.Source
	in   *input
	long longCalls
	text string
}

// pageHeap is what a page of any capture can be made in; beyond it garbage is
// collected more often, where it would be let grow to as much as is in use.
const pageHeap = 448 << 20

// boundHeap sets pageHeap until restore is called.
func boundHeap() (restore func()) {
	was := debug.SetMemoryLimit(pageHeap)
	return func() { debug.SetMemoryLimit(was) }
}

// pageReading says how a capture is read for its page.
type pageReading struct {
	live  bool                      // a pipe is shown as it comes
	named []string                  // the capture is known by these names; nil: by those that are read
	hold  sync.Locker               // held while calls are added, and while seen is called; may be nil
	seen  func(s *pageSource) error // called with what there is so far, time and again; may be nil
}

// newPageSource opens a capture for its page, which is known by names.
func newPageSource(c *cobra.Command, args, names []string, stdin io.Reader, opt replay.Options) (*pageSource, error) {
	s := &pageSource{}
	c.SetIn(stdin)
	in, err := openSession(c, args, opt)
	if err != nil {
		return nil, err
	}
	s.in, s.Capture = in, in
	if s.OriginNS, _, err = in.Begin(); err != nil {
		return nil, errors.Join(inputError(err), in.Close())
	}
	s.Index = index.New(index.Options{Symbols: in.names, OriginNS: s.OriginNS})
	s.Slowest = latency.NewSlowest(page.SlowCalls, page.Around, s.options())
	s.Head = page.Head{Title: pageTitle(names), Command: shellWords(names), Filters: givenFilters(c.Flags()),
		Verify: page.Verify{State: "not checked", Text: "systape verify was not run"}}
	for _, n := range names {
		s.Head.Files = append(s.Head.Files, escape.Text(filepath.Base(n)))
	}
	s.Reading.Of = cmp.Or(in.Meta().Part.Rows, -1)
	return s, nil
}

// options are those of the table and of the slowest calls.
func (s *pageSource) options() latency.Options {
	return latency.Options{Symbols: s.in.names, By: []latency.Key{latency.BySyscall}, Waits: latency.WaitApart}
}

// conclude ends the reading of the calls.
func (s *pageSource) conclude(notes *replay.Notes) {
	s.Index.Close()
	s.Reading, s.LastNS = page.Reading{}, s.long.lastNS
	if line := notes.IOUring(); line != "" {
		s.Head.Notes = append(s.Head.Notes, escape.Text(line))
	}
	if err := s.in.Incomplete(); err != nil {
		s.Head.Notes = append(s.Head.Notes, inLine(err))
	}
}

// readPage reads a capture for its page, in one pass.
func readPage(c *cobra.Command, args []string, stdin io.Reader, r pageReading) (*pageSource, error) {
	names := args
	if r.named != nil {
		names = r.named
	}
	s, err := newPageSource(c, args, names, stdin, replay.Options{Columns: page.Columns, Files: true, Live: r.live})
	if err != nil {
		return nil, err
	}
	in, opt := s.in, s.options()
	var text bytes.Buffer
	l := &views.Latency{Options: opt, Sort: "total", Top: -1, Untimed: !replay.Timed(in.Meta()), From: in.filter.From, To: in.filter.To}
	l.Of, l.Form, l.Capture, l.Out = "latency", "table", in, &text
	var notes replay.Notes
	progress, finish := in.progress("reading")
	defer finish()
	err = l.Read(l.Groups(), func(add func([]replay.Call) error) error {
		neighbours := func(calls []replay.Call, chosen []bool) {
			if r.hold != nil {
				r.hold.Lock()
				defer r.hold.Unlock()
			}
			s.Slowest.AddChosen(calls, func(i int) bool { return chosen[i] })
		}
		return in.among(s.Slowest.Waiting, neighbours, func(calls []replay.Call) error {
			if r.hold != nil {
				r.hold.Lock()
				defer r.hold.Unlock()
			}
			progress(2 * len(calls))
			notes.Add(calls)
			s.Index.Add(calls)
			s.long.add(calls)
			s.Reading.Rows += 2 * int64(len(calls))
			if r.seen != nil {
				if err := r.seen(s); err != nil {
					return err
				}
			}
			return add(calls)
		})
	})
	if err == nil {
		err = l.Footer(io.Discard)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	if r.hold != nil {
		r.hold.Lock()
		defer r.hold.Unlock()
	}
	s.conclude(&notes)
	s.text = fmt.Sprintf("%s\n\n%s", s.Head.Title, text.String())
	return s, nil
}
