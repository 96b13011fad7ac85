package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
)

// Machines are the recordings that a command looks at as one: those of a
// dataset, one after the other. Their calls are told on the clock that the walls
// showed, by the anchors of each: so they line up as far as the machines' own
// clocks do.
type machines struct {
	all     []*input
	of      []int // the number of the machine that each is of
	meta    *format.Meta
	counted [][]replay.Counted // of each: the calls that were, whether they are there or not; nil: not known
}

const machinesHelp = `
Several recordings, such as a dataset's, are one result, in one order by the
machines' clocks: --by node tells them apart, --node chooses some. --overhead
looks at one.`

const machinesHelpSequences = `
Several recordings, such as a dataset's, are one result; --node chooses machines.`

// openMachines is openSession for what may be one recording or several, each of
// which was opened and rests: there may be more than can be open at a time.
func openMachines(c *cobra.Command, args []string, opt replay.Options) ([]*input, error) {
	recordings := severalAmong(c, args)
	if recordings == nil {
		in, err := openSession(c, args, opt)
		return []*input{in}, err
	}
	opt.Symbols = format.NewSymbolTable()
	var all []*input
	for _, r := range recordings {
		in, err := openSession(c, r.Paths, opt)
		if err == nil {
			all = append(all, in)
			err = in.Rest()
		}
		if err != nil {
			closeInputs(all)
			return nil, err
		}
	}
	return all, nil
}

// together is what they are together: the first, if there is no other.
func together(all []*input) views.Capture {
	if len(all) == 1 {
		return all[0]
	}
	return newMachines(all)
}

// startsOfAll gives fn the chosen calls of all in the order of their starts, and
// before those of another recording from its number.
func startsOfAll(all views.Capture, from func(recording int), fn func([]replay.Call) error) error {
	if several, is := all.(*machines); is {
		return several.byStart(from, fn)
	}
	return all.(*input).callsByStart(fn)
}

func closeInputs(all []*input) error {
	var err error
	for _, in := range all {
		err = errors.Join(err, in.Close())
	}
	return err
}

// nodesIn names the machines of recordings, each by a name of its own, and says
// which each is of.
func nodesIn(all []*input) (names []string, of []int) {
	for _, in := range all {
		name := in.Meta().Host.Name
		at := slices.Index(names, name)
		if at < 0 {
			at, names = len(names), append(names, name)
		}
		of = append(of, at)
	}
	return names, of
}

// oneMachine refuses a view that several recordings cannot have.
func oneMachine(c *cobra.Command, args []string, all []*input, view string) error {
	if len(all) == 1 {
		return nil
	}
	names, _ := nodesIn(all)
	return &exitError{code: exitFailed, err: fmt.Errorf("%s looks at one recording, and these are %d", view, len(all)),
		hint: chooseOne(c, args, names, all[0].paths[0])}
}

func newMachines(all []*input) *machines {
	m := &machines{all: all, counted: make([][]replay.Counted, len(all))}
	first := *all[0].Meta()
	first.CaptureID, first.Clock = "", format.Clock{}
	names, of := nodesIn(all)
	m.of = of
	first.Host.Name = strings.Join(names, ", ")
	var begin, end int64
	whole := true // it is known when each began and ended
	for _, in := range all {
		one, clock := in.Meta(), in.Meta().Clock.Wall()
		i := slices.IndexFunc(one.Probes, func(p format.Probe) bool { return p.Name == "sys_enter" && p.AttachNS != 0 && p.DetachNS != 0 })
		if i < 0 {
			whole = false
		} else {
			from, to := clock.At(one.Probes[i].AttachNS), clock.At(one.Probes[i].DetachNS)
			begin, end = min(cmp.Or(begin, from), from), max(end, to)
		}
		first.Complete = first.Complete && one.Complete
		if one.Request.Sampled() {
			first.Request = one.Request
		}
		if one.Imported == nil {
			first.Imported = nil
		}
	}
	first.Probes = nil
	if whole {
		first.Probes = []format.Probe{{Name: "sys_enter", AttachNS: begin, DetachNS: end}}
	}
	m.meta = &first
	return m
}

// Meta is what the recordings have in common.
func (m *machines) Meta() *format.Meta { return m.meta }

// Each is what each recording says of itself.
func (m *machines) Each() (all []*format.Meta) {
	for _, in := range m.all {
		all = append(all, in.Meta())
	}
	return all
}

