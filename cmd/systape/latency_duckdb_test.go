package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"systape/format"
	"systape/format/abi"
	"systape/internal/readers"
	"systape/replay/latency"
)

// latencyRandomCapture writes a spool with calls of many shapes: constant,
// bimodal, log-normal over six decades, a single one; errors; calls that do
// not end.
func latencyRandomCapture(t *testing.T) string {
	r := rand.New(rand.NewPCG(21, 22))
	shapes := map[string]func() int64{
		"getpid":          func() int64 { return 77 },
		"openat":          func() int64 { return int64(math.Exp(8 + 2*r.NormFloat64())) },
		"fsync":           func() int64 { return int64(math.Exp(14 + 1.5*r.NormFloat64())) },
		"close":           func() int64 { return r.Int64N(300) },
		"clock_nanosleep": func() int64 { return 1_000_000 + 50_000_000*r.Int64N(2) + r.Int64N(60_000) },
	}
	names := []string{"getpid", "openat", "fsync", "close", "clock_nanosleep"}
	b := format.NewBatch(format.NewSymbolTable(), 100_000)
	start := int64(1_750_000_000_000_000_000)
	seq := int64(0)
	put := func(e format.Event) {
		e.Seq, seq = seq, seq+1
		e.PID, e.ABI, e.Comm = 7, abi.X86_64, "worker"
		b.Append(e)
	}
	// One thread after the other, so that the order of time is the order of
	// writing; 40,000 calls and, of some, an enter without an exit at the end.
	now := start
	for range 40_000 {
		name := names[r.IntN(len(names))]
		nr, _ := abi.Number(abi.X86_64, name)
		put(format.Event{TS: now, Kind: format.Enter, TID: 7, Nr: nr, Syscall: name})
		now += shapes[name]()
		ret := int64(0)
		if r.IntN(9) == 0 {
			ret = -2
		}
		put(format.Event{TS: now, Kind: format.Exit, TID: 7, Nr: nr, Syscall: name, Ret: ret})
		now += r.Int64N(500)
	}
	for tid := range int32(30) {
		name := names[1+r.IntN(2)]
		nr, _ := abi.Number(abi.X86_64, name)
		now += shapes[name]()
		put(format.Event{TS: now, Kind: format.Enter, TID: 100 + tid, Nr: nr, Syscall: name})
	}
	put(format.Event{TS: now + 1_000_000, Kind: format.Rename, TID: 7, Nr: -1})

	path := filepath.Join(t.TempDir(), "random.spool")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta := &format.Meta{Version: format.Version, CaptureID: strings.Repeat("1", 32), Tool: "test", Part: format.Part{Number: 1, Rows: -1, Last: true}}
	w, err := format.NewSpoolWriter(f, meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	meta.Complete = true
	if err := w.Close(meta); err != nil {
		t.Fatal(err)
	}
	return path
}

// latencySQL computes the same figures from the calls table: exact percentiles
// of the nearest rank, and the buckets by the rule of package latency's
// documentation.
const latencySQL = `
import sys, json, duckdb
con = duckdb.connect()
con.execute("CREATE MACRO shift(ns) AS greatest(length(bin(ns::BIGINT)) - 7, 0)")
con.execute("CREATE MACRO bucket(ns) AS shift(ns) * 64 + (ns::BIGINT >> shift(ns))")
con.execute("CREATE TABLE calls AS SELECT * FROM read_parquet(?)", [sys.argv[1]])
rank = lambda permille: f"list_sort(list(dur_ns))[greatest((count(*) * {permille} + 999) // 1000, 1)]"
groups = con.execute(f"""SELECT syscall, count(*), count(*) FILTER (errno <> ''), sum(dur_ns)::BIGINT, min(dur_ns), max(dur_ns),
  avg(dur_ns), stddev_pop(dur_ns), {rank(500)}, {rank(900)}, {rank(990)}, {rank(999)}
  FROM calls WHERE status IN ('ok', 'restarted') GROUP BY syscall ORDER BY syscall""").fetchall()
open_ = con.execute("""SELECT syscall, count(*), sum(dur_ns)::BIGINT, max(dur_ns) FROM calls
  WHERE status IN ('open_at_end', 'killed') GROUP BY syscall ORDER BY syscall""").fetchall()
buckets = con.execute("""SELECT syscall, bucket(dur_ns), count(*) FROM calls
  WHERE status IN ('ok', 'restarted') GROUP BY ALL ORDER BY ALL""").fetchall()
json.dump({"groups": groups, "open": open_, "buckets": buckets}, sys.stdout)
`

// TestLatencyAgainstDuckDB compares the figures with SQL over the calls table:
// of a capture made here, and of every real one in testdata.
func TestLatencyAgainstDuckDB(t *testing.T) {
	python := readers.Python(t)
	captures, err := filepath.Glob("../../testdata/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, capture := range append(captures, latencyRandomCapture(t)) {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			calls := filepath.Join(t.TempDir(), "calls.parquet")
			var stderr bytes.Buffer
			if code := run(t.Context(), []string{"pair", "-o", calls, capture}, nil, &bytes.Buffer{}, &stderr); code != 0 {
				t.Fatal(stderr.String())
			}
			cmd := exec.Command(python, "-c", latencySQL, calls)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				Groups  [][]any
				Open    [][]any
				Buckets [][]any
			}
			d := json.NewDecoder(bytes.NewReader(out))
			d.UseNumber()
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
			groups := latencyGroups(t, "--censored", "exclude", capture)
			if len(groups) != len(want.Groups) || len(groups) == 0 {
				t.Errorf("%d groups, want %d", len(groups), len(want.Groups))
			}
			for _, w := range want.Groups {
				g := groups[w[0].(string)]
				got := []int64{g.Count, g.Errors, g.TotalNS, g.MinNS, g.MaxNS}
				for i, n := range got {
					if exact := integer(t, w[1+i]); n != exact {
						t.Errorf("%s: figure %d is %d, SQL says %d", w[0], i, n, exact)
					}
				}
				for i, n := range []int64{g.MeanNS, g.StddevNS} {
					exact, err := w[6+i].(json.Number).Float64()
					if err != nil || math.Abs(float64(n)-exact) > 0.51+1e-9*exact {
						t.Errorf("%s: moment %d is %d, SQL says %g", w[0], i, n, exact)
					}
				}
				for i, n := range []int64{g.P50, g.P90, g.P99, g.P999} {
					exact := integer(t, w[8+i])
					if math.Abs(float64(n-exact)) > latency.MaxRelativeError*float64(exact) {
						t.Errorf("%s: percentile %d is %d, SQL says %d: more than %.2f %% off", w[0], i, n, exact, 100*latency.MaxRelativeError)
					}
				}
			}
			included := latencyGroups(t, capture)
			open := 0
			for _, w := range want.Open {
				g := included[w[0].(string)]
				open += int(g.Censored)
				if g.Censored != integer(t, w[1]) || g.CensoredNS != integer(t, w[2]) || g.CensoredMaxNS != integer(t, w[3]) {
					t.Errorf("%s: %d open calls of %d ns, at most %d; SQL says %v", w[0], g.Censored, g.CensoredNS, g.CensoredMaxNS, w[1:])
				}
			}
			if strings.HasPrefix(filepath.Base(capture), "random") && open != 30 {
				t.Errorf("%d open calls, want 30", open)
			}
			compareLatencyBuckets(t, capture, want.Buckets)
		})
	}
}

func compareLatencyBuckets(t *testing.T, capture string, want [][]any) {
	t.Helper()
	code, out, stderr := runLatencyCommand(t, "--histogram", "--censored", "exclude", "--format", "csv", capture)
	if code != 0 {
		t.Fatal(stderr)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int64{}
	for _, row := range rows[1:] {
		got[row[0]+" "+row[1]], _ = strconv.ParseInt(row[4], 10, 64)
	}
	if len(got) != len(want) {
		t.Errorf("%d buckets, SQL has %d", len(got), len(want))
	}
	for _, w := range want {
		key := w[0].(string) + " " + w[1].(json.Number).String()
		if n := integer(t, w[2]); got[key] != n {
			t.Errorf("bucket %s holds %d calls, SQL says %d", key, got[key], n)
		}
	}
}

func integer(t *testing.T, v any) int64 {
	t.Helper()
	n, err := v.(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	return n
}
