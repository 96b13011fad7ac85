"""What runs on the workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from systape_spark._files import FILES, batches, describe, from_bytes, open_file, to_bytes
from systape_spark._measures import Calls, Measure
from systape_spark._pairing import Paired, by_thread, islands, key_of, losses_of, split, straight_calls
from systape_spark._plan import plan
from systape_spark._program import CALLS, EVENTS, in_order, pair

Batches = Iterator[pa.RecordBatch]

# What a unit gives to the shuffle: counts of what is settled in it, to be added
# up, or its edges, to be paired with those of the other units.
PIECES = pa.schema([("key", pa.string()), ("unit", pa.int64()), ("meta", pa.string()), ("globals", pa.binary()), ("edges", pa.binary()), ("counts", pa.binary())])

# Over how many tasks the counts of one recording are added up.
SHARES = 16

# What pairing itself has to know of rows, beside what is asked for.
PAIRING = ["ts_ns", "seq", "kind", "pid", "tid", "abi", "nr", "syscall", "ret", "arg0", "arg1", "comm", "detail"]


@dataclass(frozen=True)
class Job:
    """What is asked for: counts of a measure, or without one the calls themselves."""

    program: str
    measure: Measure | None = None

    @property
    def columns(self) -> list[str]:
        if self.measure is None:
            return EVENTS.names
        return PAIRING + [c for c in self.measure.columns if c in EVENTS.names and c not in PAIRING]

    @property
    def context(self) -> int:
        return self.measure.context if self.measure else 1


def describe_files(rows: Batches) -> Batches:
    """From paths to FILES."""
    for batch in rows:
        for path in batch["path"].to_pylist():
            found = describe(path)
            if found is not None:
                yield from batches([found], FILES)


def plan_units(unit_rows: int) -> Callable[[pa.Table], pa.Table]:
    """From the FILES of one recording to its units."""
    return lambda files: plan(files, unit_rows)


@dataclass(frozen=True)
class Unit:
    paired: Paired
    globals: pa.Table
    meta: dict[str, Any]


LOSSES = pa.schema([("node", pa.string()), ("capture", pa.string()), ("events", pa.int64())])


def lost_events(files: Batches) -> Batches:
    """From FILES to what each tells of events that were lost."""
    for batch in files:
        for row in batch.to_pylist():
            told = from_bytes(row["globals"])
            events = pc.sum(told.filter(pc.equal(told["kind"], "lost"))["arg0"]).as_py() or 0
            yield from batches([{"node": json.loads(row["meta"]).get("host", {}).get("name", ""), "capture": row["capture"], "events": events}], LOSSES)


def load(row: dict[str, Any], job: Job) -> Unit:
    """Reads the rows of a unit and finds what is settled in them."""
    meta, globals = json.loads(row["meta"]), from_bytes(row["globals"])
    with open_file(row["path"]) as f:
        table = f.read_row_groups(row["groups"], columns=job.columns, use_threads=False).unify_dictionaries().combine_chunks()
    seq = table["seq"].to_numpy()
    if not (seq[1:] > seq[:-1]).all():
        raise ValueError(f"{row['path']}: rows are not in the order of seq, as another program wrote them; write it again in that order")
    return Unit(split(table, losses_of(globals, meta), meta, job.context), globals, meta)


def settled_calls(row: dict[str, Any], job: Job) -> pa.Table | None:
    """The calls that are settled in a unit, all columns, by the program."""
    u = load(row, job)
    p = u.paired
    at = np.unique(p.rows.row[p.settled])
    if len(at) == 0:
        return None
    return pair(job.program, in_order([p.rows.table.take(at), u.globals]), u.meta)


def count(row: dict[str, Any], job: Job) -> tuple[Unit, pa.Table]:
    """The counts of what is settled in a unit."""
    assert job.measure is not None
    u = load(row, job)
    found = straight_calls(u.paired, job.measure.columns)
    between = islands(u.paired, job.program, u.globals, u.meta)
    if between is not None:
        found = pa.concat_tables([found, alike(between, found.schema)]).unify_dictionaries().combine_chunks()
    return u, job.measure.of(Calls(found, u.paired.rows, u.globals, u.meta))


def alike(calls: pa.Table, schema: pa.Schema) -> pa.Table:
    """The program's calls with the columns of the straight ones."""
    return pa.table([words(calls[f.name], f.type) for f in schema], schema=schema)


def words(column: Any, kind: pa.DataType) -> Any:
    if not pa.types.is_dictionary(kind):
        return column.cast(kind)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.dictionary_encode().cast(kind)


def edges(u: Unit) -> bytes:
    """The rows of a unit that others need, and which of them are settled."""
    p = u.paired
    at = p.rows.row[p.edge]
    settled = np.zeros(p.rows.table.num_rows, dtype=bool)
    settled[p.rows.row[p.settled]] = True
    at = np.unique(at)
    rows = p.rows.table.take(at)
    return to_bytes(rows.append_column("settled", pa.array(settled[at])))


