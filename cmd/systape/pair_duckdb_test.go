package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"systape/internal/kerneltest"
	"systape/internal/readers"
)

// pairSQL pairs the events table with window functions: an enter and the next
// row of its thread, if that is an exit with the same number and ABI and nothing
// tells that the thread is another one by then. Then it holds systape's calls
// table against it, and the other three formats against the Parquet one.
const pairSQL = `
import sys, json, duckdb, pyarrow as pa, pyarrow.parquet as pq, pyarrow.compute as pc
events, folder = sys.argv[1:]
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute(f"""CREATE TABLE paired AS
WITH rows AS (
  SELECT seq, ts_ns, kind, tid, abi, nr, ret FROM read_parquet('{events}') WHERE kind IN ('enter', 'exit', 'thread_end')
  UNION ALL SELECT seq, ts_ns, kind, arg1::INTEGER, abi, nr, ret FROM read_parquet('{events}') WHERE kind = 'fork'
), next AS (
  SELECT *, lead(kind) OVER w AS k, lead(seq) OVER w AS x, lead(ts_ns) OVER w AS t, lead(nr) OVER w AS n, lead(abi) OVER w AS a, lead(ret) OVER w AS r
  FROM rows WINDOW w AS (PARTITION BY tid ORDER BY seq)
)
SELECT seq AS enter_seq, x AS exit_seq, t - ts_ns AS dur_ns, ts_ns AS start_ns, r BETWEEN -516 AND -512 AS again
FROM next WHERE kind = 'enter' AND k = 'exit' AND n = nr AND a = abi""")
con.execute(f"CREATE TABLE calls AS SELECT * FROM read_parquet('{folder}/calls.parquet')")
one = lambda sql: con.execute(sql).fetchall()[0][0]
ours = "SELECT enter_seq, exit_seq, dur_ns, start_ns, status = 'restarted' FROM calls WHERE status IN ('ok', 'restarted')"
sigreturn = "enter_seq NOT IN (SELECT enter_seq FROM calls WHERE status = 'sigreturn')"
# What a whole-system capture begins with: exits that were recorded before enters were.
result = {
  "paired": one("SELECT count(*) FROM paired"),
  "ours": one(f"SELECT count(*) FROM ({ours})"),
  # SQL knows no loss: what systape leaves open because of one is not compared.
  "only_sql": con.execute(f"""SELECT * FROM paired WHERE {sigreturn} AND enter_seq NOT IN (SELECT enter_seq FROM calls WHERE status = 'exit_lost')
     EXCEPT {ours} LIMIT 5""").fetchall(),
  # execve may come back with another ABI, or as another thread.
  "only_ours": con.execute(f"{ours} AND syscall NOT IN ('execve', 'execveat') EXCEPT SELECT * FROM paired LIMIT 5").fetchall(),
  "time": one("SELECT count(*) FROM calls WHERE epoch_us(time) <> start_ns // 1000"),
}
con.register("arrows_plain", pa.ipc.open_stream(f"{folder}/calls.arrows-plain").read_all())
con.register("arrows", pa.ipc.open_stream(f"{folder}/calls.arrows").read_all())
con.execute(f"CREATE VIEW csv AS SELECT * FROM read_csv('{folder}/calls.csv', header = true, all_varchar = true, nullstr = 'no such text')")
con.execute(f"CREATE VIEW jsonl AS SELECT * FROM read_json('{folder}/calls.jsonl', format = 'newline_delimited', map_inference_threshold = -1)")
columns = [r[0] for r in con.execute("DESCRIBE calls").fetchall() if r[0] != "time"]
# What is not known is 0 in a table, whose columns are required, and nothing in text.
known = lambda c: f"coalesce(nullif({c}::VARCHAR, ''), '0')" if c == "ret" or c.startswith("arg") else f"{c}::VARCHAR"
text = ", ".join(known(c) for c in columns) + ", epoch_us(time::TIMESTAMPTZ)"
for other in ("arrows", "arrows_plain", "csv", "jsonl"):
  result[other] = one(f"SELECT count(*) FROM (SELECT {text} FROM calls EXCEPT ALL SELECT {text} FROM {other})") + \
    one(f"SELECT count(*) FROM {other}") - one("SELECT count(*) FROM calls")
result["meta"] = {r[0].decode(): r[1].decode() for r in con.execute(f"SELECT key, value FROM parquet_kv_metadata('{folder}/calls.parquet')").fetchall()}
result["used"] = one("SELECT count(*) FROM calls WHERE status IN ('ok', 'restarted')")
# The rows are in the order in which the calls began, the file says so, and says
# of every column in every row group from what to what its values go.
result["unsorted"] = one(f"""SELECT count(*) FROM (SELECT start_ns, lag(start_ns) OVER (ORDER BY file_row_number) AS before
  FROM read_parquet('{folder}/calls.parquet', file_row_number = true)) WHERE start_ns < before""")
table = pq.ParquetFile(f"{folder}/calls.parquet")
names = table.schema_arrow.names
values = table.read()
result["untold"], row = [], 0
for g in range(table.metadata.num_row_groups):
  group = table.metadata.row_group(g)
  if group.sorting_columns != (pq.SortingColumn(0),): result["untold"].append(f"sorting of row group {g}")
  for i, name in enumerate(names):
    s, v = group.column(i).statistics, values[name].slice(row, group.num_rows)
    if s is None or s.null_count != 0: result["untold"].append(f"nulls of {name}")
    longest = max(len(x.encode()) for x in v.unique().to_pylist()) if pa.types.is_string(v.type) else 0
    if s.has_min_max and (pa.scalar(s.min, v.type), pa.scalar(s.max, v.type)) != tuple(pc.min_max(v).values()): result["untold"].append(f"bounds of {name}")
    if not s.has_min_max and longest <= 64: result["untold"].append(f"{name} without bounds")
  row += group.num_rows
json.dump(result, sys.stdout)
`

