package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/page"
	"systape/cmd/systape/internal/views"
	"systape/format"
	"systape/replay"
	"systape/replay/latency"
	"systape/replay/sequences"
)

// question is what a page asks that its index does not know: the capture is
// read once more for it.
type question struct {
	source *pageSource
	c      *cobra.Command // with the filters of the question
	form   func(name string) string
	lessNS int64 // calls that took less; 0: no bound
}

// asked answers questions with what answer makes of them, one at a time.
func (v *viewer) asked(answer func(q *question) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		s := v.source
		v.mu.Unlock()
		if s == nil {
			http.Error(w, "the capture is still being read", http.StatusServiceUnavailable)
			return
		}
		v.asking.Lock()
		defer v.asking.Unlock()
		q, err := v.question(r.Context(), s, r)
		var a any
		if err == nil {
			a, err = answer(q)
		}
		if err != nil {
			http.Error(w, inLine(err), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(a)
	}
}

// question reads what is asked: arg are the words of a filter, as the command
// line has them, and less is an upper bound of the latency.
func (v *viewer) question(ctx context.Context, s *pageSource, r *http.Request) (*question, error) {
	c, err := v.silent(ctx)
	if err != nil {
		return nil, err
	}
	q := &question{source: s, c: c, form: r.FormValue}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	if err := q.c.ParseFlags(r.Form["arg"]); err != nil {
		return nil, flagError(err)
	}
	if t := r.FormValue("less"); t != "" {
		n, err := strconv.ParseInt(t, 10, 64)
		if err != nil || n <= 0 {
			return nil, errors.New("less is no duration")
		}
		q.lessNS = n
	}
	return q, nil
}

// sequences answers with the sequences of n calls.
func (v *viewer) sequences(q *question) (any, error) {
	n, err := strconv.Atoi(cmp.Or(q.form("n"), strconv.Itoa(page.SequencesLength)))
	if err != nil || n < 1 || n > sequences.MaxN {
		return nil, fmt.Errorf("a sequence is of 1 to %d calls", sequences.MaxN)
	}
	all, _, err := pageSequences(q.c, v.files(), v.stdin, chosenSequences{narrowed: q.narrowed(q.source), n: n, originNS: q.source.OriginNS})
	return all, err
}

// narrowed is what a question and the command line choose of a capture together.
func (q *question) narrowed(s *pageSource) narrowed {
	return narrowed{also: s.in.filter, lessNS: q.lessNS}
}

// comparison answers with how this capture differs from that of the question.
func (v *viewer) comparison(q *question) (any, error) {
	v.mu.Lock()
	b := v.source
	v.mu.Unlock()
	if b == nil {
		return nil, errors.New("the capture is still being read")
	}
	var text bytes.Buffer
	x := &views.Comparison{Files: [2][]string{q.source.in.paths, b.in.paths}, N: page.SequencesLength, By: "thread", Top: compareTop}
	x.Form, x.Out = "table", &text
	captures := [2][][]string{{x.Files[0]}, {x.Files[1]}} // the files of a side are one capture
	if err := compareCaptures(q.c, x, captures, sequences.Options{MaxN: x.N}, [2]narrowed{q.narrowed(q.source), q.narrowed(b)}); err != nil {
		return nil, err
	}
	if err := x.Write(); err != nil {
		return nil, err
	}
	return page.NewComparison(x, text.String()), nil
}

// Bounds of single calls that are sent at a time.
const (
	mostSingle = 300  // in a list
	mostDrawn  = 2000 // in a picture
)

// single answers with the first calls that are chosen, in the order of time or
// the slowest first, each with what its thread called before and after. In a
// picture there are more of them, and it is drawn anew with every step: only
// that part of the capture is read, which does not tell what descriptors stand
// for.
func (v *viewer) single(q *question) (any, error) {
	opt, most := replay.Options{Columns: page.Columns, Files: true, Symbols: q.source.in.names}, mostSingle
	if q.form("drawn") != "" {
		opt, most = q.readPart(), mostDrawn
	}
	in, err := openSession(q.c, v.files(), opt)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	kept := latency.Options{Symbols: in.names, Use: latency.Finished() | latency.LowerBounds(), Waits: latency.WaitMixed}
	list := latency.NewEarliest(most, page.Around, kept)
	if q.form("order") == "slowest" {
		list = latency.NewSlowest(most, page.Around, kept)
	}
	answer := page.Single{Calls: []page.Slow{}}
	chosen := func(call *replay.Call) bool {
		if !in.filter.Match(call, in.names) || !q.source.in.filter.Match(call, in.names) || q.lessNS > 0 && call.DurNS >= q.lessNS {
			return false
		}
		answer.More++
		return true
	}
	err = in.pairs(func(_ *format.Batch, calls []replay.Call) error {
		if opt.Until != 0 {
			q.source.long.end(calls, opt.Until)
		}
		list.AddChosen(calls, func(i int) bool { return chosen(&calls[i]) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.mu.Lock() // what is followed changes
	defer v.mu.Unlock()
	for _, call := range list.Calls(false) {
		answer.Calls = append(answer.Calls, q.source.SlowCall(&call, replay.WaitsByNature(in.names.String(call.Syscall))))
	}
	answer.More -= int64(len(answer.Calls))
	return answer, nil
}

// readPart is what to read of the capture for the calls of a question's time,
// and those beside them.
func (q *question) readPart() replay.Options {
	at := func(flag string, open int64) int64 {
		ns, err := strconv.ParseInt(q.c.Flag(flag).Value.String(), 10, 64)
		if err != nil {
			return open
		}
		return ns
	}
	opt := q.source.partReading(max(at("from", 0)-around, 0), at("to", math.MaxInt64))
	if q.c.Flags().Changed("path") || q.c.Flags().Changed("fd-type") {
		return replay.Options{Columns: page.Columns, Symbols: opt.Symbols, Files: true}
	}
	return opt
}
