"""What is computed from calls, in tasks first and then from task to task: all
of them are counts that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from systape_spark._pairing import EXEC, FORK, LOST, THREAD_END, Rows, key_of, plain_codes, touched
from systape_spark._plan import spans

MEASURED = ["start_ns", "dur_ns", "ret", "status", "abi", "syscall", "enter_seq", "exit_seq", "tid"]
WORDS = ("node", "capture", "syscall", "comm", "container", "abi", "status")
GROUPS = ("node", "capture", "syscall", "comm", "container", "abi", "pid", "tid")


@dataclass(frozen=True)
class Calls:
    """Some calls of a recording, with the rows that say where its threads are cut.

    settled and unit say of calls that are known to others too to whom: where
    both ends of a window are settled in one unit, it was counted there.
    """

    table: pa.Table
    rows: Rows
    globals: pa.Table
    meta: dict[str, Any]
    unit: np.ndarray | None = None  # by call, of those that are settled; else -1


def bucket(ns: np.ndarray) -> np.ndarray:
    """The bucket of durations by the rule of systape: those below 128 ns have one
    each; above, every power of two is cut into 64 buckets of equal width."""
    u = np.maximum(ns, 0).astype(np.int64)
    top = np.frexp((u | 64).astype(np.float64))[1].astype(np.int64) - 1
    top -= (np.left_shift(1, np.minimum(top, 62)) > (u | 64)) | (top > 62)  # floats round up
    shift = top - 6
    return (shift << 6) + (u >> shift)


def bucket_value(b: Any) -> Any:
    """The duration that stands for a bucket: its middle (for Spark's columns)."""
    from pyspark.sql import functions as F

    shift = (F.floor(b / 64) - 1).cast("int")
    wide = F.call_function("shiftleft", b % 64 + 64, shift) + F.shiftright(F.call_function("shiftleft", F.lit(1).cast("long"), shift), 1)
    return F.when(b < 128, b).otherwise(wide)


def errno_of(calls: pa.Table) -> np.ndarray:
    """The error number that calls returned, 0 where none or not known."""
    ret = calls["ret"].fill_null(0).to_numpy()
    narrow = pc.is_in(calls["abi"], pa.array(["i386", "arm"])).to_numpy()
    if narrow.any():
        ret = np.where(narrow, ret.astype(np.int32), ret)
    failed = (ret < 0) & (ret >= -4095) & ~((ret <= -512) & (ret >= -516))
    return np.where(failed, -ret, 0)


def measured(calls: pa.Table) -> pa.Table:
    """Those of which the duration was measured from end to end."""
    good = pc.is_in(calls["status"], pa.array(["ok", "restarted"]))
    return calls if pc.all(good).as_py() in (True, None) else calls.filter(good)


def group(table: pa.Table, keys: list[str], sums: list[str], least: list[str] = [], most: list[str] = []) -> pa.Table:
    """Adds up the rows that have the same keys."""
    how = [(c, "sum") for c in sums] + [(c, "min") for c in least] + [(c, "max") for c in most]
    out = table.group_by(keys, use_threads=False).aggregate(how)
    return pa.table([out[c] for c in keys] + [out[f"{c}_{f}"] for c, f in how], names=keys + [c for c, _ in how])


class Measure:
    """A kind of result: the columns of calls that it needs, the schema of its
    counts, and how to get them from calls."""

    columns: list[str] = MEASURED
    context = 1  # straight calls that a thread's edges must have beside what is open
    neighbours = False  # whether what counts is the calls beside each other, not each alone
    keys: list[str]
    sums: list[str] = ["count"]
    schema: pa.Schema

    def of(self, calls: Calls) -> pa.Table:
        raise NotImplementedError

    def add(self, parts: list[pa.Table]) -> pa.Table:
        """The sum of several results."""
        return group(pa.concat_tables(parts), self.keys, self.sums).select(self.schema.names).cast(self.schema)


def key_fields(by: list[str]) -> list[tuple[str, pa.DataType]]:
    for name in by:
        if name not in GROUPS:
            raise ValueError(f"by {name!r}: want some of {', '.join(GROUPS)}")
    return [(name, pa.string() if name in WORDS else pa.int32()) for name in by]


def keyed(calls: Calls, table: pa.Table, by: list[str]) -> dict[str, Any]:
    """The columns by which calls are grouped."""
    same = {"node": calls.meta.get("host", {}).get("name", ""), "capture": calls.meta["capture"]}
    out = {}
    for name in by:
        out[name] = pa.DictionaryArray.from_arrays(np.zeros(table.num_rows, dtype=np.int32), [same[name]]) if name in same else table[name]
    return out


class Histogram(Measure):
    """Counts of calls by the bucket of their duration."""

    def __init__(self, by: list[str]) -> None:
        self.by = by
        self.columns = MEASURED + [c for c in by if c not in ("node", "capture") and c not in MEASURED]
        self.keys, self.sums = [*by, "bucket"], ["count", "errors", "total_ns"]
        self.schema = pa.schema([*key_fields(by), ("bucket", pa.int32()), *((c, pa.int64()) for c in self.sums), ("min_ns", pa.int64()), ("max_ns", pa.int64())])

    def of(self, calls: Calls) -> pa.Table:
        t = measured(calls.table)
        dur = t["dur_ns"].to_numpy()
        rows = pa.table(keyed(calls, t, self.by) | {
            "bucket": bucket(dur).astype(np.int32), "count": np.ones(len(dur), dtype=np.int64),
            "errors": (errno_of(t) != 0).astype(np.int64), "total_ns": dur, "min_ns": dur, "max_ns": dur,
        })
        return self.add([rows])

    def add(self, parts: list[pa.Table]) -> pa.Table:
        t = group(pa.concat_tables(parts), self.keys, self.sums, ["min_ns"], ["max_ns"])
        return t.select(self.schema.names).cast(self.schema)


class Errors(Measure):
    """Counts of failed calls by error and interval."""

    def __init__(self, by: list[str], every_ns: int) -> None:
        self.by, self.every = by, every_ns
        self.columns = MEASURED + [c for c in by if c not in ("node", "capture") and c not in MEASURED]
        self.keys = [*by, "interval_ns", "errno"]
        self.schema = pa.schema([*key_fields(by), ("interval_ns", pa.int64()), ("errno", pa.int32()), ("count", pa.int64())])

    def of(self, calls: Calls) -> pa.Table:
        t = measured(calls.table)
        errno = errno_of(t)
        failed = np.flatnonzero(errno)
        t, errno = t.take(failed), errno[failed]
        start = t["start_ns"].to_numpy()
        interval = start // self.every * self.every if self.every else np.zeros_like(start)
        return self.add([pa.table(keyed(calls, t, self.by) | {"interval_ns": interval, "errno": errno.astype(np.int32), "count": np.ones(len(errno), dtype=np.int64)})])


class Statuses(Measure):
    """Counts of calls by what became of them."""

    def __init__(self, by: list[str]) -> None:
        self.by = by
        self.columns = MEASURED + [c for c in by if c not in ("node", "capture") and c not in MEASURED]
        self.keys = [*by, "status"]
        self.schema = pa.schema([*key_fields(by), ("status", pa.string()), ("count", pa.int64())])

    def of(self, calls: Calls) -> pa.Table:
        t = calls.table
        return self.add([pa.table(keyed(calls, t, self.by) | {"status": t["status"], "count": np.ones(t.num_rows, dtype=np.int64)})])


NATIVE = {"aarch64": "arm64", "armv7l": "arm", "armv8l": "arm", "i686": "i386"}


class Sequences(Measure):
    """Counts of runs of n calls of a thread, in the order in which it entered
    them. They are cut where calls may have been lost, where a thread ends and
    where it executes another program."""

    neighbours = True

    def __init__(self, n: int, by: list[str]) -> None:
        if not 1 <= n <= 10:
            raise ValueError(f"runs of {n} calls: want 1 to 10")
        if set(by) - {"node", "capture"}:
            raise ValueError(f"sequences by {', '.join(by)}: want some of node, capture")
        self.n, self.by, self.context = n, by, max(n - 1, 1)
        self.keys = [*by, "calls"]
        self.schema = pa.schema([*key_fields(by), ("calls", pa.string()), ("count", pa.int64())])

    def of(self, calls: Calls) -> pa.Table:
        t = calls.table
        entered = t["enter_seq"].to_numpy() >= 0
        status = t["status"]
        cuts = ~entered & pc.is_in(status, pa.array(["child_return", "enter_lost"])).to_numpy()
        at = np.flatnonzero(entered | cuts)
        marks = np.flatnonzero(np.isin(calls.rows.kinds, [FORK, EXEC, THREAD_END, LOST]))
        seq = np.concatenate([key_of(t)[at], calls.rows.table["seq"].to_numpy()[calls.rows.row[marks]]])
        tid = np.concatenate([t["tid"].to_numpy()[at].astype(np.int64), calls.rows.tids[calls.rows.thread[marks]]])
        call = np.concatenate([at, np.full(len(marks), -1, dtype=np.int64)])
        is_call = np.concatenate([entered[at], np.zeros(len(marks), dtype=bool)])
        order = np.lexsort((seq, tid))
        tid, call, is_call = tid[order], call[order], is_call[order]
        after = np.cumsum(~is_call)[is_call]  # how many cuts came before each call
        tid, call = tid[is_call], call[is_call]
        if len(call) == 0:
            return self.schema.empty_table()
        start = t["start_ns"].to_numpy()[call]
        end = start + np.where(t["exit_seq"].to_numpy() >= 0, t["dur_ns"].to_numpy(), 0)[call]
        cut = np.ones(len(call), dtype=bool)
        cut[1:] = (tid[1:] != tid[:-1]) | (after[1:] != after[:-1]) | touched(*spans(gaps_of(calls.globals)), end[:-1], start[1:])
        number = np.arange(len(call))
        begun = np.maximum.accumulate(np.where(cut, number, 0))
        last = number[number - begun >= self.n - 1]
        first = last - (self.n - 1)
        if calls.unit is not None:
            unit = calls.unit[call]
            elsewhere = (unit[first] >= 0) & (unit[first] == unit[last])
            first, last = first[~elsewhere], last[~elsewhere]
        names, symbol = self.symbols(calls, call)
        return self.count(calls, names, symbol, first)

    def symbols(self, calls: Calls, at: np.ndarray) -> tuple[list[str], np.ndarray]:
        """The names of calls and their numbers: those of another ABI than the
        machine's have it before them."""
        t = calls.table
        arch = calls.meta.get("host", {}).get("arch", "")
        native = NATIVE.get(arch, arch)
        abi, syscall = dictionary(t["abi"]), dictionary(t["syscall"])
        both = plain_codes(abi).astype(np.int64)[at] * (len(syscall.dictionary) + 1) + plain_codes(syscall)[at]
        distinct, symbol = np.unique(both, return_inverse=True)
        words = []
        for pair in distinct.tolist():
            a, s = divmod(pair, len(syscall.dictionary) + 1)
            prefix = "" if abi.dictionary[a].as_py() == native else abi.dictionary[a].as_py() + ":"
            words.append(prefix + syscall.dictionary[s].as_py())
        return words, symbol

    def count(self, calls: Calls, names: list[str], symbol: np.ndarray, first: np.ndarray) -> pa.Table:
        by = keyed(calls, calls.table, self.by)
        key, base = np.zeros(len(first), dtype=np.int64), max(len(names), 2)
        room = 1
        for i in range(self.n):
            if room * base >= 1 << 62:
                key = np.unique(key, return_inverse=True)[1]
                room = len(first) + 1
            key, room = key * base + symbol[first + i], room * base
        _, one, count = np.unique(key, return_index=True, return_counts=True)
        runs = ["\0".join(names[symbol[first[j] + i]] for i in range(self.n)) for j in one]
        table = pa.table({"calls": pa.array(runs, pa.string()), "count": count.astype(np.int64)})
        for name in self.by:
            word = by[name].dictionary[0].as_py()
            table = table.append_column(name, pa.repeat(pa.scalar(word, pa.string()), table.num_rows))
        return table.select(self.schema.names).cast(self.schema)


def dictionary(column: Any) -> Any:
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    return column


def gaps_of(rows: pa.Table) -> pa.Table:
    """The losses that may hide an enter, or what became of a thread."""
    lost = pc.and_(pc.equal(rows["kind"], "lost"), pc.equal(rows["tid"], 0))
    exits_alone = pc.and_(pc.greater(rows["arg0"], 0), pc.equal(rows["arg0"], rows["arg4"]))
    return rows.filter(pc.and_(lost, pc.invert(exits_alone)))
