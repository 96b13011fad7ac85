package page

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/index"
	"systape/replay/latency"
	"systape/replay/units"
)

// Source is what a page is made of: a capture, and what one pass over it found.
type Source struct {
	views.Capture
	Index    *index.Index
	Shares   index.Shares // what is read so far, instead of Index; nil: it is one
	Finer    *index.Index // of the part that is shown, with shorter tiles; nil: Index is fine enough
	Slowest  *latency.Slowest
	OriginNS int64   // of the index
	Head     Head    // what the command knows of it: files, verdict, notes
	Reading  Reading // how far the pass has come: until it ends, losses and coverage are not known
	LastNS   int64   // when the last call ended, where nothing else tells how long the capture is; 0: not known
	Pending  bool    // the slowest calls and the verdict come later
	// Sequences of all calls, and of single threads; nil: the page asks for them.
	Sequences *Sequences
	Threads   []ThreadSequences
}

// Bounds of what is shown beside the cells.
const (
	maxLosses = 1000
	slowEach  = 60 // calls of either kind
)

// Column and calls around a slow one, that the pass over the capture needs.
const (
	Columns   = format.ColSyscall | format.ColPID | format.ColComm | format.ColContainer | format.ColArgs | format.ColDetail
	SlowCalls = slowEach
	Around    = 3
)

// Build makes the page of a part of a capture, which is at most about maxBytes
// long with all that belongs to it: it takes the finest detail that fits, and
// says what that leaves out.
func Build(s *Source, part index.Selection, maxBytes int) (*Page, error) {
	p := &Page{Version: Version, Head: s.head(), Losses: []Loss{}, Slowest: s.slow(), Reading: s.Reading, Sequences: s.Sequences, Pending: s.Pending}
	p.Threads = s.threads(maxBytes / 10)
	if s.Reading.Of == 0 {
		p.Losses = s.losses()
	}
	beside, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("the data of the page: %w", err)
	}
	maxBytes -= len(beside) + len(script) + len(style)
	shares := s.shares()
	if s.Finer != nil {
		shares = index.Shares{s.Finer}
	}
	sub, packed, err := finest(shares.Part(part), maxBytes)
	if err != nil {
		return nil, fmt.Errorf("packing the cells: %w", err)
	}
	p.Calls = s.calls(sub)
	p.Calls.Packed = packed
	p.LeftOut = s.leftOut(sub, len(p.Threads))
	return p, nil
}

// finest makes the finest subset that fits into a number of bytes, and its cells
// as they are sent; the coarsest if none does. Of two details the coarser takes
// less, so only a few are tried.
func finest(calls *index.Part, maxBytes int) (sub *index.Subset, packed string, err error) {
	details := index.Details()
	fits := func(i int) bool {
		last := i+1 == len(details)
		s := calls.Subset(details[i], func(groups, bytes int) bool { // no packing makes more fit
			return bytes/3+40*groups <= maxBytes || last
		})
		if s == nil || err != nil {
			return false
		}
		var text string
		if text, err = pack(s.Cells); err != nil || len(text)+40*len(s.Groups) > maxBytes && !last {
			return false
		}
		sub, packed = s, text
		return true
	}
	if !fits(0) {
		if i := 1 + sort.Search(len(details)-2, func(i int) bool { return fits(i + 1) }); i+1 == len(details) {
			fits(i)
		}
	}
	return sub, packed, err
}

// shares are those of the index of all that was read.
func (s *Source) shares() index.Shares {
	if s.Shares != nil {
		return s.Shares
	}
	return index.Shares{s.Index}
}

// Rest is what comes after the first whole page, as far as it is known.
func (s *Source) Rest() Rest { return Rest{Pending: s.Pending, Head: s.head(), Slowest: s.slow()} }

// threads are as many of the threads' sequences as fit into a number of bytes.
func (s *Source) threads(maxBytes int) []ThreadSequences {
	list := []ThreadSequences{}
	for _, t := range s.Threads {
		b, err := json.Marshal(t)
		if maxBytes -= len(b); err != nil || maxBytes < 0 {
			break
		}
		list = append(list, t)
	}
	return list
}