// Symbols is the table of all of them.
func (m *machines) Symbols() *format.SymbolTable { return m.all[0].Symbols() }

// Coverage is the sum of theirs.
func (m *machines) Coverage() (c replay.Coverage) {
	for _, in := range m.all {
		c.Merge(in.Coverage())
	}
	return c
}

// Losses are those of all, in order.
func (m *machines) Losses() []replay.LossSpan {
	return m.losses(func(int) bool { return true })
}

// LossesOf are those of one machine.
func (m *machines) LossesOf(node int) []replay.LossSpan {
	return m.losses(func(recording int) bool { return m.of[recording] == node })
}

func (m *machines) losses(wanted func(recording int) bool) (spans []replay.LossSpan) {
	for i, in := range m.all {
		if !wanted(i) {
			continue
		}
		clock := in.Meta().Clock.Wall()
		for _, s := range in.Losses() {
			s.First, s.Last = clock.At(s.First), clock.At(s.Last)
			spans = append(spans, s)
		}
	}
	slices.SortFunc(spans, func(a, b replay.LossSpan) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	return spans
}

// Counted has nothing: exact numbers are those of one recording, see CountedOf.
func (m *machines) Counted() ([]replay.Counted, bool) { return nil, false }

// CountedOf gives fn the exact numbers of calls of each recording. It is for
// after the pass.
func (m *machines) CountedOf(fn func(node int, counted []replay.Counted)) (ok bool) {
	if slices.ContainsFunc(m.counted, func(c []replay.Counted) bool { return c == nil }) {
		return false
	}
	for i, counted := range m.counted {
		fn(m.of[i], counted)
	}
	return true
}

// tally counts the calls of a recording that holds all of them.
type tally map[replay.Counted]*replay.Counted

func (t tally) add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		if c.Status != replay.OK && c.Status != replay.Restarted {
			continue
		}
		of := replay.Counted{PID: c.PID, Nr: c.Nr, ABI: c.ABI, Syscall: c.Syscall, Container: c.Container}
		n := t[of]
		if n == nil {
			n = &of
			t[of] = n
		}
		n.Calls++
		n.TotalNS += c.DurNS
		if c.Errno() != 0 {
			n.Errors++
		}
	}
}

func (t tally) counted() []replay.Counted {
	all := []replay.Counted{}
	for _, n := range t {
		all = append(all, *n)
	}
	return all
}

// Warn passes a warning on.
func (m *machines) Warn(err error) { m.all[0].Warn(err) }

// between are the bounds of time that the filters of all leave; 0: none.
func (m *machines) between() (from, to int64) {
	for _, in := range m.all {
		clock := in.Meta().Clock.Wall()
		if f := in.filter.From; f != 0 {
			from = min(cmp.Or(from, clock.At(f)), clock.At(f))
		}
		if t := in.filter.To; t != 0 {
			to = max(to, clock.At(t))
		}
	}
	return from, to
}

// among is what looks at the calls that the filter leaves out, too: see
// [replay.Session.Among].
type among struct {
	all  func(calls []replay.Call, chosen []bool)
	more func() bool
}

// calls gives fn the chosen calls of each recording, and begin its number before;
// all of them go to a before, if that has a function. They are valid until fn
// returns.
func (m *machines) calls(begin func(recording int), a among, fn func([]replay.Call) error) error {
	var moved []replay.Call
	for i, in := range m.all {
		begin(i)
		clock := in.Meta().Clock.Wall()
		onWalls := func(calls []replay.Call) []replay.Call {
			moved = append(moved[:0], calls...)
			for i := range moved {
				moved[i].StartNS = clock.At(moved[i].StartNS)
			}
			return moved
		}
		whole := tally{}
		take := func(calls []replay.Call) error {
			if m.meta.Request.Sampled() && !in.Meta().Request.Sampled() {
				whole.add(calls)
			}
			return fn(onWalls(calls))
		}
		var err error
		if a.all != nil {
			err = in.among(a.more, func(calls []replay.Call, chosen []bool) { a.all(onWalls(calls), chosen) }, take)
		} else {
			err = in.calls(take)
		}
		if counted, ok := in.Counted(); ok {
			m.counted[i] = counted
		} else if !in.Meta().Request.Sampled() {
			m.counted[i] = whole.counted()
		}
		if err = errors.Join(err, in.Close()); err != nil { // its memory is needed for the next
			return err
		}
	}
	return nil
}
