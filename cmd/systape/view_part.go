package main

import (
	"context"
	"io"
	"maps"
	"math"
	"time"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/page"
	"systape/format"
	"systape/replay"
	"systape/replay/index"
)

// around is how much more is read before and behind a part of a capture, ns: its
// calls have their neighbours there, and all but the long ones end there.
const around = int64(250 * time.Millisecond)

// maxLong bounds the long calls that are remembered.
const maxLong = 1 << 17

// longCalls remembers how the calls ended that took longer than is read behind a
// part of a capture, so that no more need be read for them.
type longCalls struct {
	of     map[longKey]longCall
	full   bool
	lastNS int64 // when the last call ended
}

type longKey struct {
	tid     int32
	startNS int64
}

type longCall struct {
	durNS, ret, exitSeq int64
	status              replay.Status
	noRet               bool
}

// add looks at calls of the whole capture.
func (l *longCalls) add(calls []replay.Call) {
	for i := range calls {
		c := &calls[i]
		l.lastNS = max(l.lastNS, c.StartNS+c.DurNS)
		if c.DurNS < around || !c.Status.HasEnter() {
			continue
		}
		if l.full = l.full || len(l.of) == maxLong; l.full {
			l.of = nil
			continue
		}
		if l.of == nil {
			l.of = map[longKey]longCall{}
		}
		l.of[longKey{c.TID, c.StartNS}] = longCall{c.DurNS, c.Ret, c.ExitSeq, c.Status, c.NoRet}
	}
}

// join adds what another has seen, of other calls.
func (l *longCalls) join(o *longCalls) {
	l.lastNS = max(l.lastNS, o.lastNS)
	if l.full = l.full || o.full || len(l.of)+len(o.of) > maxLong; l.full {
		l.of = nil
		return
	}
	if l.of == nil {
		l.of = o.of
		return
	}
	maps.Copy(l.of, o.of)
}

// end gives calls that were cut off at a time what became of them.
func (l *longCalls) end(calls []replay.Call, until int64) {
	for i := range calls {
		c := &calls[i]
		if c.Status != replay.OpenAtEnd {
			continue
		}
		if end, ok := l.of[longKey{c.TID, c.StartNS}]; ok {
			c.DurNS, c.Ret, c.ExitSeq, c.Status, c.NoRet = end.durNS, end.ret, end.exitSeq, end.status, end.noRet
		} else if until <= l.lastNS {
			c.Status, c.DurNS = replay.ExitLost, 0 // it has no duration, or it would be known
		}
	}
}

// partReading says what of the capture to read for the calls of a stretch of
// time, and how: without all that came before, unless the filter asks what
// descriptors stand for.
func (s *pageSource) partReading(from, to int64) replay.Options {
	opt := replay.Options{Columns: page.Columns, Symbols: s.in.names}
	if s.in.filter.HasFile() {
		opt.Files = true
		return opt
	}
	opt.Since = from
	if !s.long.full && to < math.MaxInt64-around {
		opt.Until = to + around
	}
	return opt
}

// coarsest is how many tiles of an index a stretch of time has at least that is
// shown of it; of a shorter one the capture is read again.
const coarsest = 256

// finer is an index of a stretch of time, whose tiles are shorter than those of
// the index of all; nil where these are short enough.
func (v *viewer) finer(ctx context.Context, s *pageSource, from, to int64) (*index.Index, error) {
	if (to-from)/s.Index.TileNS() >= coarsest {
		return nil, nil
	}
	v.asking.Lock()
	defer v.asking.Unlock()
	c, err := v.silent(ctx)
	if err != nil {
		return nil, err
	}
	opt := s.partReading(from, to)
	in, err := openSession(c, v.files(), opt)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	in.Session.Filter = *s.in.filter
	in.filter.From, in.filter.To = max(in.filter.From, from), to
	if s.in.filter.To != 0 {
		in.filter.To = min(s.in.filter.To, to)
	}
	x := index.New(index.Options{Symbols: in.names, OriginNS: from, TileNS: max((to-from)/(4*coarsest), 1), MaxBytes: 64 << 20})
	err = in.pairs(func(_ *format.Batch, calls []replay.Call) error {
		if opt.Until != 0 {
			s.long.end(calls, opt.Until)
		}
		x.Add(in.Choose(calls))
		return nil
	})
	if err != nil {
		return nil, err
	}
	x.Extend(to)
	x.Close()
	return x, nil
}

// silent is a command that reads what the viewer's does, without its filters,
// and tells nobody.
func (v *viewer) silent(ctx context.Context) (*cobra.Command, error) {
	c := &cobra.Command{}
	c.SetContext(ctx)
	c.SetIn(v.stdin)
	c.SetErr(io.Discard)
	c.SetOut(io.Discard)
	addFilterFlags(c)
	for _, node := range nodesOf(v.c) {
		if err := c.Flags().Set("node", node); err != nil {
			return nil, err
		}
	}
	return c, nil
}
