"""What the program makes of captures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from systape._capture import _decode
from systape._program import Paths, ask_arrow, ask_text, filter_flags, paths_of
from systape._table import Table, with_categories, with_time


def calls(path: Paths, **filters: Any) -> Table:
    """The calls of a capture, in the order in which they began: an enter and its
    exit in one row, with a ``status`` that says what became of the call.

    ``dur_ns`` is how long it took; ``start_ns`` is also ``time``, a timestamp
    with a time zone. Arguments are as the kernel takes them: an int is signed.
    Names are dictionaries. A table that ``systape pair`` has written is read by
    pyarrow alone, and takes no filters.
    """
    paths = paths_of(path)
    if len(paths) == 1 and not filters and os.path.isfile(paths[0]):
        known = _table_meta(paths[0])
        if known.get("table") == "calls":
            return Table(with_time(with_categories(pq.ParquetFile(paths[0]).read().replace_schema_metadata(None)), "start_ns"), known)
    table, told = ask_arrow(["pair", *paths, "--format", "arrows", "-o", "-", *filter_flags(filters)])
    known = _decode(table.schema.metadata)
    known["coverage"] = _coverage(told)
    return Table(with_time(with_categories(table.replace_schema_metadata(None)), "start_ns"), known)


def latency(path: Paths, by: str | Sequence[str] = "syscall", **filters: Any) -> Table:
    """Count, errors, total and percentiles in ns of groups of calls: by
    ``syscall``, ``comm``, ``pid``, ``path`` and whatever ``systape latency --by``
    knows, one or several."""
    columns = by if isinstance(by, str) else ",".join(by)
    args = ["latency", *paths_of(path), "--by", columns, "--top", "0", "--format", "arrows", "-o", "-"]
    table, told = ask_arrow(args + filter_flags(filters))
    return Table(table.replace_schema_metadata(None), {"coverage": _coverage(told)})


def sequences(path: Paths, n: int = 3, **filters: Any) -> Table:
    """How often a thread made these ``n`` calls one after the other: ``calls``
    with arrows between the names, ``count`` and ``share`` of all windows."""
    args = ["sequences", *paths_of(path), "-n", str(n), "--top", "0", "--format", "arrows", "-o", "-"]
    table, told = ask_arrow(args + filter_flags(filters))
    return Table(table.replace_schema_metadata(None), {"coverage": _coverage(told)})


class Comparison:
    """What is different between two captures.

    ``differ`` is the verdict and ``differences`` its reasons; ``calls`` is a
    table with a row for each system call and its figures in both (``count_a``,
    ``count_b``, …). ``document`` has all that the program says.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.differ: bool = document["differ"]
        self.differences: list[dict[str, Any]] = document["differences"]
        rows = [_sides(row) for row in document.get("calls") or []]
        self.calls = Table(pa.Table.from_pylist(rows))

    def __repr__(self) -> str:
        return f"<systape.Comparison: {len(self.differences)} differences>"


def compare(a: Paths, b: Paths, **filters: Any) -> Comparison:
    """Two captures side by side: what is new, gone, slower, more frequent."""
    args = ["compare", "--format", "json", *filter_flags(filters)]
    first, second = paths_of(a), paths_of(b)
    if len(first) == len(second) == 1:
        args += [*first, *second]
    else:
        args += [*first, "--", *second]
    out, _ = ask_text(args)
    return Comparison(json.loads(out))


def _sides(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, list) and len(value) == 2:
            flat[key + "_a"], flat[key + "_b"] = value
        else:
            flat[key] = value
    return flat


def _coverage(told: str) -> str:
    return next((line.removeprefix("coverage: ") for line in told.splitlines() if line.startswith("coverage: ")), "")


def _table_meta(file: str) -> dict[str, Any]:
    with open(file, "rb") as f:
        if f.read(4) != b"PAR1":
            return {}
    try:
        return _decode(pq.read_metadata(file).metadata)
    except pa.ArrowInvalid:
        return {}  # the program says what is wrong with it
