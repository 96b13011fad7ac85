"""Asking the program for the calls of some rows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EVENTS = pa.schema([
    pa.field(name, kind, nullable=False) for name, kind in [
        ("ts_ns", pa.int64()), ("seq", pa.int64()), ("kind", pa.string()), ("cpu", pa.int32()), ("pid", pa.int32()), ("tid", pa.int32()),
        ("abi", pa.string()), ("nr", pa.int32()), ("syscall", pa.string()), ("ret", pa.int64()),
        *((f"arg{i}", pa.int64()) for i in range(6)), ("comm", pa.string()), ("container", pa.string()), ("detail", pa.string()),
    ]
])

# The columns of calls whose values depend on nothing but the call itself. What
# the table of systape pair has beside them (continues, path, path2, fd_path)
# depends on all that the process did before.
CALLS = [
    "start_ns", "dur_ns", "time", "pid", "tid", "comm", "container", "syscall", "abi", "nr", *(f"arg{i}" for i in range(6)),
    "ret", "errno", "status", "cpu_enter", "cpu_exit", "enter_seq", "exit_seq", "detail",
]


def find(name: str) -> str:
    """Where the program is on this machine: among what was given to the job
    with addFile, or on the path."""
    if os.sep in name:
        return name
    try:
        from pyspark import SparkFiles

        sent = SparkFiles.get(name)
        if os.access(sent, os.X_OK):
            return sent
    except Exception:  # outside of a job
        pass
    try:
        import systape  # its wheel brings the program

        return systape.program()
    except ImportError:
        pass
    found = shutil.which(name)
    if not found:
        raise FileNotFoundError(f"no program {name} on this worker: install systape's wheel there, send the program with addFile, or give its path")
    return found


def as_events(rows: pa.Table) -> pa.Table:
    """Rows with all columns of events; those that were not read are 0 or ""."""
    out = []
    for field in EVENTS:
        if field.name in rows.column_names:
            column = rows[field.name]
            out.append(column if pa.types.is_dictionary(column.type) else column.cast(field.type))
        else:
            zero = pa.scalar("" if pa.types.is_string(field.type) else 0, field.type)
            out.append(pa.repeat(zero, rows.num_rows))
    return pa.table(out, names=EVENTS.names)


def in_order(tables: list[pa.Table]) -> pa.Table:
    """The rows of several tables, each once, in the order of the capture."""
    plain = [pa.table([c.cast(f.type) for c, f in zip(as_events(t).columns, EVENTS)], names=EVENTS.names) for t in tables]
    rows = pa.concat_tables(plain)
    _, first = np.unique(rows["seq"].to_numpy(), return_index=True)
    return rows.take(first)


def pair(program: str, rows: pa.Table, meta: dict[str, Any]) -> pa.Table:
    """The calls of rows, which are in the order of seq."""
    meta = meta | {"part": meta["part"] | {"rows": rows.num_rows}}
    pairs = {b"systape." + key.encode(): json.dumps(value).encode() for key, value in meta.items()}
    with tempfile.TemporaryDirectory() as folder:
        capture, calls = os.path.join(folder, "rows.parquet"), os.path.join(folder, "calls.arrows")
        pq.write_table(as_events(rows).replace_schema_metadata(pairs), capture, compression="lz4", write_statistics=["ts_ns", "seq"])
        done = subprocess.run([find(program), "pair", capture, "-o", calls], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"systape pair: {done.stderr.strip()}")
        with pa.OSFile(calls) as f:
            return pa.ipc.open_stream(f).read_all().select(CALLS)
