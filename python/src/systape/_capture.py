"""Captures as they are: rows and metadata, by pyarrow alone."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from systape._program import Paths, ask_text, filter_flags, paths_of
from systape._table import NAMES, Table, with_categories, with_time


class NotACapture(ValueError):
    """A file that is no capture, or files that are not of one."""


class IncompleteWarning(UserWarning):
    """The capture has no end: the recorder was killed, or still runs."""


# The columns that every capture has, and the types of those that other programs change.
COLUMNS = {
    "ts_ns": pa.int64(), "seq": pa.int64(), "kind": pa.string(), "cpu": pa.int32(), "pid": pa.int32(), "tid": pa.int32(), "abi": pa.string(), "nr": pa.int32(),
    "syscall": pa.string(), "ret": pa.int64(), **{f"arg{i}": pa.int64() for i in range(6)}, "comm": pa.string(), "container": pa.string(), "detail": pa.string(),
}


def meta(path: Paths, node: str | Sequence[str] | None = None) -> dict[str, Any]:
    """What a capture says about itself: the keys of its metadata (see FORMAT.md),
    such as ``host``, ``request``, ``clock``, ``counts`` and ``complete``. Of a
    capture in parts, that of the first with what only the last one knows.
    ``node`` names the machine, where the files are of several."""
    found = _find(path, node)
    if found.spool:
        with open(found.spool, "rb") as f:
            return _decode(pa.ipc.open_stream(f).schema.metadata)
    if not found.parts:
        return _copied(found, node, lambda copy: meta(copy))
    return _merged([m for _, m in found.parts])


def events(path: Paths, columns: Sequence[str] | None = None, node: str | Sequence[str] | None = None) -> Table:
    """The rows of a capture, in order: enters, exits, losses and what happened to
    threads, as FORMAT.md has them. ``ts_ns`` is also ``time``, a timestamp with
    a time zone; names are dictionaries (categories in pandas).

    ``columns`` chooses some. Arguments are the registers as they were;
    `systape.calls` has them as the kernel takes them. ``node`` names the machine,
    where the files are of several. A capture without its end gives an
    `IncompleteWarning`. Spools, and what another program chose of a capture or
    wrote in another form, are read by the program.
    """
    found = _find(path, node)
    if not found.parts:
        return _copied(found, node, lambda copy: events(copy, columns))
    wanted = None if columns is None else [columns] if isinstance(columns, str) else list(columns)
    there = pq.read_schema(found.parts[0][0]).names
    if wanted is not None and set(wanted) - set(there):
        raise ValueError(f"no column {', '.join(sorted(set(wanted) - set(there)))}; there are {', '.join(there)}")
    tables = []
    for file, _ in found.parts:
        names = [n for n in pq.read_schema(file).names if n in NAMES and (wanted is None or n in wanted)]
        tables.append(pq.ParquetFile(file, read_dictionary=names).read(columns=wanted))
    known = _merged([m for _, m in found.parts])
    if not known.get("complete", True) and not known.get("selection"):
        warnings.warn(f"{found.parts[-1][0]}: the recorder did not end properly, or still runs", IncompleteWarning, stacklevel=2)
    whole = pa.concat_tables(tables).replace_schema_metadata(None)
    return Table(with_time(with_categories(whole), "ts_ns"), known)


@dataclass
class _Found:
    """What paths name: the Parquet files of one capture with their metadata, in
    order; or none of these, if the program has to read them."""

    paths: list[str]
    parts: list[tuple[str, dict[str, Any]]]
    spool: str = ""  # the name of a spool, if it is one


T = TypeVar("T")


def _copied(found: _Found, node: str | Sequence[str] | None, read: Callable[[str], T]) -> T:
    """What can be read of a copy that the program makes."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy.parquet")
        ask_text(["copy", *found.paths, "-o", copy, *filter_flags({"node": node})])
        return read(copy)


def _find(path: Paths, node: str | Sequence[str] | None) -> _Found:
    named = paths_of(path)
    files: list[str] = []
    for p in named:
        if os.path.isdir(p):
            files += _in_folder(p)
        elif not os.path.exists(p) and os.path.exists(p + ".spool"):
            files.append(p + ".spool")
        else:
            files.append(p)
    parts = []
    for file in files:
        with open(file, "rb") as f:
            head = f.read(4)
        if head == b"\xff\xff\xff\xff" and len(files) == 1:
            return _Found([file], [], spool=file)
        if head != b"PAR1":
            if file in named:
                raise NotACapture(f"{file}: neither Parquet nor the spool of a recording")
            continue
        footer = pq.read_metadata(file)
        known = _decode(footer.metadata)
        if "table" not in known and _of_another(footer, known):
            return _Found(named, [])
        if "format" not in known or "table" in known:
            if file in named:
                missing = [name for name in COLUMNS if name not in footer.schema.names]
                told = f" any more: there is no column {', '.join(missing)}" if "format" not in known and len(missing) < len(COLUMNS) / 2 else ""
                raise NotACapture(f"{file}: a Parquet file, but no capture{told}")
            continue
        parts.append((file, known))
    if not parts:
        raise NotACapture(f"{named[0]}: no capture")
    there = sorted({_node(m) for _, m in parts})
    if node is not None:
        wanted = {node} if isinstance(node, str) else set(node)
        parts = [p for p in parts if _node(p[1]) in wanted]
        if not parts:
            raise NotACapture(f"{named[0]}: no recording is of {', '.join(sorted(wanted))}; there are those of {', '.join(there)}")
    ids = {m.get("capture") for _, m in parts}
    if len(ids) > 1:
        several = sorted({_node(m) for _, m in parts})
        choose = f"choose one with node=: {', '.join(several)}" if len(several) > 1 else "give the files of one"
        raise NotACapture(f"{named[0]}: {len(ids)} recordings; {choose}")
    return _Found(named, sorted(parts, key=lambda p: p[1].get("part", {}).get("number", 0)))


def _node(known: dict[str, Any]) -> str:
    return str(known.get("host", {}).get("name", ""))


def _of_another(footer: Any, known: dict[str, Any]) -> bool:
    """Whether another program made the file of a capture, and other rows or columns of it."""
    schema = footer.schema.to_arrow_schema()
    if (footer.created_by or "").startswith("systape "):
        return False
    if "format" not in known:
        return set(COLUMNS) <= set(schema.names)
    rows = known.get("part", {}).get("rows", -1)
    return rows not in (-1, footer.num_rows) or any(name not in schema.names or schema.field(name).type != kind for name, kind in COLUMNS.items())


def _in_folder(folder: str) -> list[str]:
    """The files of a folder and of the partitions below it."""
    files = []
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_dir(follow_symlinks=False) and ("=" in entry.name or entry.name == "events"):
            files += _in_folder(entry.path)
        elif entry.name.endswith(".parquet"):
            files.append(entry.path)
    return files


def _decode(pairs: dict[bytes, bytes] | None) -> dict[str, Any]:
    """The metadata under ``systape.``"""
    out = {}
    for key, value in (pairs or {}).items():
        if key.startswith(b"systape."):
            try:
                out[key.decode().removeprefix("systape.")] = json.loads(value)
            except ValueError as err:
                raise NotACapture(f"metadata {key!r}: {err}") from None
    return out


def _merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    known = dict(parts[0])
    for key in ("probes", "counts", "cost", "complete"):
        known.pop(key, None)
        if key in parts[-1]:
            known[key] = parts[-1][key]
    return known