// pairRandomText makes a capture of threads that call, one in the midst of the
// other, and whose ids come again.
func pairRandomText() []byte {
	rnd := rand.New(rand.NewPCG(31, 32))
	names := []string{"read", "write", "openat", "futex", "getpid"}
	var text bytes.Buffer
	inside := map[int]string{}
	for ts := 1_750_000_000_000_000_000; text.Len() < 1<<20; ts += 1 + rnd.IntN(5000) {
		tid := 100 + rnd.IntN(40)
		comm := fmt.Sprintf("comm=\"w,%d \\\"x\\\"\"", tid%3)
		switch call := inside[tid]; {
		case rnd.IntN(200) == 0:
			fmt.Fprintf(&text, "%d thread_end 100/%d\n%d fork 100/100 -> 100/%d\n", ts, tid, ts+1, tid)
			delete(inside, tid)
		case call != "":
			fmt.Fprintf(&text, "%d exit 100/%d %s = %d %s\n", ts, tid, call, []int{0, -2, 512, -512}[rnd.IntN(4)], comm)
			delete(inside, tid)
		default:
			call := names[rnd.IntN(len(names))]
			fmt.Fprintf(&text, "%d enter 100/%d %s(%d, -5) %s cpu=1\n", ts, tid, call, rnd.Int64()-rnd.Int64(), comm)
			inside[tid] = call
		}
	}
	return text.Bytes()
}

// TestPairAgainstDuckDB compares with SQL over the events table: a capture made
// here, every real one in testdata, and with SYSTAPE_KERNEL_TESTS=1 one that is
// recorded now.
func TestPairAgainstDuckDB(t *testing.T) {
	python := readers.Python(t)
	captures, err := filepath.Glob("../../testdata/*.parquet")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command := func(args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(""), &bytes.Buffer{}, &stderr); code != 0 {
			t.Fatalf("systape %s: exit code %d: %s", strings.Join(args, " "), code, stderr.String())
		}
	}
	random := filepath.Join(dir, "random.parquet")
	command("recover", latencyCapture(t, pairRandomText()), "-o", random)
	captures = append(captures, random)
	if os.Getenv("SYSTAPE_KERNEL_TESTS") == "1" {
		kerneltest.Require(t)
		recorded := filepath.Join(dir, "recorded.parquet")
		command("record", "-q", "--spool", "-f", "-o", recorded, "--", "sh", "-c", "find /usr/lib/python3 >/dev/null; "+python+" -c 'import duckdb, threading'; ls -R /etc | sort >/dev/null")
		command("recover", recorded+".spool", "-o", recorded)
		captures = append(captures, recorded)
	}
	for _, capture := range captures {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			folder := t.TempDir()
			for _, kind := range pairFormats {
				command("pair", capture, "-o", filepath.Join(folder, "calls."+kind))
			}
			cmd := exec.Command(python, "-c", pairSQL, capture, folder)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Paired   int64
				Ours     int64
				OnlySQL  [][]any `json:"only_sql"`
				OnlyOurs [][]any `json:"only_ours"`
				Time     int64
				Arrows   int64
				Plain    int64 `json:"arrows_plain"`
				Unsorted int64
				Untold   []string
				CSV      int64
				JSONL    int64
				Used     int64
				Meta     map[string]string
			}
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			if r.Paired == 0 || len(r.OnlySQL) > 0 || len(r.OnlyOurs) > 0 {
				t.Errorf("%d pairs, SQL finds %d; only SQL has %v, only systape %v", r.Ours, r.Paired, r.OnlySQL, r.OnlyOurs)
			}
			if r.Time+r.Arrows+r.Plain+r.CSV+r.JSONL != 0 {
				t.Errorf("rows that differ: time %d; from Parquet: Arrow %d, without compression %d, CSV %d, JSON lines %d", r.Time, r.Arrows, r.Plain, r.CSV, r.JSONL)
			}
			if r.Unsorted != 0 || len(r.Untold) > 0 {
				t.Errorf("%d rows stand after one that began later; the file does not tell: %v", r.Unsorted, r.Untold)
			}
			var coverage struct{ Used int64 }
			if err := json.Unmarshal([]byte(r.Meta["systape.coverage"]), &coverage); err != nil || coverage.Used != r.Used {
				t.Errorf("the metadata's coverage is %s, the table has %d ok and restarted calls (%v)", r.Meta["systape.coverage"], r.Used, err)
			}
			if want := fmt.Sprintf("[%q]", filepath.Base(capture)); r.Meta["systape.sources"] != want {
				t.Errorf("sources: got %s, want %s", r.Meta["systape.sources"], want)
			}
			t.Logf("%d calls, the same by SQL", r.Ours)
		})
	}
}