// pack deflates data and writes it in base64.
func pack(data []byte) (string, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed+4)
	if err != nil {
		return "", err
	}
	if _, err = w.Write(data); err == nil {
		err = w.Close()
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), err
}

func (s *Source) head() Head {
	h, m := s.Head, s.Meta()
	from, to := s.shares().Span()
	if last, ok := s.lastNS(); ok {
		to = min(to, last)
	} else if s.LastNS != 0 {
		to = max(s.LastNS, from) // a tile is where calls began: the last may go on
	}
	wall := m.Clock.Wall()
	h.OriginNS, h.OriginWall, h.LengthNS = strconv.FormatInt(s.OriginNS, 10), views.Instant(wall.At(s.OriginNS)), max(to-from, 0)
	coverage := s.Coverage()
	h.Coverage, h.Share, h.LostEvents = escape.Text(coverage.String()), coverage.Share(), coverage.LostEvents
	if s.Reading.Of != 0 {
		h.Coverage, h.LostEvents = "still reading", 0
	}
	h.Complete, h.Timed = m.Complete, replay.Timed(m)
	fact := func(name, text string) {
		if text != "" {
			h.Facts = append(h.Facts, Fact{name, escape.Text(text)})
		}
	}
	fact("recorded", views.RequestWords(&m.Request))
	fact("host", views.HostWords(m.Host))
	fact("from", h.OriginWall)
	fact("length", units.Duration(h.LengthNS))
	fact("calls", units.Count(s.shares().Calls())+" with a duration")
	if m.Imported != nil {
		fact("imported", "from "+m.Imported.From)
	}
	if m.Recovered != "" {
		fact("recovered", m.Recovered)
	}
	fact("tool", m.Tool)
	fact("capture", m.CaptureID)
	if h.Title == "" {
		h.Title = "capture"
	}
	for _, list := range []*[]Fact{&h.Facts, &h.Verify.Fails} {
		*list = append([]Fact{}, *list...)
	}
	h.Notes, h.Files = append([]string{}, h.Notes...), append([]string{}, h.Files...)
	return h
}

// lastNS is when enters were no longer recorded.
func (s *Source) lastNS() (int64, bool) {
	for _, p := range s.Meta().Probes {
		if p.Name == "sys_enter" && p.DetachNS != 0 {
			return p.DetachNS, true
		}
	}
	return 0, false
}

// calls describes the groups of a subset.
func (s *Source) calls(sub *index.Subset) Calls {
	c := Calls{FromNS: sub.FromNS - s.OriginNS, TileNS: sub.TileNS, Tiles: sub.Tiles, Shift: sub.Shift, Count: sub.Calls, Cells: sub.NCells,
		Threads: sub.Threads, Others: sub.Others, Names: []string{}, Classes: map[string]string{}}
	number := map[string]int{}
	name := func(text string) int {
		n, ok := number[text]
		if !ok {
			n = len(c.Names)
			number[text] = n
			c.Names = append(c.Names, text)
		}
		return n
	}
	one := func(yes bool) int {
		if yes {
			return 1
		}
		return 0
	}
	c.Groups = Groups{Syscall: []int{}, Comm: []int{}, Container: []int{}, Errno: []int{}, PID: []int32{}, TID: []int32{}, Open: []int{}, Waits: []int{}}
	g := &c.Groups
	for i := range sub.Groups {
		call := &sub.Groups[i]
		syscall := escape.Text(s.Symbols().String(call.Syscall))
		g.Syscall = append(g.Syscall, name(syscall))
		g.Comm = append(g.Comm, name(escape.Text(s.Symbols().String(call.Comm))))
		g.Container = append(g.Container, name(escape.Text(s.Symbols().String(call.Container))))
		g.Errno = append(g.Errno, name(views.ErrnoName(call)))
		g.PID, g.TID = append(g.PID, call.PID), append(g.TID, call.TID)
		g.Open = append(g.Open, one(call.Status == replay.OpenAtEnd))
		g.Waits = append(g.Waits, one(replay.WaitsByNature(s.Symbols().String(call.Syscall))))
		if _, ok := c.Classes[syscall]; !ok {
			c.Classes[syscall] = classesOf(syscall)
		}
	}
	return c
}

