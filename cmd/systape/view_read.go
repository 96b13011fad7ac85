package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"systape/cmd/systape/internal/page"
	"systape/format"
	"systape/replay"
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
	earlyPart  = 10 // times as long as an early page took, the reading goes on without another: it waits for them
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

// soFar calls fn with what has been read by now, while nobody reads on. It
// returns false when there is nothing yet.
func (s *viewShares) soFar(fn func(shares index.Shares, rows int64)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var shares index.Shares
	var rows int64
	for _, share := range s.all {
		share.mu.Lock()
		defer share.mu.Unlock()
		share.index.Settle()
		shares, rows = append(shares, share.index), rows+share.rows
	}
	if rows > 0 {
		fn(shares, rows)
	}
	return rows > 0
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
	stop := v.showEarly(s.Source, s.in, &shares)
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

// nextEarly is how long to read after an early page that took a time.
func nextEarly(wait, took time.Duration) time.Duration { return max(2*wait, earlyPart*took) }

// showEarly makes pages of what was read so far, time and again, until stop is
// called: ever more seldom, so that it costs little however long the capture.
func (v *viewer) showEarly(source page.Source, in *input, shares *viewShares) (stop func()) {
	ended := make(chan struct{})
	var wg sync.WaitGroup
	source.Capture = still{input: in}
	wg.Go(func() {
		for wait := earlyAfter; ; {
			select {
			case <-ended:
				return
			case <-time.After(wait):
			}
			began := time.Now()
			if v.makeEarly(source, shares) {
				wait = nextEarly(wait, time.Since(began))
			}
		}
	})
	return func() {
		close(ended)
		wg.Wait()
	}
}

// makeEarly makes a page of what was read so far. It returns false when there is
// nothing yet.
func (v *viewer) makeEarly(source page.Source, shares *viewShares) bool {
	return shares.soFar(func(read index.Shares, rows int64) {
		source.Shares, source.Reading.Rows = read, rows
		v.showSoFar(&source) // what is wrong with it, the whole page will tell
	})
}

// showSoFar makes what source has the page that is shown until the whole one is there.
func (v *viewer) showSoFar(source *page.Source) error {
	b, err := build(source, index.Selection{}, earlyBytes)
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.early = b
	v.mu.Unlock()
	return nil
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
		s.Head.Notes = append(s.Head.Notes, what+inLine(err))
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
