package main

import (
	"os"
	"strings"
	"time"

	"systape/cmd/systape/internal/page"
	"systape/format"
	"systape/replay"
	"systape/replay/index"
)

// followed is a recording that a viewer follows. What it holds is of the moment
// when calls were added last; the viewer's mu guards it.
type followed struct {
	source *pageSource
	page   []byte
	rows   int64 // that the page is of
	built  time.Time
	cost   time.Duration // of building it
}

// still is a capture as it was at one moment of being read.
type still struct {
	*input
	coverage replay.Coverage
}

// Coverage is that of the moment.
func (s still) Coverage() replay.Coverage { return s.coverage }

// follow reads a recording that goes on, until it ends.
func (v *viewer) follow() error {
	name := v.args[0]
	paths, _, done, err := follow(v.c, name)
	if err != nil {
		return err
	}
	defer done()
	v.stdin = v.c.InOrStdin()
	s, err := readPage(v.c, paths, v.stdin, pageReading{live: true, named: v.args, hold: &v.mu, seen: func(s *pageSource) error {
		if v.grows == nil {
			v.grows, v.source = &followed{source: s}, s
		}
		s.Capture = still{s.in, s.in.Coverage()}
		return nil
	}})
	if err != nil {
		return err
	}
	v.mu.Lock()
	if v.grows != nil {
		v.early = v.grows.page
	}
	v.grows, v.source = nil, nil
	s.Capture, s.Reading = s.in, page.Reading{}
	v.mu.Unlock()
	return v.settle(s)
}

// begin makes the index fit to be asked.
func (g *followed) begin() {
	g.source.Index.Settle()
	g.source.Reading.Of, g.source.Reading.Following = -1, true
}

// catchUp makes the page anew if there is more to show; building takes a tenth
// of the time at most.
func (g *followed) catchUp() error {
	s := &g.source.Source
	if g.page != nil && (s.Reading.Rows == g.rows || time.Since(g.built) < 10*g.cost) {
		return nil
	}
	begun := time.Now()
	b, err := build(s, index.Selection{}, viewBytes)
	if err != nil {
		return err
	}
	g.page, g.rows, g.built = b, s.Reading.Rows, time.Now()
	g.cost = g.built.Sub(begun)
	return nil
}

// files are where the capture is read again: a recording that was followed as a
// spool may have become a capture since.
func (v *viewer) files() []string {
	name := v.args[0]
	if _, err := os.Stat(name); err == nil || len(v.args) > 1 || name == "-" {
		return v.args
	}
	for _, other := range []string{format.SpoolName(name), strings.TrimSuffix(name, format.SpoolSuffix)} {
		if _, err := os.Stat(other); err == nil {
			return []string{other}
		}
	}
	return v.args
}