def count_units(job: Job) -> Callable[[Batches], Batches]:
    """From units to PIECES."""

    def run(rows: Batches) -> Batches:
        for batch in rows:
            for row in batch.to_pylist():
                u, counts = count(row, job)
                share = f"{row['capture']} {row['unit'] % SHARES}"
                yield from batches([
                    {"key": share, "counts": to_bytes(counts)},
                    {"key": row["capture"], "unit": row["unit"], "meta": row["meta"], "globals": row["globals"], "edges": edges(u)},
                ], PIECES)

    return run


def stitch_counts(job: Job) -> Callable[[pa.Table], pa.Table]:
    """From the PIECES of one key to counts."""
    measure = job.measure
    assert measure is not None

    def run(pieces: pa.Table) -> pa.Table:
        if pieces["counts"].null_count == 0:
            return measure.add([from_bytes(b) for b in pieces["counts"].to_pylist()])
        s = stitch(pieces, job)
        return measure.of(Calls(s.open_calls(measure.neighbours), by_thread(s.rows, renames=False), s.globals, s.meta, s.unit))

    return run


def edge_units(job: Job) -> Callable[[Batches], Batches]:
    """From units to those PIECES that are edges."""

    def run(rows: Batches) -> Batches:
        for batch in rows:
            for row in batch.to_pylist():
                yield from batches([{"key": row["capture"], "unit": row["unit"], "meta": row["meta"], "globals": row["globals"], "edges": edges(load(row, job))}], PIECES)

    return run


def settled_units(job: Job) -> Callable[[Batches], Batches]:
    """From units to the calls that are settled in them."""

    def run(rows: Batches) -> Batches:
        for batch in rows:
            for row in batch.to_pylist():
                calls = settled_calls(row, job)
                if calls is not None:
                    yield from finished(calls, row).to_batches(max_chunksize=1 << 16)

    return run


def stitch_calls(job: Job) -> Callable[[pa.Table], pa.Table]:
    """From the PIECES of one recording to the calls that no unit could settle."""

    def run(pieces: pa.Table) -> pa.Table:
        s = stitch(pieces, job)
        return finished(s.open_calls(False), {"capture": s.meta["capture"], "meta": json.dumps(s.meta)})

    return run


CALLS_SCHEMA = pa.schema([
    ("node", pa.string()), ("capture", pa.string()), ("start_ns", pa.int64()), ("dur_ns", pa.int64()), ("time", pa.timestamp("us", tz="UTC")),
    ("pid", pa.int32()), ("tid", pa.int32()), ("comm", pa.string()), ("container", pa.string()), ("syscall", pa.string()), ("abi", pa.string()), ("nr", pa.int32()),
    *((f"arg{i}", pa.int64()) for i in range(6)), ("ret", pa.int64()), ("errno", pa.string()), ("status", pa.string()),
    ("cpu_enter", pa.int32()), ("cpu_exit", pa.int32()), ("enter_seq", pa.int64()), ("exit_seq", pa.int64()), ("detail", pa.string()),
])


def finished(calls: pa.Table, row: dict[str, Any]) -> pa.Table:
    """The calls as the result has them."""
    n = calls.num_rows
    node = json.loads(row["meta"]).get("host", {}).get("name", "")
    same = {"node": pa.repeat(node, n), "capture": pa.repeat(row["capture"], n)}
    columns = [same.get(f.name, None) if f.name in same else plain(calls[f.name]).cast(f.type) for f in CALLS_SCHEMA]
    return pa.table(columns, schema=CALLS_SCHEMA)


def plain(column: Any) -> Any:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


@dataclass
class Stitched:
    """The edges of all units of a recording, put together and paired."""

    rows: pa.Table
    calls: pa.Table
    globals: pa.Table
    meta: dict[str, Any]
    unit: np.ndarray  # of each call that is settled in one, else -1

    def open_calls(self, all: bool) -> pa.Table:
        """The calls that no unit settled; or all, with those between which they stand."""
        if all:
            return self.calls
        out = self.calls.filter(pa.array(self.unit < 0))
        self.unit = self.unit[self.unit < 0]
        return out


def stitch(pieces: pa.Table, job: Job) -> Stitched:
    found = sorted(pieces.to_pylist(), key=lambda p: p["unit"])
    meta = json.loads(found[0]["meta"])
    anchors = {a["ts_ns"]: a for p in found for a in json.loads(p["meta"]).get("clock", {}).get("anchors", [])}
    if anchors:
        meta["clock"]["anchors"] = [anchors[ts] for ts in sorted(anchors)]
    tables = [from_bytes(p["edges"]) for p in found]
    globals = in_order([from_bytes(p["globals"]) for p in found])
    seqs = np.concatenate([t["seq"].to_numpy() for t in tables])
    units = np.concatenate([np.where(t["settled"].to_numpy(), p["unit"], -1) for t, p in zip(tables, found)])
    order = np.argsort(seqs, kind="stable")
    seqs, units = seqs[order], units[order]
    rows = in_order([*tables, globals])
    calls = pair(job.program, rows, meta)
    unit = units[np.searchsorted(seqs, key_of(calls))] if len(seqs) else np.zeros(0, dtype=np.int64)
    return Stitched(rows, calls, globals, meta, unit)
