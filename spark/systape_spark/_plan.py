"""What the tasks are: some row groups of a file each, with what they need to
know of the rest of their recording."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from systape_spark._files import from_bytes, to_bytes

UNITS = pa.schema([
    ("capture", pa.string()), ("unit", pa.int64()), ("path", pa.string()), ("groups", pa.list_(pa.int32())),
    ("meta", pa.string()), ("globals", pa.binary()), ("notes", pa.list_(pa.string())),
])


def plan(files: pa.Table, unit_rows: int) -> pa.Table:
    """The units of one recording, from what its files say."""
    rows = sorted(files.to_pylist(), key=lambda f: (f["number"], f["first_ns"][:1]))
    metas = [json.loads(f["meta"]) for f in rows]
    meta = merge(metas, [f["path"] for f in rows])
    all_globals = pa.concat_tables([from_bytes(f["globals"]) for f in rows]).unify_dictionaries().combine_chunks()
    times = [(lo, hi) for f in rows for lo, hi in zip(f["first_ns"], f["last_ns"])]
    begin, end = (min(lo for lo, _ in times), max(hi for _, hi in times)) if times else (0, 0)
    notes = notes_on(metas, all_globals)
    choose(meta, sum(map(sum, (f["rows"] for f in rows))), begin, end)

    units: list[dict[str, Any]] = []
    for f in rows:
        groups: list[int] = []
        for g, n in enumerate(f["rows"]):
            groups.append(g)
            if g + 1 < len(f["rows"]) and sum(f["rows"][i] for i in groups) + n <= unit_rows:
                continue
            lo, hi = f["first_ns"][groups[0]], f["last_ns"][groups[-1]]
            units.append({
                "capture": f["capture"], "unit": len(units), "path": f["path"], "groups": groups,
                "meta": json.dumps(meta | {"clock": around(meta.get("clock", {}), lo, hi)}),
                "globals": to_bytes(touching(all_globals, lo, hi)), "notes": [] if units else notes,
            })
            groups = []
    return pa.Table.from_pylist(units, schema=UNITS)


def merge(metas: list[dict[str, Any]], paths: list[str]) -> dict[str, Any]:
    """The metadata of a recording from that of its parts."""
    first, last = metas[0], metas[-1]
    numbers = [m.get("part", {}).get("number", 0) for m in metas]
    rotation = first.get("part", {}).get("rotation", False)
    if not any("selection" in m for m in metas):
        want = list(range(numbers[0] if rotation else min(numbers[0], 1), max(numbers) + 1))
        if numbers != want:
            raise ValueError(f"recording {first['capture']} has the parts {numbers}, not {want}: give all its files ({paths[0]}, …), and filter the results")
        if numbers[0] and not rotation and not last["part"].get("last", True) and last.get("complete"):
            raise ValueError(f"recording {first['capture']} goes on after part {numbers[-1]}: give all its files ({paths[0]}, …), and filter the results")
    merged = {key: value for key, value in first.items() if key not in ("counts", "cost", "check", "recovered")}
    merged["probes"] = last.get("probes", [])
    merged["clock"] = dict(first.get("clock", {}))
    merged["clock"]["anchors"] = [a for m in metas for a in m.get("clock", {}).get("anchors", [])]
    for m in metas:
        if "selection" in m:
            merged["selection"] = m["selection"] | {"calls": all(x.get("selection", {"calls": True})["calls"] for x in metas)}
    return merged


def notes_on(metas: list[dict[str, Any]], all_globals: pa.Table) -> list[str]:
    """What whoever reads figures of a recording has to know of it."""
    notes = []
    request = metas[0].get("request", {})
    lot = f"one call in {request['sample']}" if request.get("sample", 1) > 1 else "calls drawn by lot" if any(request.get(k) for k in ("max_rate", "budget", "max_memory_bytes")) else ""
    if lot:
        notes.append(f"{lot} was recorded: counts and totals are of those alone (systape latency tells the exact numbers)")
    if request.get("failed") or request.get("min_duration_ns"):
        notes.append("only calls that failed, or lasted long enough, were recorded")
    lost = pc.sum(all_globals.filter(pc.equal(all_globals["kind"], "lost"))["arg0"]).as_py() or 0
    if lost:
        notes.append(f"{lost} events were lost: calls that a loss may concern do not count as measured")
    if not metas[-1].get("complete", True):
        notes.append("it has no end: the recorder was killed, or still runs")
    by = sorted({m["selection"]["by"] for m in metas if not m.get("selection", {"calls": True})["calls"]})
    if by:
        notes.append(f"a selection by another program ({', '.join(by)}): what was left out is in no count, and calls are right where both of their rows were kept")
    return notes


def choose(meta: dict[str, Any], rows: int, begin: int, end: int) -> None:
    """Makes meta that of a selection by systape: of the rows of a capture in
    which each call is whole or not at all. So the program gives the calls the
    statuses that they have in the whole capture."""
    part = meta.get("part", {})
    if part.get("rotation") and part.get("first_seq", 0) > 0:
        # The parts before are gone: what is known begins with the first row,
        # which may be the end of a call.
        begin -= 1
        meta["probes"] = [p | {"attach_ns": begin} if p["name"] == "sys_enter" else p for p in meta["probes"]]
    old = meta.get("selection", {})
    meta["selection"] = {
        "by": old.get("by", "systape"), "of": old.get("of", rows), "calls": old.get("calls", True), "threads": False, "processes": False,
        "begin_ns": old.get("begin_ns") or begin, "end_ns": old.get("end_ns") or end,
        "from_ns": old.get("from_ns", 0), "to_ns": old.get("to_ns", 0), "filter": old.get("filter", ""), "seen": old.get("seen") or [],
    }
    meta["part"] = {"number": 1, "first_seq": 0, "last": True}
    meta["complete"] = True


def around(clock: dict[str, Any], first: int, last: int) -> dict[str, Any]:
    """The clock with the anchors that tell the time of day from first to last."""
    anchors = clock.get("anchors", [])
    at = np.array([a["ts_ns"] for a in anchors], dtype=np.int64)
    lo, hi = int(np.searchsorted(at, first)), int(np.searchsorted(at, last, "right"))
    return clock | {"anchors": anchors[max(lo - 1, 0): hi + 1]}


def touching(rows: pa.Table, first: int, last: int) -> pa.Table:
    """The global rows that say something about the time from first to last."""
    begin, end = spans(rows)
    lost = np.array(rows["kind"].to_pylist(), dtype=object) == "lost"
    return rows.filter(pa.array(~lost | (begin <= last) & (end >= first), type=pa.bool_()))


def spans(rows: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The first and last instant of each loss."""
    ts, first, last = (rows[c].to_numpy() for c in ("ts_ns", "arg1", "arg2"))
    first = np.where((first == 0) | (first > ts), ts, first)
    return first, np.maximum(first, last)
