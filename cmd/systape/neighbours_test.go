package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"systape/cmd/systape/internal/page"
	"systape/format"
)

// neighboursCapture is a thread that opens, reads and closes files, while
// another thread sleeps; each third read fails.
func neighboursCapture(t *testing.T) string {
	var text strings.Builder
	seq := int64(0)
	row := func(ts int64, kind format.Kind, tid int32, syscall string, nr int32, ret int64) {
		e := format.Event{TS: 1e9 + ts, Seq: seq, Kind: kind, PID: 10, TID: tid, Comm: fmt.Sprintf("thread%d", tid), Syscall: syscall, Nr: nr, Ret: ret}
		seq++
		text.Write(format.AppendText(nil, e))
		text.WriteByte('\n')
	}
	row(0, format.Enter, 11, "nanosleep", 35, 0)
	for i := range int64(300) {
		at := 1000 + i*10_000
		row(at, format.Enter, 10, "openat", 257, 0)
		row(at+100, format.Exit, 10, "openat", 257, 3)
		row(at+200, format.Enter, 10, "pread64", 17, 0)
		row(at+1700-max(i-150, 150-i), format.Exit, 10, "pread64", 17, i%3*-9)
		row(at+2000, format.Enter, 10, "close", 3, 0)
		row(at+2100, format.Exit, 10, "close", 3, 0)
	}
	row(5e6, format.Exit, 11, "nanosleep", 35, 0)
	return latencyCapture(t, []byte(text.String()))
}

// Whatever the filter chooses, what stands before and after a call is what its
// thread called, in latency as on the page.
func TestNeighboursAreThoseOfTheThread(t *testing.T) {
	capture := neighboursCapture(t)
	const whole = "pread64 close openat pread64 close openat pread64"
	for _, c := range []struct {
		filter string
		want   string // the slowest call, in the midst of its neighbours
	}{
		{"", whole},
		{"--syscall=pread64", whole},
		{"--errno=EBADF", whole},
		{"--min-duration=1300ns", whole},
		{"--syscall=pread64 --errno=any --tid=10", whole},
		{"--from=+1ms --to=+1012us", whole}, // neighbours lie beyond both
		{"--to=+1012us --syscall=pread64", whole},
		{"--from=+2.990ms --syscall=pread64", "pread64 close openat pread64 close"},
		{"--to=+5us --syscall=pread64", "openat pread64 close openat pread64"},
	} {
		filter := strings.Fields(c.filter)
		code, stdout, stderr := commandLine(t, append(append([]string{"latency", "--slowest", "1", "--around", "3", "--wait", "none", "--format", "json"}, filter...), capture)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d, %s", c.filter, code, stderr)
		}
		type near struct {
			Syscall string
			StartNS int64 `json:"start_ns"`
		}
		var have struct {
			Slowest []struct {
				near
				Before, After []near
			}
		}
		if err := json.Unmarshal([]byte(stdout), &have); err != nil || len(have.Slowest) != 1 {
			t.Fatalf("%s: %v in %s", c.filter, err, stdout)
		}
		var told []string
		slow := have.Slowest[0]
		for _, n := range slices.Concat(slow.Before, []near{slow.near}, slow.After) {
			told = append(told, n.Syscall)
		}
		if got := strings.Join(told, " "); got != c.want {
			t.Errorf("%s: latency tells %q, want %q", c.filter, got, c.want)
		}
		// The page that answers the same question, and that of a command line with the filter.
		asked := pageNeighbours(t, capture, nil, filter)
		given := pageNeighbours(t, capture, filter, nil)
		for name, text := range map[string][]string{"asked": asked, "given": given} {
			for i, call := range text {
				text[i], _, _ = strings.Cut(call, "(")
			}
			if !slices.Equal(text, told) {
				t.Errorf("%s: the page, %s, shows %q, latency %q", c.filter, name, text, told)
			}
		}
	}
}

// pageNeighbours are the slowest working call of a view of a capture, in the
// midst of its neighbours: of the page of a view that was given filters, or of
// its answer to a question with filters.
func pageNeighbours(t *testing.T, capture string, given, asked []string) (text []string) {
	t.Helper()
	v := viewOf(t, capture, given...)
	v.readRest()
	var calls []page.Slow
	if len(given) > 0 {
		var p page.Page
		if err := json.Unmarshal(v.whole, &p); err != nil {
			t.Fatal(err)
		}
		calls = p.Slowest
	} else {
		query := url.Values{"arg": asked, "order": {"slowest"}}
		answer := httptest.NewRecorder()
		v.asked(v.single)(answer, httptest.NewRequest("GET", "/calls.json?"+query.Encode(), nil))
		var single page.Single
		if err := json.Unmarshal(answer.Body.Bytes(), &single); err != nil {
			t.Fatalf("%v in %s", err, answer.Body)
		}
		calls = single.Calls
	}
	for _, s := range calls {
		if s.Waits {
			continue
		}
		for _, n := range s.Before {
			text = append(text, n.Text)
		}
		text = append(text, s.Text)
		for _, n := range s.After {
			text = append(text, n.Text)
		}
		return text
	}
	t.Fatalf("no call is shown with %q %q", given, asked)
	return nil
}
