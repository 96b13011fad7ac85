package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// recordSampling: of calls that are drawn by lot, numbers, errors and totals
// are exact, by what a program counts itself; the rest is an estimate and says so.
func recordSampling(t *testing.T, r recorder) {
	file := filepath.Join(t.TempDir(), "t.parquet")
	r.succeed(t, "record", "-q", "--sample", "7", "-o", file, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=30000", "status=none")
	var got struct {
		Coverage struct {
			Partial string
			LeftOut *int64 `json:"left_out"`
			Calls   int64
		}
		Groups []struct {
			Syscall        string
			Count          int64
			Sampled        int64
			TotalNS        int64 `json:"total_ns"`
			P50, Low, High int64
		}
	}
	out := r.succeed(t, "latency", "--format", "json", "--syscall", "write", file).out
	out = strings.NewReplacer(`"p50_ns"`, `"P50"`, `"p50_low_ns"`, `"Low"`, `"p50_high_ns"`, `"High"`).Replace(out)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	g := got.Groups
	if len(g) != 1 || g[0].Count != 30000 || g[0].Sampled < 3500 || g[0].Sampled > 5200 || g[0].P50 < g[0].Low || g[0].P50 > g[0].High || g[0].Low == 0 || g[0].TotalNS < 30000*g[0].Low/2 {
		t.Errorf("got %+v, want 30000 calls and a seventh of them drawn", g)
	}
	if c := got.Coverage; c.Calls != 30000 || c.LeftOut == nil || *c.LeftOut != 30000-g[0].Sampled || c.Partial != "drawn by lot" {
		t.Errorf("got coverage %+v", c)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"verify", file}, "18 rules hold, 0 do not"},
		{[]string{"latency", file}, "calls, errors, totals and means are exact"},
		{[]string{"latency", "--by", "comm", file}, "all figures are of the calls that were drawn"},
		{[]string{"info", file}, "one call in 7"},
		{[]string{"info", file}, "calls not drawn"},
		{[]string{"replay", "--events", file}, "share of calls set: one call in 7 (as asked)"},
	} {
		if got := r.succeed(t, c.args...); !strings.Contains(got.out, c.want) {
			t.Errorf("%q: got %s, want %q", c.args, got.out, c.want)
		}
	}
	if got := r.succeed(t, "sequences", file); !strings.Contains(got.stderr, "need not have been neighbours") {
		t.Errorf("sequences: got %+v", got)
	}
	for _, args := range [][]string{{"--sample", "-1"}, {"--budget", "200%"}, {"--budget", "x"}, {"--max-rate", "fast"}, {"--max-memory", "1KiB"}} {
		if got := r.run(t, append(append([]string{"record", "-a"}, args...), "-d", "1ms")...); got.code != exitUsage {
			t.Errorf("%q: got %+v", args, got)
		}
	}
}
