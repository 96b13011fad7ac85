package export_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"systape/format"
	"systape/format/abi"
	"systape/replay"
	"systape/replay/convert/export"
)

// shortLived exports n processes that make three calls each, and one that
// makes long ones all the time. It returns the notes and the most memory that
// was in use.
func shortLived(t testing.TB, kind string, w io.Writer, n int, name func(i int) string) (notes []string, peak uint64) {
	t.Helper()
	o := export.Options{Symbols: format.NewSymbolTable()}
	x, err := export.New(kind, w, o)
	if err != nil {
		t.Fatal(err)
	}
	sym := func(s string) format.Symbol { return o.Symbols.InternString(s) }
	calls := make([]replay.Call, 0, 4)
	empty := format.NewBatch(o.Symbols, 0)
	for i := range n {
		calls = calls[:0]
		c := replay.Call{PID: int32(100 + i), TID: int32(100 + i), ABI: abi.X86_64, EnterSeq: 1, ExitSeq: 2, Comm: sym(name(i)), DurNS: 10}
		for _, call := range []string{"execve", "openat", "exit_group"} {
			c.Syscall = sym(call)
			calls = append(calls, c)
		}
		c.PID, c.Comm, c.Syscall, c.DurNS = 7, sym("server"), sym("poll"), 1000
		if err := x.Push(empty, append(calls, c)); err != nil {
			t.Fatal(err)
		}
		if i%50_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
	}
	if notes, err = x.Finish(nil); err != nil {
		t.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return notes, max(peak, m.HeapInuse)
}

// However many processes lived, sums take bounded memory: those with the least
// are told together, and nothing is lost of the total.
func TestSumsAreBounded(t *testing.T) {
	const n = 120_000
	var text bytes.Buffer
	notes, _ := shortLived(t, "folded", &text, n, func(int) string { return "sh" })
	var total, lines int64
	server := false
	for line := range strings.Lines(text.String()) {
		var weight int64
		i := strings.LastIndexByte(line, ' ')
		fmt.Sscan(line[i:], &weight)
		total += weight
		lines++
		server = server || strings.HasPrefix(line, "server (7);poll ") && weight == n*1000
	}
	if want := int64(n * 1030); total != want || lines > 100_001 || !server {
		t.Errorf("%d lines add up to %d, want %d; the server's own line: %v", lines, total, want, server)
	}
	if !strings.Contains(text.String(), "sh (others);openat ") || !strings.Contains(strings.Join(notes, "; "), "together as others, their names are kept") {
		t.Errorf("it is not said: %q", notes)
	}
	// Names may be as many as processes.
	text.Reset()
	notes, _ = shortLived(t, "folded", &text, n, func(i int) string { return fmt.Sprint("job-", i) })
	if lines := strings.Count(text.String(), "\n"); lines > 100_001 || !strings.Contains(text.String(), "other threads (others);openat ") {
		t.Errorf("%d lines, %q", lines, notes)
	}
}

func TestPProfIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: it takes seconds")
	}
	var out bytes.Buffer
	notes, peak := shortLived(t, "pprof", &out, 300_000, func(int) string { return "sh" })
	if peak > 280<<20 {
		t.Errorf("%d MiB were in use", peak>>20)
	}
	t.Logf("%d MiB in use at most, %d KiB written; %q", peak>>20, out.Len()>>10, notes)
	p, err := profile.Parse(&out)
	if err != nil {
		t.Fatal(err)
	}
	var calls int64
	for _, s := range p.Sample {
		calls += s.Value[0]
	}
	if calls != 1_200_000 {
		t.Errorf("%d calls, want 1,200,000", calls)
	}
}