// classesOf lists the classes of a call, so that the page understands %file.
func classesOf(syscall string) string {
	list := " "
	for _, class := range abi.Classes() {
		if set, err := abi.ParseSet("%" + class); err == nil && set.HasName(syscall) {
			list += class + " "
		}
	}
	return list
}

// losses are at most maxLosses stretches: neighbours are one where there are more.
func (s *Source) losses() []Loss {
	list := []Loss{}
	spans := s.Losses()
	each := (len(spans) + maxLosses - 1) / maxLosses
	for i, l := range spans {
		if i%each == 0 {
			list = append(list, Loss{FromNS: l.First - s.OriginNS, ToNS: l.Last - s.OriginNS, Events: l.Events})
			continue
		}
		last := &list[len(list)-1]
		last.ToNS, last.Events = max(last.ToNS, l.Last-s.OriginNS), last.Events+l.Events
	}
	return list
}

func (s *Source) slow() []Slow {
	list := []Slow{}
	for _, waits := range []bool{false, true} {
		for _, c := range s.Slowest.Calls(waits) {
			list = append(list, s.SlowCall(&c, waits))
		}
	}
	slices.SortStableFunc(list, func(a, b Slow) int { return int(min(max(b.DurNS-a.DurNS, -1), 1)) })
	return list
}

// SlowCall describes a call and its neighbours.
func (s *Source) SlowCall(c *latency.SlowCall, waits bool) Slow {
	names := s.Symbols()
	slow := Slow{StartNS: c.StartNS - s.OriginNS, DurNS: c.DurNS, LowerBound: c.LowerBound, PID: c.PID, TID: c.TID,
		Comm: escape.Text(names.String(c.Comm)), Container: escape.Text(names.String(c.Container)), Syscall: escape.Text(names.String(c.Syscall)),
		Errno: views.ErrnoName(&c.Call), Waits: waits, Text: escape.Text(views.CallText(names, &c.Call)), About: escape.Text(c.Files.Path()),
	}
	if s.Reading.Of == 0 {
		slow.LostEvents = latency.Lost(s.Losses(), c.StartNS, c.StartNS+c.DurNS)
	}
	near := func(list []latency.Neighbor) []Near {
		out := []Near{}
		for i := range list {
			n := &list[i]
			out = append(out, Near{n.StartNS - s.OriginNS, n.DurNS, views.NeighborText(names, n)})
		}
		return out
	}
	slow.Before, slow.After = near(c.Before), near(c.After)
	return slow
}

// leftOut says what the page does not hold of its part of the capture.
func (s *Source) leftOut(sub *index.Subset, threads int) []string {
	list := []string{}
	say := func(is bool, text string, args ...any) {
		if is {
			list = append(list, fmt.Sprintf(text, args...))
		}
	}
	say(true, "Time is cut into %s of %s; a brush takes whole ones. All figures of the table are those of systape latency for the same calls.",
		units.Counted(int64(sub.Tiles), "interval"), units.Duration(sub.TileNS))
	if sub.Shift > 0 {
		list[0] = fmt.Sprintf("Time is cut into %s of %s; a brush takes whole ones.", units.Counted(int64(sub.Tiles), "interval"), units.Duration(sub.TileNS))
	}
	say(sub.Shift > 0, "Percentiles are within %.1f %%; numbers, errors, totals and maxima of all that is not cut by a brush of latency are exact.",
		100*latency.MaxRelativeError*float64(int(1)<<sub.Shift))
	say(sub.Others > 0, "%s are told apart; the calls of %s more are there, but not which of them made them.",
		units.Counted(int64(sub.Threads), "thread"), units.Count(int64(sub.Others)))
	folded := s.shares().Folded()
	say(folded > 0, "Of %s it is not known which thread made them: there were too many threads.", units.Counted(folded, "call"))
	say(s.Sequences != nil, "Sequences are those of all calls, and of %s by itself; of other selections the command line tells them.", units.Counted(int64(threads), "busy thread"))
	say(true, "Single calls: the %s slowest that work and the %s slowest that wait, with what their threads called before and after.",
		units.Count(slowEach), units.Count(slowEach))
	return list
}
