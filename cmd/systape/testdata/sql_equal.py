"""Runs the scripts of sql/ on a capture and holds them against what systape
wrote of it. Prints what differs; nothing is what is wanted.

usage: sql_equal.py sql-folder capture.parquet calls.parquet histogram.csv sequences.json
"""

import json
import sys

import duckdb

sql, capture, calls, histogram, sequences = sys.argv[1:]
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
con.execute(f"SET VARIABLE capture = '{capture}'")
con.execute("SET VARIABLE n = 3")
con.execute("SET VARIABLE every_ns = 1000000")


def run(name):
    con.execute(open(f"{sql}/{name}.sql").read())


def differ(what, ours, theirs):
    """ours: by SQL; theirs: by systape."""
    n = con.execute(f"SELECT count(*) FROM ({theirs})").fetchall()[0][0]
    if n == 0:
        print(f"{what}: systape has no rows")
    for side, a, b in (("only in SQL", ours, theirs), ("only in systape", theirs, ours)):
        for row in con.execute(f"({a}) EXCEPT ALL ({b}) LIMIT 3").fetchall():
            print(f"{what}: {side}: {row}")


run("pair")
columns = "start_ns, dur_ns, pid, tid, comm, container, syscall, abi, nr, ret, status, enter_seq, exit_seq"
measured = f"FROM '{calls}' WHERE status IN ('ok', 'restarted')"
differ("pair", f"SELECT {columns} FROM calls", f"SELECT {columns} {measured} AND syscall NOT IN ('execve', 'execveat') UNION ALL SELECT {columns} {measured} AND syscall IN ('execve', 'execveat')")
run("latency")
differ("latency", "SELECT syscall, bucket, count FROM histogram", f"SELECT syscall, bucket::BIGINT, count::BIGINT FROM read_csv('{histogram}', all_varchar = true)")
run("top")
differ("top", "SELECT syscall, calls, errors, total_ns FROM top", f"SELECT syscall, count(*), count(*) FILTER (errno <> ''), sum(dur_ns)::BIGINT {measured} GROUP BY syscall")
run("errors")
differ("errors", "SELECT interval_ns, syscall, errno, count FROM errors_over_time",
       f"SELECT start_ns // 1000000 * 1000000, syscall, -ret, count(*) {measured} AND errno <> '' GROUP BY ALL")
run("sequences")
rows = [(s["calls"], s["count"]) for s in json.load(open(sequences))["sequences"]]
con.execute("CREATE TABLE theirs (calls VARCHAR[], count BIGINT)")
con.executemany("INSERT INTO theirs VALUES (?, ?)", rows)
differ("sequences", "SELECT calls, count FROM sequences", "SELECT calls, count FROM theirs")
