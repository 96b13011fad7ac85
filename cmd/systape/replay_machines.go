package main

import (
	"fmt"
	"iter"
	"math"
	"unicode/utf8"

	"systape/replay/convert/jsonl"
	"systape/replay/escape"
)

// replayLine is a line of one recording among several.
type replayLine struct {
	due  int64 // on the clock of the walls
	line []byte
}

// machines shows several recordings in one order, by the clocks of their walls.
func (r *replayer) machines(all []*input) error {
	parts := make([]*replayed, len(all))
	begun := int64(math.MaxInt64) // the first of all, on the walls
	for i, in := range all {
		var err error
		if parts[i], err = r.recording(in); err != nil {
			return err
		}
		first, err := in.instant("from", "+0s")
		if err != nil {
			return err
		}
		parts[i].options.Origin = first
		begun = min(begun, parts[i].options.Wall.At(first))
		if err := in.Rest(); err != nil {
			return err
		}
	}
	nodes, of := nodesIn(all)
	width := 0
	for i := range nodes {
		nodes[i] = escape.Text(nodes[i])
		width = max(width, utf8.RuneCountInString(nodes[i]))
	}
	together := newMachines(all)
	lines := func(recording int) iter.Seq2[*replayLine, error] {
		p := parts[recording]
		clock := p.options.Wall
		p.options.Origin -= clock.At(p.options.Origin) - begun
		before := fmt.Sprintf("%-*s ", width, nodes[of[recording]])
		switch {
		case r.json && r.flags.events:
			before = string(jsonl.AppendString([]byte(`{"node":`), all[recording].Meta().Host.Name)) + ","
		case r.json:
			before = ""
		}
		return pulled(func(yield func(*replayLine) error) error {
			var l replayLine
			p.show = func(due int64, line []byte) error {
				l.due, l.line = clock.At(due), append(l.line[:0], before...)
				if r.json && r.flags.events {
					line = line[1:] // the object has begun
				}
				l.line = append(l.line, line...)
				return yield(&l)
			}
			if err := p.begin(together, recording); err != nil {
				return err
			}
			p.moved = clock.At
			return p.run()
		})
	}
	return merge(all, func(l *replayLine) int64 { return l.due }, lines, func(_ int, l *replayLine) error { return r.show(l.due, l.line) })
}
