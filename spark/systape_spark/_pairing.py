"""Pairing of some rows of a capture, and what of them others have to know.

An enter with its exit right behind it, in the rows of its thread, is a call
whatever was before: it is *straight*, and found here, for all rows at once. What
lies between two straight calls of a thread can be told from these rows alone
too, and the program tells it. Only what lies before the first straight call of
a thread, or behind its last, is the edge that has to be stitched to other rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from systape_spark._plan import spans
from systape_spark._program import in_order, pair

KINDS = ["enter", "exit", "lost", "fork", "exec", "rename", "thread_end", "mark", "count", "fd"]
ENTER, EXIT, LOST, FORK, EXEC, RENAME, THREAD_END, MARK, COUNT, FD = range(10)
THREAD_LOST = 5  # the mark: the thread lost events


@dataclass
class Rows:
    """Rows of a capture by thread: position j is row ``row[j]`` of ``table``,
    in which thread ``thread[j]`` (a small number) does something."""

    table: pa.Table
    kind: np.ndarray  # of each row of table
    row: np.ndarray
    thread: np.ndarray
    tids: np.ndarray  # by thread
    poison: np.ndarray  # threads of which an execve by another thread makes one

    @property
    def kinds(self) -> np.ndarray:
        return self.kind[self.row]


def by_thread(table: pa.Table, renames: bool) -> Rows:
    kind = codes(table["kind"], KINDS)
    tid, arg0 = table["tid"].to_numpy(), table["arg0"].to_numpy()
    concerns = np.isin(kind, [ENTER, EXIT, FORK, EXEC, THREAD_END] + [RENAME] * renames)
    concerns |= (kind == MARK) & (arg0 == THREAD_LOST) | (kind == LOST) & (tid != 0)
    row = np.flatnonzero(concerns)
    whose = tid[row].astype(np.int64)
    forks = np.flatnonzero(kind[row] == FORK)
    if len(forks):
        whose[forks] = table["arg1"].to_numpy()[row[forks]]
    execs = row[kind[row] == EXEC]
    other = execs[arg0[execs] != tid[execs]]
    whose, row = np.concatenate([whose, arg0[other]]), np.concatenate([row, other])
    numbered = pa.array(whose).dictionary_encode()
    thread, tids = numbered.indices.to_numpy(), numbered.dictionary.to_numpy()
    if len(other):
        order = np.lexsort((row, thread))
    else:
        # numpy sorts 16 bits by radix.
        order = np.argsort(thread.astype(np.uint16) if len(tids) <= 1 << 16 else thread, kind="stable")
    poison = np.isin(tids, np.concatenate([arg0[other], tid[other]]))
    return Rows(table, kind, row[order], thread[order], tids, poison)


def codes(column: Any, words: list[str]) -> np.ndarray:
    """A column of words as their numbers."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):  # of no rows
        return np.zeros(0, dtype=np.int8)
    number = np.array([words.index(w) for w in column.dictionary.to_pylist()] or [0], dtype=np.int16)
    return number[column.indices.to_numpy()]


def straight(r: Rows, losses: pa.Table) -> np.ndarray:
    """The positions of the enters of straight calls."""
    kind, row, thread = r.kinds, r.row, r.thread
    at = np.flatnonzero((kind[:-1] == ENTER) & (kind[1:] == EXIT) & (thread[:-1] == thread[1:]) & ~r.poison[thread[:-1]])
    enter, leave = row[at], row[at + 1]
    t = r.table
    nr, ret, ts = t["nr"].to_numpy(), t["ret"].to_numpy(), t["ts_ns"].to_numpy()
    abi = plain_codes(t["abi"])
    fits = (nr[enter] == nr[leave]) & (abi[enter] == abi[leave])
    fits &= ~((ret[leave] <= -512) & (ret[leave] >= -516))  # continued, or to be
    unknown = pc.equal(t["detail"], "ret=?").to_numpy()
    if unknown.any():
        fits &= ~unknown[leave]
    fits &= ~touched(*spans(losses), ts[enter], ts[leave])
    return at[fits]


def plain_codes(column: Any) -> np.ndarray:
    """Numbers that are equal where words are."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries().combine_chunks()
    return column.indices.to_numpy() if len(column) else np.zeros(0, dtype=np.int32)


def touched(first: np.ndarray, last: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether any of the spans first…last has an instant of a…b."""
    if len(first) == 0:
        return np.zeros(len(a), dtype=bool)
    order = np.argsort(first, kind="stable")
    upto = np.maximum.accumulate(last[order])
    i = np.searchsorted(first[order], b, "right") - 1
    return (i >= 0) & (upto[np.maximum(i, 0)] >= a)


def losses_of(rows: pa.Table, meta: dict[str, Any]) -> pa.Table:
    """The global rows that tell of losses which may concern any thread. Where
    the recorder names the threads that lost events, the other causes do."""
    lost = pc.equal(rows["kind"], "lost")
    if meta["format"] >= 2 and "imported" not in meta and meta["selection"]["calls"]:
        lost = pc.and_(lost, pc.greater(rows["arg5"], 1))
    return rows.filter(lost)


