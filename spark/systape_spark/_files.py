"""The files of a dataset: which there are, and what each says of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq

# What a file says of itself, one row each. globals are its rows about the
# capture as a whole: losses, and when recording began and stopped.
FILES = pa.schema([
    ("capture", pa.string()), ("path", pa.string()), ("number", pa.int64()), ("meta", pa.string()), ("globals", pa.binary()),
    ("rows", pa.list_(pa.int64())), ("first_ns", pa.list_(pa.int64())), ("last_ns", pa.list_(pa.int64())),
])

GLOBALS = ["ts_ns", "seq", "kind", "cpu", "pid", "tid", "abi", "nr", "arg0", "arg1", "arg2", "arg3", "arg4", "arg5"]


def open_fs(path: str) -> tuple[pa.fs.FileSystem, str]:
    """The file system of a path or URI, and the path within it. Hadoop's names
    of object stores are understood."""
    if "://" not in path:
        return pa.fs.LocalFileSystem(), os.path.abspath(path)
    return pa.fs.FileSystem.from_uri(path.replace("s3a://", "s3://", 1))


def partitions(path: str) -> dict[str, str]:
    """What the folders of a dataset say of a file in them."""
    named = (part.partition("=") for part in path.split("/")[:-1])
    return {key: unquote(value) for key, equals, value in named if equals}


def list_files(root: str, nodes: Iterable[str] | None) -> list[str]:
    """The Parquet files below a dataset that may hold events."""
    fs, top = open_fs(root)
    prefix = root[: len(root) - len(top)] if root.endswith(top) else "://" in root and root.split("://")[0] + "://" or ""
    events = top.rstrip("/") + "/events"
    if fs.get_file_info(events).type == pa.fs.FileType.Directory:
        top = events
    if fs.get_file_info(top).type == pa.fs.FileType.File:
        return [root]
    wanted = None if nodes is None else set(nodes)
    found = []
    for info in fs.get_file_info(pa.fs.FileSelector(top, recursive=True)):
        if info.type != pa.fs.FileType.File or not info.path.endswith(".parquet"):
            continue
        node = partitions(info.path[len(top):]).get("node")
        if wanted is None or node is None or node in wanted:
            found.append(prefix + info.path)
    return sorted(found)


def open_file(path: str) -> pq.ParquetFile:
    fs, inner = open_fs(path)
    return pq.ParquetFile(fs.open_input_file(inner), read_dictionary=["kind", "abi", "syscall", "comm", "container", "detail"], pre_buffer=True)


# The columns of a capture, and their types. Another program may have made others of them.
COLUMNS = {
    "ts_ns": pa.int64(), "seq": pa.int64(), "kind": pa.string(), "cpu": pa.int32(), "pid": pa.int32(), "tid": pa.int32(), "abi": pa.string(), "nr": pa.int32(),
    "syscall": pa.string(), "ret": pa.int64(), **{f"arg{i}": pa.int64() for i in range(6)}, "comm": pa.string(), "container": pa.string(), "detail": pa.string(),
}

VERSION = 2  # of the format, the newest that is known here


def check(path: str, footer: pq.FileMetaData, schema: pa.Schema, meta: dict[str, Any]) -> bool:
    """Whether a Parquet file holds events; refuses those that would be misread."""
    anew = f"write it anew: systape copy {path} -o OUT.parquet"
    if "table" in meta:
        return False
    if "format" not in meta:
        if set(COLUMNS) <= set(schema.names):
            raise ValueError(f"{path}: rows of a capture without its metadata, as another program ({footer.created_by}) wrote them: of which machine and recording they are is not known; {anew}")
        return False
    if meta["format"] > VERSION:
        raise ValueError(f"{path}: format version {meta['format']}, and versions to {VERSION} are known: a newer systape_spark reads it")
    for name, kind in COLUMNS.items():
        if name not in schema.names:
            raise ValueError(f"{path}: no column {name}, as another program ({footer.created_by}) wrote it; write it again with all columns of the capture")
        found = schema.field(name).type
        if pa.types.is_dictionary(found):
            found = found.value_type
        if found != kind and not (pa.types.is_large_string(found) and kind == pa.string()):
            raise ValueError(f"{path}: {name} is {found}, not {kind}, as another program ({footer.created_by}) wrote it; {anew}")
    rows = meta.get("part", {}).get("rows", -1)
    if rows not in (-1, footer.num_rows) and (footer.created_by or "").startswith("systape "):
        raise ValueError(f"{path}: {footer.num_rows} rows, and its metadata says {rows}: it is damaged, see systape verify {path}")
    return True


def describe(path: str) -> dict[str, Any] | None:
    """The row of FILES of a file; None if it holds no events."""
    with open_file(path) as f:
        meta = _meta(path, f.metadata.metadata or {})
        if not check(path, f.metadata, f.schema_arrow, meta):
            return None
        groups = [f.metadata.row_group(g) for g in range(f.num_row_groups)]
        times = [_bounds(g) for g in groups]
        part = meta.get("part", {})
        if "selection" not in meta and part.get("rows", -1) not in (-1, f.metadata.num_rows):
            # Another program chose rows of a capture.
            meta["selection"] = {"by": str(f.metadata.created_by), "of": part["rows"], "calls": False}
        return {
            "capture": meta["capture"], "path": path, "number": part.get("number", 0), "meta": json.dumps(meta),
            "globals": to_bytes(_globals(f)), "rows": [g.num_rows for g in groups],
            "first_ns": [lo for lo, _ in times], "last_ns": [hi for _, hi in times],
        }


def _meta(path: str, pairs: dict[bytes, bytes]) -> dict[str, Any]:
    try:
        return {key.decode().removeprefix("systape."): _known(json.loads(value)) for key, value in pairs.items() if key.startswith(b"systape.")}
    except ValueError as err:
        raise ValueError(f"{path}: metadata: {err}") from None


def _known(value: Any) -> Any:
    """A value of the metadata without what is null in it, which is what is not there."""
    return {key: _known(v) for key, v in value.items() if v is not None} if isinstance(value, dict) else value


def _bounds(group: Any) -> tuple[int, int]:
    for c in range(group.num_columns):
        column = group.column(c)
        if column.path_in_schema == "ts_ns" and column.statistics is not None and column.statistics.has_min_max:
            lo, hi = column.statistics.min, column.statistics.max
            if isinstance(lo, int):
                return lo, hi
            raise ValueError("ts_ns is no number of ns: write the file anew with systape copy")
    return -(2**63), 2**63 - 1


def _globals(f: pq.ParquetFile) -> pa.Table:
    found = []
    for g in range(f.num_row_groups):
        kinds = f.read_row_group(g, columns=["kind"]).column("kind")
        at = np.flatnonzero(pc.is_in(kinds, pa.array(["lost", "mark"])).to_numpy())
        if len(at):
            rows = f.read_row_group(g, columns=GLOBALS).take(at)
            # Marks about a thread stay among the rows of the thread.
            found.append(rows.filter(pc.or_(pc.equal(rows["kind"], "lost"), pc.less(rows["arg0"], 5))))
    if not found:
        return f.schema_arrow.empty_table().select(GLOBALS)
    return pa.concat_tables(found).unify_dictionaries().combine_chunks()


def to_bytes(table: pa.Table) -> bytes:
    """A table as it goes through a shuffle."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as w:
        w.write_table(table)
    return sink.getvalue().to_pybytes()


def from_bytes(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(pa.py_buffer(data)).read_all()


def batches(rows: Iterable[dict[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows as what mapInArrow gives back, one batch each."""
    for row in rows:
        yield pa.RecordBatch.from_pylist([row], schema=schema)
