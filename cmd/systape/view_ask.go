package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"systape/cmd/systape/internal/page"
	"systape/cmd/systape/internal/views"
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
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(a)
	}
}

// question reads what is asked: arg are the words of a filter, as the command
// line has them, and less is an upper bound of the latency.
func (v *viewer) question(ctx context.Context, s *pageSource, r *http.Request) (*question, error) {
	q := &question{source: s, c: &cobra.Command{}, form: r.FormValue}
	q.c.SetContext(ctx)
	q.c.SetIn(v.stdin)
	q.c.SetErr(io.Discard)
	q.c.SetOut(io.Discard)
	addFilterFlags(q.c)
	for _, node := range nodesOf(v.c) {
		if err := q.c.Flags().Set("node", node); err != nil {
			return nil, err
		}
	}
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

// mostSingle is how many single calls are sent at a time.
const mostSingle = 300

// single answers with the first calls that are chosen, in the order of time or
// the slowest first.
func (v *viewer) single(q *question) (any, error) {
	in, err := openSession(q.c, v.files(), replay.Options{Columns: page.Columns, Files: true, Symbols: q.source.in.names})
	if err != nil {
		return nil, err
	}
	defer in.Close()
	bySize := q.form("order") == "slowest"
	slowest := latency.NewSlowest(mostSingle, page.Around, latency.Options{Symbols: in.names, Waits: latency.WaitMixed})
	answer := page.Single{Calls: []page.Slow{}}
	var list []latency.SlowCall
	err = in.calls(func(calls []replay.Call) error {
		for i := range calls {
			call := &calls[i]
			if !q.source.in.filter.Match(call, in.names) || q.lessNS > 0 && call.DurNS >= q.lessNS || (latency.Finished()|latency.LowerBounds())&(1<<call.Status) == 0 {
				continue
			}
			answer.More++
			switch {
			case bySize:
				slowest.Add(calls[i : i+1])
			case len(list) < 4*mostSingle: // they come as they end
				list = append(list, latency.SlowCall{Call: *call, LowerBound: latency.LowerBounds()&(1<<call.Status) != 0})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if bySize {
		list = slowest.Calls(false)
	} else {
		slices.SortFunc(list, func(a, b latency.SlowCall) int { return cmp.Compare(a.StartNS, b.StartNS) })
		list = list[:min(len(list), mostSingle)]
	}
	v.mu.Lock() // what is followed changes
	defer v.mu.Unlock()
	for i := range list {
		answer.Calls = append(answer.Calls, q.source.SlowCall(&list[i], replay.WaitsByNature(in.names.String(list[i].Syscall))))
	}
	answer.More -= int64(len(list))
	return answer, nil
}
