"""Computes a dataset's calls, latency, sequences, errors and statuses on Spark
and holds them against what systape says of the same recordings. Prints what
differs; nothing is what is wanted.

usage: spark_equal.py systape spark-folder capture scratch-folder local|cluster
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import warnings

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 800  # in a row group and so in a task: every call that takes long goes over edges

# Java is to start soon, not to run long: most of a short job is its compiler's.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(args)}: {done.stderr}")
    return done.stdout


def renamed(capture, out, host, capture_id, **more):
    """The capture as of another machine, with other rows where more has them."""
    table = more.pop("rows", None)
    table = pq.read_table(capture) if table is None else table
    meta = {k: v for k, v in pq.read_metadata(capture).metadata.items() if k.startswith(b"systape.") and k not in (b"systape.check", b"systape.counts")}
    told = json.loads(meta[b"systape.host"]) | {"name": host}
    part = json.loads(meta[b"systape.part"]) | {"rows": table.num_rows}
    meta |= {b"systape.host": json.dumps(told).encode(), b"systape.capture": json.dumps(capture_id * 32).encode(), b"systape.part": json.dumps(part).encode()}
    meta |= {b"systape." + k.encode(): json.dumps(v).encode() for k, v in more.items()}
    pq.write_table(table.replace_schema_metadata(meta), out, row_group_size=ROWS)


def with_losses(capture, cause, marked, told_late):
    """The rows of a capture without those of stretches of time on a CPU, and
    lost rows instead; marked: with marks of the threads that lost events."""
    rows = pq.read_table(capture).replace_schema_metadata(None).to_pylist()
    rng = np.random.default_rng(7)
    for at in sorted(rng.integers(100, len(rows) - 200, 9).tolist(), reverse=True):
        stretch = rows[at:at + 40]
        cpu = stretch[0]["cpu"]
        gone = [r for r in stretch if r["cpu"] == cpu and r["kind"] in ("enter", "exit")]
        if not gone:
            continue
        enters = sum(r["kind"] == "enter" for r in gone)
        nothing = {k: 0 if isinstance(v, int) else "" for k, v in gone[0].items()} | {"nr": -1, "abi": gone[0]["abi"]}
        lost = nothing | {"kind": "lost", "cpu": cpu, "arg0": len(gone), "arg1": gone[0]["ts_ns"], "arg2": gone[-1]["ts_ns"], "arg3": enters, "arg4": len(gone) - enters, "arg5": cause}
        kept, stand = [], [r for r in stretch if r not in gone] + rows[at + 40:]
        behind = 60 if told_late else 0
        threads = {(r["pid"], r["tid"]) for r in gone} if marked else set()
        for n, r in enumerate(stand):
            if (r["pid"], r["tid"]) in threads and r["kind"] in ("enter", "exit"):
                threads.discard((r["pid"], r["tid"]))
                kept.append(nothing | {"kind": "mark", "cpu": -1, "ts_ns": r["ts_ns"], "pid": r["pid"], "tid": r["tid"], "arg0": 5, "arg1": r["ts_ns"], "arg2": r["ts_ns"]})
            if n == behind:
                kept.append(lost | {"ts_ns": max(r["ts_ns"], gone[-1]["ts_ns"])})
            kept.append(r)
        rows = rows[:at] + kept
    # In the order of time, as a recorder writes.
    latest = 0
    for n, r in enumerate(rows):
        latest = r["ts_ns"] = max(latest, r["ts_ns"])
        r["seq"] = n
    return pa.Table.from_pylist(rows, schema=pq.read_schema(capture).remove_metadata())


@contextlib.contextmanager
def cluster(folder):
    """A master and two workers on the loopback."""
    import pyspark

    home = os.path.dirname(pyspark.__file__)
    env = os.environ | {"SPARK_HOME": home, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": folder, "PYSPARK_PYTHON": sys.executable, "SPARK_DAEMON_JAVA_OPTS": QUICK}
    running = []

    def start(name, *args):
        log = open(f"{folder}/{name}.log", "w+")
        running.append((subprocess.Popen([f"{home}/bin/spark-class", *args], stdout=log, stderr=subprocess.STDOUT, env=env), log))
        return running[-1]

    def wait(for_what, process, log, times=1):
        with open(log.name) as reader:
            seen = ""
            while len(found := re.findall(for_what, seen)) < times:
                seen += reader.readline()
                if process.poll() is not None:
                    sys.exit(f"spark ended: {open(log.name).read()}")
        return found[0]

    try:
        master, log = start("master", "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        url = wait(r"(spark://127\.0\.0\.1:\d+)", master, log)
        for n in (1, 2):
            start(f"worker{n}", "org.apache.spark.deploy.worker.Worker", "--host", "127.0.0.1", "--cores", "1", "--memory", "1g", "--webui-port", "0", "--work-dir", f"{folder}/worker{n}", url)
        wait("Registering worker", master, log, times=2)
        yield url
    finally:
        for process, log in running:
            process.terminate()
        for process, log in running:
            process.wait()
            log.close()


def differ(con, what, ours, theirs):
    if not con.execute(f"SELECT count(*) FROM ({theirs})").fetchone()[0]:
        print(f"{what}: systape has no rows")
    for side, a, b in (("only on Spark", ours, theirs), ("only in systape", theirs, ours)):
        for row in con.execute(f"({a}) EXCEPT ALL ({b}) LIMIT 3").fetchall():
            print(f"{what}: {side}: {row}")


def make_dataset(systape, capture, folder, mode):
    """Recordings of several kinds in one dataset, all in small row groups."""
    made = f"{folder}/made"
    os.makedirs(made)
    asked = json.loads(pq.read_metadata(capture).metadata[b"systape.request"])
    renamed(capture, f"{made}/plain.parquet", "plain", "a")
    renamed(capture, f"{made}/marked.parquet", "marked", "b", rows=with_losses(capture, 0, True, False), format=2)
    if mode == "local":
        renamed(capture, f"{made}/lossy.parquet", "lossy", "c", rows=with_losses(capture, 1, False, False))
        renamed(capture, f"{made}/late.parquet", "late", "d", rows=with_losses(capture, 2, False, True), format=2)
        renamed(capture, f"{made}/floating.parquet", "floating", "e", request=asked | {"comms": ["sh", "python3"]})
        renamed(capture, f"{made}/sampled.parquet", "sampled", "1", request=asked | {"sample": 10}, format=2)
        run(systape, "copy", f"{made}/plain.parquet", "-o", f"{folder}/chosen.parquet", "--syscall", "%file,%desc")
        renamed(f"{folder}/chosen.parquet", f"{made}/selection.parquet", "selection", "f")
    captures = [f"{made}/{n}" for n in sorted(os.listdir(made))]
    data = f"{folder}/data"
    run(systape, "copy", *captures, "-o", data, "--partition", "date,node", "-C", "40KiB", "--no-calls")
    for at, _, names in os.walk(data):
        for name in names:  # systape has larger row groups, and tasks are to be small here
            file = pq.ParquetFile(f"{at}/{name}")
            pq.write_table(file.read().replace_schema_metadata(file.metadata.metadata), f"{at}/{name}.new", row_group_size=ROWS)
            os.replace(f"{at}/{name}.new", f"{at}/{name}")
    return data, captures


def main(systape, package, capture, folder, mode):
    data, captures = make_dataset(systape, capture, folder, mode)
    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute("CREATE TABLE theirs_sequences (node VARCHAR, calls VARCHAR[], count BIGINT)")
    for file in captures:
        node = os.path.basename(file).removesuffix(".parquet")
        run(systape, "pair", data, "--node", node, "-o", f"{folder}/{node}.calls.parquet")
        with open(f"{folder}/{node}.histogram.csv", "w") as f:
            f.write(run(systape, "latency", data, "--node", node, "--by", "syscall", "--histogram", "--censored", "exclude", "--format", "csv"))
        found = json.loads(run(systape, "sequences", data, "--node", node, "-n", "4", "--top", "0", "--format", "json"))
        con.executemany("INSERT INTO theirs_sequences VALUES (?, ?, ?)", [(node, s["calls"], s["count"]) for s in found["sequences"]])
    statuses = con.execute(f"SELECT count(DISTINCT status) FROM '{folder}/*.calls.parquet'").fetchone()[0]
    if statuses < 7:
        print(f"the dataset has calls of {statuses} statuses only")

    os.environ["PYSPARK_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    package_zip = shutil.make_archive(f"{folder}/systape_spark", "zip", package, "systape_spark")
    sys.path.insert(0, package)
    from systape_spark import Dataset

    with cluster(folder) if mode == "cluster" else contextlib.nullcontext("local[2]") as url:
        spark = (
            SparkSession.builder.master(url).config("spark.ui.enabled", False).config("spark.ui.showConsoleProgress", False).config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
            .config("spark.executor.memory", "512m").config("spark.sql.shuffle.partitions", 4).config("spark.local.dir", folder).config("spark.sql.warehouse.dir", folder)
            .config("spark.log.level", "ERROR").config("spark.driver.extraJavaOptions", f"-Dderby.system.home={folder} {QUICK}").config("spark.executor.extraJavaOptions", QUICK)
            .config("spark.sql.codegen.wholeStage", False).config("spark.sql.adaptive.enabled", False).getOrCreate()
        )
        try:
            spark.sparkContext.addPyFile(package_zip)
            spark.sparkContext.addFile(systape)
            ds = Dataset(spark, data, unit_rows=1, program=os.path.basename(systape))
            compare(con, ds, folder)
            if mode == "local":
                compare_more(con, ds, folder)
                told(ds)
                refused(spark, capture, folder, os.path.basename(systape))
                written_by_spark(spark, systape, capture, folder, os.path.basename(systape))
                one = {r.node for r in Dataset(spark, data, nodes="plain", program=os.path.basename(systape)).statuses().collect()}
                if one != {"plain"}:
                    print(f"nodes='plain' gives those of {one}")
        finally:
            spark.stop()


def theirs(folder):
    return f"(SELECT *, parse_filename(filename).split('.')[1] AS node FROM read_parquet('{folder}/*.calls.parquet', filename = true))"


def compare(con, ds, folder):
    """What goes from task to task in three ways: calls, counts of them, counts of what stands beside each other."""
    columns = """start_ns, dur_ns, epoch_us(time), pid, tid, comm, container, syscall, abi, nr, arg0, arg1, arg2, arg3, arg4, arg5,
        ret, errno, status, cpu_enter, cpu_exit, enter_seq, exit_seq, detail"""
    units = ds.units().count()
    if units < 6 * len(con.execute("SELECT DISTINCT node FROM theirs_sequences").fetchall()) - 5:
        print(f"only {units} units: the edges are not tried")
    con.register("calls", ds.calls().toArrow())
    differ(con, "calls", f"SELECT node, {columns} FROM calls", f"SELECT node, {columns} FROM {theirs(folder)}")
    con.register("histogram", ds.histogram(by=["node", "syscall"]).toArrow())
    histograms = f"(SELECT *, parse_filename(filename).split('.')[1] AS node FROM read_csv('{folder}/*.histogram.csv', all_varchar = true, filename = true))"
    differ(con, "histogram", "SELECT node, syscall, bucket, count FROM histogram", f"SELECT node, syscall, bucket::INT, count::BIGINT FROM {histograms}")
    con.register("sequences", ds.sequences(n=4, by=["node"]).toArrow())
    differ(con, "sequences", "SELECT node, calls, count FROM sequences", "FROM theirs_sequences")


def compare_more(con, ds, folder):
    measured = f"{theirs(folder)} WHERE status IN ('ok', 'restarted')"
    con.register("statuses", ds.statuses().toArrow())
    differ(con, "statuses", "SELECT node, status, count FROM statuses", f"SELECT node, status, count(*) FROM {theirs(folder)} GROUP BY ALL")
    con.register("latency", ds.latency(by=["comm", "syscall"]).toArrow())
    differ(con, "latency", "SELECT comm, syscall, count, errors, total_ns, min_ns, max_ns FROM latency",
           f"SELECT comm, syscall, count(*), count(*) FILTER (errno <> ''), sum(dur_ns)::BIGINT, min(dur_ns), max(dur_ns) FROM {measured} GROUP BY ALL")
    exact = f"SELECT comm, syscall, quantile_disc(dur_ns, 0.99) AS p FROM {measured} GROUP BY ALL"
    for row in con.execute(f"FROM latency JOIN ({exact}) USING (comm, syscall) WHERE abs(p99_ns - p) > p / 128.0 LIMIT 3").fetchall():
        print(f"latency: p99 is not that of the calls: {row}")
    con.register("errors", ds.errors(every_ns=1_000_000, by=["node", "syscall"]).toArrow())
    differ(con, "errors", "SELECT node, syscall, interval_ns, errno, count FROM errors",
           f"SELECT node, syscall, start_ns // 1000000 * 1000000, -ret, count(*) FROM {measured} AND errno <> '' GROUP BY ALL")
    lost = {r.node: r.events for r in ds.losses().collect()}
    if any((lost[n] > 0) != (n in ("lossy", "late", "marked")) for n in lost):
        print(f"losses: {lost}")


def told(ds):
    """What is to be known of recordings is a row of notes, and a warning."""
    want = {"lossy": "events were lost", "late": "events were lost", "marked": "events were lost", "sampled": "one call in 10 was recorded"}
    notes = [(r.node, r.note) for r in ds.notes().collect()]
    if sorted(n for n, _ in notes) != sorted(want) or any(want[n] not in note for n, note in notes):
        print(f"notes: {notes}")
    again = type(ds)(ds._spark, ds._path, program=ds._program)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        again.units()
    if len([w for w in seen if w.category.__name__ == "RecordingWarning"]) != len(want):
        print(f"warnings: {[str(w.message) for w in seen]}")


def refused(spark, capture, folder, program):
    """What would be misread is refused in plain words, and what holds no capture is no empty result."""
    from systape_spark import Dataset

    rows = pq.read_table(capture)
    plain = rows.replace_schema_metadata(None)
    at = rows.schema.get_field_index("ts_ns")
    meta = {k: v for k, v in pq.read_metadata(capture).metadata.items() if k.startswith(b"systape.") and k not in (b"systape.check", b"systape.counts")}
    cases = {
        "without its metadata": (plain, {}),
        "format version 3": (plain, meta | {b"systape.format": b"3"}),
        "no column cpu": (plain.drop_columns(["cpu"]), meta),
        "ts_ns is timestamp": (plain.set_column(at, "ts_ns", plain["ts_ns"].cast(pa.timestamp("ns", "UTC"))), meta),
        "in the order of seq": (plain.sort_by([("ret", "ascending")]), meta),
        "has the parts": (plain, meta | {b"systape.part": json.dumps({"number": 3, "first_seq": 0, "rows": rows.num_rows, "last": True}).encode()}),
        "no captures among": (plain, meta | {b"systape.table": b'"calls"'}),
    }
    for n, (says, (table, pairs)) in enumerate(cases.items()):
        os.makedirs(f"{folder}/refused{n}")
        pq.write_table(table.replace_schema_metadata(pairs), f"{folder}/refused{n}/x.parquet")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                Dataset(spark, f"{folder}/refused{n}", program=program).statuses().collect()
            print(f"{says}: is read")
        except Exception as err:
            if says not in str(err):
                print(f"{says}: {err}")


def written_by_spark(spark, systape, capture, folder, program):
    """Rows of a capture that Spark wrote back are a selection to systape, whose calls are those of the capture."""
    from systape_spark import Dataset

    tid = duckdb.sql(f"SELECT tid FROM '{capture}' GROUP BY tid ORDER BY count(*) DESC, tid LIMIT 1").fetchall()[0][0]
    back = f"{folder}/back"
    spark.read.parquet(capture).where(f"tid = {tid}").coalesce(1).sortWithinPartitions("seq").write.parquet(back)

    def calls(*args):
        found = [json.loads(line) for line in run(systape, "pair", "-o", "-", "--status", "ok", *args).splitlines()]
        return [{k: v for k, v in c.items() if k not in ("path", "path2", "fd_path", "continues")} for c in found]

    ours, theirs = calls(back), calls(capture, "--tid", str(tid))
    if ours != theirs or len(ours) < 100:
        print(f"rows that Spark wrote have {len(ours)} calls, those of the capture {len(theirs)}: {[c for c in ours if c not in theirs][:2]}")
    for command in ("latency", "sequences", "replay", "info", "verify", "dump", "audit", "seccomp"):
        run(systape, command, back)
    # Given its metadata by systape, the selection is one on Spark, too.
    os.makedirs(f"{folder}/known")
    run(systape, "copy", back, "-o", f"{folder}/known/back.parquet")
    ds = Dataset(spark, f"{folder}/known", program=program)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        statuses = {r.status: r["count"] for r in ds.statuses().collect()}
    run(systape, "pair", back, "-o", f"{folder}/back.parquet")
    want = dict(duckdb.sql(f"SELECT status, count(*) FROM '{folder}/back.parquet' GROUP BY ALL").fetchall())
    if statuses != want:
        print(f"a selection has {statuses}, for systape {want}")
    if not any("a selection by another program" in str(w.message) for w in seen):
        print(f"of a selection nothing is said: {[str(w.message) for w in seen]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
