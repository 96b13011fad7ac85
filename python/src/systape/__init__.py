"""Captures of system calls as Arrow tables.

A capture is what ``systape record`` writes: a Parquet file, the parts of a
recording in a folder, a dataset of many machines, or the spool of a recording
that still runs.

>>> import systape
>>> calls = systape.calls("trace.parquet", syscall="openat")    # doctest: +SKIP
>>> calls.to_pandas().groupby("comm").dur_ns.median()           # doctest: +SKIP

``events`` and ``meta`` need nothing but pyarrow for what the recorder wrote. ``calls``, ``latency``,
``sequences`` and ``compare`` ask the program, which the wheel brings as
``systape``, so that the figures are the same everywhere. What they return is a
`Table`: an Arrow table that pandas, Polars and DuckDB take as it is.

All functions take the filters of the command line as keywords: ``pid``,
``tid``, ``comm``, ``container``, ``syscall``, ``status``, ``errno``, ``start``
and ``end`` (``--from`` and ``--to``), ``min_duration``, ``path_glob``
(``--path``), ``fd_type`` and ``node``; lists are lists.
"""

from systape._capture import IncompleteWarning, NotACapture, events, meta
from systape._program import SystapeError, SystapeWarning, program
from systape._recording import Recording, record
from systape._results import Comparison, calls, compare, latency, sequences
from systape._table import Table

__all__ = [
    "Comparison", "IncompleteWarning", "NotACapture", "Recording", "SystapeError", "SystapeWarning", "Table",
    "calls", "compare", "events", "latency", "meta", "program", "record", "sequences",
]
