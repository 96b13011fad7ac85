package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"

	"systape/cmd/systape/internal/page"
	"systape/replay"
	"systape/replay/index"
	"systape/replay/latency"
)

// viewOf reads a capture for a view.
func viewOf(t *testing.T, path string, filters ...string) *viewer {
	t.Helper()
	c := newViewCommand()
	c.SetContext(context.Background())
	c.SetErr(io.Discard)
	if err := c.ParseFlags(filters); err != nil {
		t.Fatal(err)
	}
	v := &viewer{c: c, args: []string{path}, asking: new(sync.Mutex)}
	if err := v.read(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.source.in.Close() })
	return v
}

// A capture that several goroutines have read for a view has the page of one that
// was read in order, once the rest has come.
func TestViewReadsTogetherWhatItReadsInOrder(t *testing.T) {
	for _, filters := range [][]string{nil, {"--syscall=%file"}, {"--errno=any", "--comm=s*"}, {"--from=+50ms"}} {
		v := viewOf(t, pageCapture, filters...)
		if !v.shared {
			t.Fatalf("%q: the capture is read in order", filters)
		}
		if rest := restOf(t, v); !rest.Pending || len(rest.Slowest) != 0 || rest.Head.Verify.State != "not checked" {
			t.Errorf("%q: before the rest was read it is %+v", filters, rest)
		}
		c := newViewCommand()
		c.SetContext(context.Background())
		c.SetErr(io.Discard)
		if err := c.ParseFlags(filters); err != nil {
			t.Fatal(err)
		}
		s, err := readPage(c, []string{pageCapture}, nil, pageReading{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.in.Close()
		if !reflect.DeepEqual(v.source.long, s.long) {
			t.Errorf("%q: other long calls are remembered", filters)
		}
		v.readRest()
		opt := latency.Options{By: []latency.Key{latency.BySyscall, latency.ByTID}}
		if have, want := tableText(v.source.Index.Table(index.Selection{}, opt)), tableText(s.Index.Table(index.Selection{}, opt)); have != want || have == "" {
			t.Errorf("%q: it has\n%swant\n%s", filters, have, want)
		}
		if s.Head.Verify, err = verdict(c, []string{pageCapture}, nil); err != nil {
			t.Fatal(err)
		}
		rest, want := restOf(t, v), s.Rest()
		if !reflect.DeepEqual(rest, want) || len(rest.Slowest) == 0 {
			t.Errorf("%q: the rest is\n%+v\nwant\n%+v", filters, rest, want)
		}
		answer := httptest.NewRecorder()
		v.data(answer, httptest.NewRequest("GET", "/data.json", nil))
		var p page.Page
		if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if p.Pending || !reflect.DeepEqual(p.Slowest, rest.Slowest) || p.Calls.Count != s.Index.Calls() {
			t.Errorf("%q: the page is pending %v, has %d slow calls and %d calls", filters, p.Pending, len(p.Slowest), p.Calls.Count)
		}
	}
}

// There is a picture of what was read so far however large the index has become.
func TestEarlyPageOfManyThreads(t *testing.T) {
	v := viewOf(t, pageCapture)
	names := v.source.in.names
	var shares viewShares
	for n := range 2 { // the second reads on behind the first page
		share := shares.begin(index.Options{Symbols: names, OriginNS: v.source.OriginNS})
		if n == 0 && v.makeEarly(v.source.Source, &shares) {
			t.Fatal("a page was made of nothing")
		}
		var calls []replay.Call
		for i := range 70_000 {
			for _, call := range []string{"brk", "mmap"} {
				calls = append(calls, replay.Call{PID: int32(2*i + n), TID: int32(2*i + n), StartNS: v.source.OriginNS + int64(i)*1000, DurNS: 500,
					Syscall: names.InternString(call), Comm: names.InternString("true")})
			}
		}
		share.index.Add(calls)
		share.rows = int64(2 * len(calls))
		if share.index.MemoryBytes() < 24<<20 {
			t.Fatalf("the index has %d bytes only", share.index.MemoryBytes())
		}
		source := v.source.Source
		source.Reading.Of = -1
		if !v.makeEarly(source, &shares) {
			t.Fatal("there is no early page")
		}
		var p page.Page
		if err := json.Unmarshal(v.early, &p); err != nil {
			t.Fatal(err)
		}
		if want := int64(140_000 * (n + 1)); p.Calls.Count != want || len(v.early) > earlyBytes || p.Reading.Rows != 2*int64(len(calls))*int64(n+1) {
			t.Errorf("the early page has %d calls in %d bytes, reading %+v; want %d in at most %d", p.Calls.Count, len(v.early), p.Reading, want, earlyBytes)
		}
	}
}

func restOf(t *testing.T, v *viewer) (r page.Rest) {
	t.Helper()
	answer := httptest.NewRecorder()
	v.rest(answer, httptest.NewRequest("GET", "/rest.json", nil))
	if err := json.Unmarshal(answer.Body.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return r
}
