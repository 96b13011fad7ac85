"""Captures as they are: rows and metadata, by pyarrow alone."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from systape._program import Paths, ask_text, paths_of
from systape._table import NAMES, Table, with_categories, with_time


class NotACapture(ValueError):
    """A file that is no capture, or files that are not of one."""


class IncompleteWarning(UserWarning):
    """The capture has no end: the recorder was killed, or still runs."""


def meta(path: Paths) -> dict[str, Any]:
    """What a capture says about itself: the keys of its metadata (see FORMAT.md),
    such as ``host``, ``request``, ``clock``, ``counts`` and ``complete``. Of a
    capture in parts, that of the first with what only the last one knows."""
    parts = _parts(path)
    if isinstance(parts, str):
        with open(parts, "rb") as f:
            return _decode(pa.ipc.open_stream(f).schema.metadata)
    return _merged([m for _, m in parts])


def events(path: Paths, columns: Sequence[str] | None = None) -> Table:
    """The rows of a capture, in order: enters, exits, losses and what happened to
    threads, as FORMAT.md has them. ``ts_ns`` is also ``time``, a timestamp with
    a time zone; names are dictionaries (categories in pandas).

    ``columns`` chooses some. Arguments are the registers as they were;
    `systape.calls` has them as the kernel takes them. A capture without its end
    gives an `IncompleteWarning`. Spools are read by the program.
    """
    parts = _parts(path)
    if isinstance(parts, str):
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "spool.parquet")
            ask_text(["copy", parts, "-o", copy])
            return events(copy, columns)
    tables = []
    for file, _ in parts:
        names = [n for n in pq.read_schema(file).names if n in NAMES and (columns is None or n in columns)]
        tables.append(pq.ParquetFile(file, read_dictionary=names).read(columns=None if columns is None else list(columns)))
    known = _merged([m for _, m in parts])
    if not known.get("complete", True) and not known.get("selection"):
        warnings.warn(f"{parts[-1][0]}: the recorder did not end properly, or still runs", IncompleteWarning, stacklevel=2)
    whole = pa.concat_tables(tables).replace_schema_metadata(None)
    return Table(with_time(with_categories(whole), "ts_ns"), known)


def _parts(path: Paths) -> list[tuple[str, dict[str, Any]]] | str:
    """The Parquet files of one capture with their metadata, in order; or the
    name of a spool."""
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
            return file
        if head != b"PAR1":
            if file in named:
                raise NotACapture(f"{file}: neither Parquet nor the spool of a recording")
            continue
        known = _decode(pq.read_metadata(file).metadata)
        if "format" not in known or "table" in known:
            if file in named:
                raise NotACapture(f"{file}: a Parquet file, but no capture")
            continue
        parts.append((file, known))
    if not parts:
        raise NotACapture(f"{named[0]}: no capture")
    ids = {m.get("capture") for _, m in parts}
    if len(ids) > 1:
        raise NotACapture(f"{named[0]}: {len(ids)} recordings; give the files of one")
    return sorted(parts, key=lambda p: p[1].get("part", {}).get("number", 0))


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
