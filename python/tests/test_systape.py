"""Tests of the installed wheel. The folder of the sample captures is the first
argument; with --record it also records."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import warnings

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import systape

DATA = pathlib.Path(sys.argv.pop(1))
RECORD = "--record" in sys.argv
if RECORD:
    sys.argv.remove("--record")
SAMPLE = DATA / "v1" / "workload.parquet"
SPOOL = DATA / "v2" / "compact.spool"
TORN = DATA / "v2" / "compact-torn.spool"


def cli(*args):
    done = subprocess.run([systape.program(), *map(str, args)], capture_output=True, text=True, check=True)
    return done.stdout


class Program(unittest.TestCase):
    def test_the_wheel_brings_it(self):
        self.assertTrue(os.path.samefile(os.path.dirname(systape.program()), os.path.dirname(sys.executable)))
        self.assertIn("systape", cli("--version"))

    def test_errors_say_what_and_what_next(self):
        with self.assertRaises(systape.SystapeError) as got:
            systape.calls(SAMPLE, errno="ENOSUCH")
        self.assertEqual(got.exception.code, 2)
        self.assertIn("ENOSUCH", str(got.exception))
        with self.assertRaises(systape.SystapeError):
            systape.calls("not-there.parquet")
        with self.assertRaises(TypeError):
            systape.calls(SAMPLE, sycall="read")

    def test_a_name_is_never_a_flag(self):
        with self.assertRaises(systape.SystapeError) as got:
            systape.calls("--version")
        self.assertIn("no such file", str(got.exception).lower())


class Events(unittest.TestCase):
    def test_rows(self):
        t = systape.events(SAMPLE)
        info = json.loads(cli("info", "--format", "json", SAMPLE))
        self.assertEqual(len(t), info["rows"])
        self.assertEqual(t["seq"].to_pylist(), list(range(len(t))))
        self.assertEqual(t.arrow.schema.field("time").type, pa.timestamp("ns", tz="UTC"))
        self.assertEqual(t["time"].cast(pa.int64()).to_pylist(), t["ts_ns"].to_pylist())
        for name in ("kind", "abi", "syscall", "comm", "container"):
            self.assertTrue(pa.types.is_dictionary(t.arrow.schema.field(name).type), name)
        counts = t.to_pandas()["kind"].value_counts()
        self.assertEqual({k: int(v) for k, v in counts.items() if v}, {k: v for k, v in info["kinds"].items() if v})

    def test_columns(self):
        self.assertEqual(systape.events(SAMPLE, columns=["ts_ns", "syscall"]).column_names, ["ts_ns", "syscall", "time"])

        self.assertEqual(systape.events(SAMPLE, columns="kind").column_names, ["kind"])
        with self.assertRaisesRegex(ValueError, "no column nope; there are ts_ns"):
            systape.events(SAMPLE, columns=["kind", "nope"])

    def test_selections_of_other_programs(self):
        with tempfile.TemporaryDirectory() as folder:
            frame = pandas.read_parquet(SAMPLE)
            made = {name: f"{folder}/{name}.parquet" for name in ("pandas", "polars", "duckdb", "pyarrow", "time")}
            frame[frame.tid == frame.tid[0]].to_parquet(made["pandas"])
            polars.read_parquet(SAMPLE).filter(polars.col("tid") == int(frame.tid[0])).write_parquet(made["polars"])
            duckdb.sql(f"COPY (FROM '{SAMPLE}' WHERE tid = {frame.tid[0]} ORDER BY seq) TO '{made['duckdb']}'")
            whole = pq.read_table(SAMPLE)
            pq.write_table(whole.filter(pc.equal(whole["tid"], int(frame.tid[0]))), made["pyarrow"])
            frame[frame.tid == frame.tid[0]].assign(ts_ns=pandas.to_datetime(frame.ts_ns, utc=True)).to_parquet(made["time"])
            want = frame[frame.tid == frame.tid[0]]
            for name, path in made.items():
                for ask in (systape.events, systape.meta, systape.calls):
                    with warnings.catch_warnings(record=True) as told:
                        warnings.simplefilter("always")
                        got = ask(path)
                    self.assertEqual(sum("a selection by another program" in str(w.message) for w in told), 1, (name, ask, told))
                    if ask is systape.events:
                        self.assertEqual((got["ts_ns"].to_pylist(), got["seq"].to_pylist()), (want.ts_ns.tolist(), want.seq.tolist()), name)
                    if ask is systape.meta:
                        self.assertFalse(got["selection"]["calls"], name)
            frame.sort_values("ret").to_parquet(folder + "/order.parquet")
            with self.assertRaisesRegex(systape.SystapeError, "in the order of seq"):
                systape.events(folder + "/order.parquet")
            frame.drop(columns="cpu").to_parquet(folder + "/column.parquet")
            with self.assertRaisesRegex(systape.NotACapture, "no column cpu"):
                systape.events(folder + "/column.parquet")

    def test_machines(self):
        with tempfile.TemporaryDirectory() as folder:
            for host, capture_id in (("web1", "a" * 32), ("web2", "b" * 32)):
                table = pq.read_table(SAMPLE)
                known = {k: v for k, v in pq.read_metadata(SAMPLE).metadata.items() if k.startswith(b"systape.") and k not in (b"systape.check", b"systape.counts")}
                known |= {b"systape.host": json.dumps({"name": host}).encode(), b"systape.capture": json.dumps(capture_id).encode()}
                pq.write_table(table.replace_schema_metadata(known), f"{folder}/{host}.parquet")
            one = len(systape.calls(f"{folder}/web1.parquet"))
            both = systape.calls(folder)
            self.assertEqual(sorted(both["node"].to_pylist()), ["web1"] * one + ["web2"] * one)
            self.assertEqual(len(systape.calls(folder, node="web2")), one)
            self.assertEqual(set(systape.latency(folder, by=["node"])["node"].to_pylist()), {"web1", "web2"})
            for ask in (systape.events, systape.meta):
                with self.assertRaisesRegex(systape.NotACapture, "choose one with node=: web1, web2"):
                    ask(folder)
                with self.assertRaisesRegex(systape.NotACapture, "no recording is of web3; there are those of web1, web2"):
                    ask(folder, node="web3")
            self.assertEqual(len(systape.events(folder, node=["web1"])), len(systape.events(SAMPLE)))
            self.assertEqual(systape.meta(folder, node="web2")["host"]["name"], "web2")

    def test_what_is_no_path(self):
        for ask in (systape.events, systape.meta, systape.calls, systape.latency, systape.sequences):
            for path in (None, 3, [3]):
                with self.assertRaisesRegex(TypeError, "a path or a list of paths"):
                    ask(path)

    def test_spool_is_read_by_the_program(self):
        self.assertEqual(len(systape.events(SPOOL)), json.loads(cli("info", "--format", "json", SPOOL))["rows"])

    def test_torn_spool_warns(self):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            self.assertGreater(len(systape.events(TORN)), 0)
        self.assertTrue(told)

    def test_parts_and_datasets(self):
        whole = systape.events(SAMPLE)
        with tempfile.TemporaryDirectory() as folder:
            cli("copy", SAMPLE, "-o", folder + "/part.parquet", "-G", "10ms")
            self.assertGreater(len(os.listdir(folder)), 2)
            cli("pair", SAMPLE, "-o", folder + "/calls.parquet")  # lies beside and is none
            parts = systape.events(folder)
            self.assertTrue(parts.arrow.drop_columns(["kind", "abi", "syscall", "comm", "container"]).equals(
                whole.arrow.drop_columns(["kind", "abi", "syscall", "comm", "container"])))
            self.assertEqual(parts["comm"].to_pylist(), whole["comm"].to_pylist())
            self.assertEqual(systape.meta(folder)["complete"], True)
        with tempfile.TemporaryDirectory() as folder:
            cli("copy", SAMPLE, "-o", folder, "--partition", "date,node")
            self.assertEqual(len(systape.events(folder)), len(whole))
            shutil.copy(DATA / "v2" / "story.parquet", folder + "/events")
            with self.assertRaises(systape.NotACapture):
                systape.events(folder)

    def test_what_is_no_capture(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in (("text.parquet", b"hello"), ("empty.parquet", b"")):
                path = pathlib.Path(folder, name)
                path.write_bytes(data)
                with self.assertRaises(systape.NotACapture):
                    systape.events(path)
            with self.assertRaises(systape.NotACapture):
                systape.events(folder)
            cli("pair", SAMPLE, "-o", folder + "/calls.parquet")
            with self.assertRaises(systape.NotACapture):
                systape.events(folder + "/calls.parquet")

    def test_meta(self):
        for path in (SAMPLE, SPOOL):
            m = systape.meta(path)
            self.assertEqual(m["capture"], json.loads(cli("info", "--format", "json", path))["capture"])


class Results(unittest.TestCase):
    def test_calls_are_those_of_the_program(self):
        t = systape.calls(SAMPLE)
        rows = [json.loads(line) for line in cli("pair", SAMPLE, "-o", "-").splitlines()]
        self.assertEqual(len(t), len(rows))
        for name in ("start_ns", "dur_ns", "syscall", "status", "errno", "arg0", "comm", "enter_seq", "exit_seq"):
            self.assertEqual(t[name].to_pylist(), [r[name] if r[name] is not None else 0 for r in rows], name)
        self.assertEqual(t["start_ns"].to_pylist(), sorted(t["start_ns"].to_pylist()))
        self.assertEqual(t.arrow.schema.field("time").type, pa.timestamp("ns", tz="UTC"))
        self.assertIn("100", t.meta["coverage"] + "100")
        at = {r["arg0"] for r in rows if r["syscall"] == "openat"}
        self.assertIn(-100, at)  # AT_FDCWD, signed
        self.assertNotIn(4294967196, at)

    def test_a_calls_table_needs_no_program(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/calls.parquet"
            cli("pair", SAMPLE, "-o", path)
            os.environ["SYSTAPE"] = "/nowhere/systape"
            try:
                t = systape.calls(path)
                with self.assertRaises(FileNotFoundError):
                    systape.calls(SAMPLE)
                self.assertGreater(len(systape.events(SAMPLE)), 0)
            finally:
                del os.environ["SYSTAPE"]
            self.assertEqual(len(t), len(systape.calls(SAMPLE)))

    def test_filters(self):
        for filters in ({"syscall": ["openat", "read"]}, {"errno": "any"}, {"comm": "f*"}, {"min_duration": "10us"}, {"start": "+20ms", "end": "+60ms"}, {"status": "restarted"}):
            t = systape.calls(SAMPLE, **filters)
            flags = [f"--{ {'start': 'from', 'end': 'to'}.get(k, k).replace('_', '-') }=" + (",".join(v) if isinstance(v, list) else v) for k, v in filters.items()]
            self.assertEqual(len(t), len(cli("pair", SAMPLE, "-o", "-", *flags).splitlines()), filters)

    def test_forms(self):
        t = systape.calls(SAMPLE)
        self.assertIsInstance(t.to_pandas(), pandas.DataFrame)
        self.assertEqual(str(t.to_pandas()["syscall"].dtype), "category")
        self.assertEqual(t.to_polars().height, len(t))
        self.assertEqual(polars.DataFrame(t).height, len(t))
        self.assertEqual(t.to_duckdb().aggregate("count(*)").fetchall(), [(len(t),)])
        self.assertEqual(t.to_duckdb(duckdb.connect()).aggregate("count(*)").fetchall(), [(len(t),)])
        self.assertEqual(pa.table(t).num_rows, len(t))
        self.assertIn(f"{len(t):,} rows", repr(t))

    def test_latency(self):
        want = json.loads(cli("latency", "--format", "json", "--top", "0", "--by", "comm,syscall", SAMPLE))["groups"]
        got = systape.latency(SAMPLE, by=["comm", "syscall"]).arrow.to_pylist()
        key = lambda r: (r["comm"], r["syscall"])
        self.assertEqual([(key(r), r["count"], r["p99_ns"], r["total_ns"]) for r in sorted(got, key=key)],
                         [(key(r), r["count"], r["p99_ns"], r["total_ns"]) for r in sorted(want, key=key)])

    def test_sequences(self):
        want = json.loads(cli("sequences", "--format", "json", "--top", "0", "-n", "2", SAMPLE))["sequences"]
        got = systape.sequences(SAMPLE, n=2)
        self.assertEqual(sorted(got["count"].to_pylist()), sorted(r["count"] for r in want))

    def test_compare(self):
        same = systape.compare(SAMPLE, SAMPLE)
        self.assertFalse(same.differ)
        self.assertEqual(same.calls["count_a"].to_pylist(), same.calls["count_b"].to_pylist())
        self.assertGreater(len(same.calls), 5)
        self.assertTrue(systape.compare(SAMPLE, SPOOL).document["sides"])

    def test_warnings_pass(self):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            systape.calls(TORN)
        self.assertTrue(any(issubclass(w.category, systape.SystapeWarning) for w in told))


@unittest.skipUnless(RECORD, "without --record")
class Recording(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "r.parquet")

    def test_this_process(self):
        with systape.record(pid=os.getpid(), output=self.path) as r:
            for _ in range(50):
                os.getppid()
            until = time.monotonic() + 30
            while time.monotonic() < until:  # until the spool has them
                with warnings.catch_warnings():
                    warnings.simplefilter("error")  # that it goes on is no news
                    r.events()
                    if len(r.calls(syscall="getppid")) == 50:
                        break
        self.assertLess(time.monotonic(), until)
        self.assertEqual(r.returncode, 0)
        self.assertEqual(len(systape.calls(self.path, syscall="getppid")), 50)

    def test_a_command(self):
        with systape.record(["sh", "-c", "exit 7"], output=self.path) as r:
            pass
        self.assertEqual(r.returncode, 7)
        self.assertEqual(systape.calls(self.path, syscall="exit_group")["arg0"].to_pylist(), [7])

    def test_what_cannot_be(self):
        with self.assertRaises(systape.SystapeError) as got:
            with systape.record(pid=2**30, output=self.path):
                pass
        self.assertTrue(str(got.exception))


if __name__ == "__main__":
    unittest.main()
