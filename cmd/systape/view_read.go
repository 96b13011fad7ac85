package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"systape/cmd/systape/internal/page"
	"systape/format"
	"systape/replay"
	"systape/replay/escape"
	"systape/replay/index"
	"systape/replay/latency"
)

// What stands between the start of a view and its first whole page is as little
// as can be: the calls as an index needs them, which several goroutines read
// where they can. The slowest calls, with arguments, paths and neighbours, and
// the verdict of systape verify come after it.

// Bounds of what is shown while the capture is read.
const (
	viewMemory = 320 << 20 // of all shares of the index
	earlyAfter = 300 * time.Millisecond
	earlyBytes = 400 << 10
	earlyIndex = 24 << 20 // of shares that are put together for an early page; beyond, it costs the reading too much
)

// viewShare is what one of several goroutines has seen of a capture.
type viewShare struct {
	mu    sync.Mutex // held while calls are added
	rows  int64
	index *index.Index
	notes replay.Notes
	long  longCalls
}

// viewShares are those of all goroutines.
type viewShares struct {
	mu  sync.Mutex
	all []*viewShare
}

func (s *viewShares) begin(opt index.Options) *viewShare {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := &viewShare{index: index.New(opt)}
	s.all = append(s.all, share)
	return share
}

// soFar is what has been read by now, in an index of its own; nil when that is
// too much.
func (s *viewShares) soFar(opt index.Options) (x *index.Index, rows int64) {
	s.mu.Lock()
	all := slices.Clone(s.all)
	s.mu.Unlock()
	x = index.New(opt)
	size := int64(0)
	for _, share := range all {
		share.mu.Lock()
		if size += share.index.MemoryBytes(); size > earlyIndex {
			share.mu.Unlock()
			return nil, 0
		}
		share.index.Settle()
		x.Merge(share.index)
		rows += share.rows
		share.mu.Unlock()
	}
	x.Close()
	return x, rows
}

// readShared reads the calls of a capture by several goroutines. It returns nil
// where they have to be read in order.
func (v *viewer) readShared() (*pageSource, error) {
	s, err := newPageSource(v.c, v.args, v.args, v.stdin, replay.Options{Columns: page.Columns &^ (format.ColArgs | format.ColDetail)})
	if err != nil {
		return nil, err
	}
	opt := index.Options{Symbols: s.in.names, OriginNS: s.OriginNS}
	var shares viewShares
	stop := v.showEarly(s.Source, s.in, opt, &shares)
	progress, finish := s.in.progress("reading")
	done, err := replay.EachShared(s.in.ctx, s.in.Session, replay.Shares[*viewShare]{
		Begin: func(n int) *viewShare {
			opt := opt
			opt.MaxBytes = viewMemory / int64(n)
			return shares.begin(opt)
		},
		Add: func(to *viewShare, calls []replay.Call) bool {
			progress(2 * len(calls))
			to.mu.Lock()
			defer to.mu.Unlock()
			to.rows += 2 * int64(len(calls))
			to.notes.Add(calls)
			to.index.Add(calls)
			to.long.add(calls)
			return true
		},
		Join: func([]*viewShare) bool { return true },
	})
	stop()
	finish()
	if !done || err != nil {
		return nil, errors.Join(inputError(err), s.in.Close())
	}
	var notes replay.Notes
	opt.MaxBytes = viewMemory
	s.Index = index.New(opt)
	for _, share := range shares.all {
		share.index.Settle()
		s.Index.Take(share.index)
		notes.Join(&share.notes)
		s.long.join(&share.long)
	}
	s.conclude(&notes)
	return s, nil
}

// showEarly makes pages of what was read so far, time and again, until stop is
// called: ever more seldom, so that it costs little however long the capture.
func (v *viewer) showEarly(source page.Source, in *input, opt index.Options, shares *viewShares) (stop func()) {
	ended := make(chan struct{})
	var wg sync.WaitGroup
	source.Capture = still{input: in}
	wg.Go(func() {
		for wait := earlyAfter; ; wait *= 2 {
			select {
			case <-ended:
				return
			case <-time.After(wait):
			}
			x, rows := shares.soFar(opt)
			if x == nil {
				return
			}
			source.Index, source.Reading.Rows = x, rows
			b, err := build(&source, index.Selection{}, earlyBytes)
			if err != nil {
				continue // the whole page will tell
			}
			v.mu.Lock()
			v.early = b
			v.mu.Unlock()
		}
	})
	return func() {
		close(ended)
		wg.Wait()
	}
}

// readSlowest looks for the slowest calls, with their arguments, paths and
// neighbours, and for what descriptors stand for.
func (v *viewer) readSlowest(s *pageSource) error {
	c, err := v.silent(v.c.Context())
	if err != nil {
		return err
	}
	in, err := openSession(c, v.files(), replay.Options{Columns: page.Columns, Files: true, Symbols: s.in.names})
	if err != nil {
		return err
	}
	defer in.Close()
	in.Session.Filter = s.in.filter.Apart()
	slowest := latency.NewSlowest(page.SlowCalls, page.Around, s.options())
	err = in.among(slowest.Waiting, func(calls []replay.Call, chosen []bool) {
		slowest.AddChosen(calls, func(i int) bool { return chosen[i] })
	}, func([]replay.Call) error { return nil })
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Slowest, s.Capture = slowest, in // whose coverage knows of files
	return nil
}

// readRest reads what comes after the first whole page, and puts it into the page.
func (v *viewer) readRest() {
	v.mu.Lock()
	s := v.source
	v.mu.Unlock()
	failed := func(what string, err error) {
		v.mu.Lock()
		defer v.mu.Unlock()
		s.Head.Notes = append(s.Head.Notes, what+escape.Text(plainly(err)))
	}
	if v.shared {
		if err := v.readSlowest(s); err != nil {
			failed("the slowest calls could not be read: ", err)
		}
		v.renew(s, true)
	}
	verify, err := verdict(v.c, v.files(), v.stdin)
	if err != nil {
		verify = page.Verify{State: "could not be checked", Text: "systape verify could not be run", Fails: []page.Fact{}}
	}
	v.mu.Lock()
	s.Head.Verify = verify
	v.mu.Unlock()
	v.renew(s, false)
}

// renew puts into the page what is known now; pending says that more comes.
func (v *viewer) renew(s *pageSource, pending bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Pending = pending
	rest := s.Rest()
	v.page.Pending, v.page.Head, v.page.Slowest = pending, rest.Head, rest.Slowest
	if b, err := sent(v.page); err == nil {
		v.whole = b
	}
	v.answerRest, _ = json.Marshal(rest)
}

// rest answers with what comes after the first whole page.
func (v *viewer) rest(w http.ResponseWriter, _ *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	w.Write(v.answerRest)
}