def by_events(meta: dict[str, Any]) -> bool:
    """Whether the recorder looked at each event by itself, or held enters back:
    then nothing is straight (rules 6 and 7 of the pairer)."""
    request = meta.get("request", {})
    filters = any(request.get(key) for key in ("comms", "uids", "cgroups", "containers"))
    return filters and not request.get("whole_calls") or bool(request.get("failed") or request.get("min_duration_ns"))


@dataclass
class Paired:
    """The rows of a unit: what is settled in it, and what is not."""

    rows: Rows
    straight: np.ndarray  # positions of enters
    settled: np.ndarray  # by position: between a straight call of the thread and another
    edge: np.ndarray  # by position: has to be stitched, or is needed for it


def split(table: pa.Table, losses: pa.Table, meta: dict[str, Any], context: int) -> Paired:
    """Finds what is settled. The edges hold so many straight calls beside what is open."""
    whole = by_events(meta)
    r = by_thread(table, renames=whole)
    enters = np.zeros(0, dtype=np.int64) if whole else straight(r, losses)
    # Where the straight calls of each thread begin and end among enters.
    of = r.thread[enters]
    lo, hi = np.searchsorted(of, np.arange(len(r.tids))), np.searchsorted(of, np.arange(len(r.tids)), "right")
    position = np.arange(len(r.row))
    never, always = np.iinfo(np.int64).max, -1

    def pick(index: np.ndarray, there: np.ndarray, otherwise: int) -> np.ndarray:
        out = np.full(len(r.tids), otherwise, dtype=np.int64)
        out[there] = enters[index[there]]
        return out

    has, many = hi > lo, hi - lo > 2 * context
    first, last = pick(lo, has, never), pick(hi - 1, has, always) + 1
    settled = (position >= first[r.thread]) & (position <= last[r.thread])
    head, tail = pick(lo + context - 1, many, never), pick(hi - context, many, never)
    edge = (position <= np.where(head == never, never, head + 1)[r.thread]) | (position >= tail[r.thread])
    return Paired(r, enters, settled, edge)


def islands(p: Paired, program: str, globals: pa.Table, meta: dict[str, Any]) -> pa.Table | None:
    """The calls between straight ones, by the program."""
    is_straight = np.zeros(len(p.rows.row), dtype=bool)
    is_straight[p.straight] = is_straight[p.straight + 1] = True
    odd = p.settled & ~is_straight
    if not odd.any():
        return None
    near = odd.copy()
    for by in (1, 2):  # with the straight calls on both sides
        near[by:] |= odd[:-by]
        near[:-by] |= odd[by:]
    near &= p.settled
    at = np.flatnonzero(near)
    # Never half a straight call.
    at = np.union1d(at, at[np.isin(at, p.straight)] + 1)
    at = np.union1d(at, at[np.isin(at, p.straight + 1)] - 1)
    rows = p.rows.table.take(np.unique(p.rows.row[at]))
    calls = pair(program, in_order([rows, globals]), meta)
    seqs = p.rows.table["seq"].to_numpy()[p.rows.row[odd]]
    return calls.filter(pa.array(np.isin(key_of(calls), seqs)))


def key_of(calls: pa.Table) -> np.ndarray:
    """The place of calls in the capture: seq of the enter, or of the exit alone."""
    enter, leave = calls["enter_seq"].to_numpy(), calls["exit_seq"].to_numpy()
    return np.where(enter >= 0, enter, leave)


def straight_calls(p: Paired, columns: list[str]) -> pa.Table:
    """The straight calls as the program would tell them; of columns those that
    need nothing but the rows."""
    t, enter, leave = p.rows.table, p.rows.row[p.straight], p.rows.row[p.straight + 1]
    ts = t["ts_ns"].to_numpy()
    out: dict[str, Any] = {}
    for name in columns:
        if name == "start_ns":
            out[name] = ts[enter]
        elif name == "dur_ns":
            out[name] = ts[leave] - ts[enter]
        elif name == "ret":
            out[name] = t["ret"].to_numpy()[leave]
        elif name == "enter_seq":
            out[name] = t["seq"].to_numpy()[enter]
        elif name == "exit_seq":
            out[name] = t["seq"].to_numpy()[leave]
        elif name == "status":
            out[name] = pa.DictionaryArray.from_arrays(np.zeros(len(enter), dtype=np.int32), ["ok"])
        else:
            out[name] = take(t[name], enter)
    return pa.table(out)


def take(column: Any, at: np.ndarray) -> Any:
    """Some of a column's values; words stay numbers with a dictionary."""
    if not pa.types.is_dictionary(column.type):
        return pa.array(column.to_numpy()[at]) if pa.types.is_integer(column.type) else column.take(at)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return pa.DictionaryArray.from_arrays(column.indices.to_numpy()[at], column.dictionary)
