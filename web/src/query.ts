import type { Calls } from "./contract";
import type { Cells } from "./cells";
import { BUCKETS, Histogram, SHARES, survival, type Quantile } from "./figures";

/** A rectangle of time and latency, in whole tiles and buckets; to is not included. */
export interface Brush {
  fromTile: number;
  toTile: number;
  fromBucket: number;
  toBucket: number;
}

export const KEYS = ["syscall", "comm", "tid", "pid", "container", "errno"] as const;
export type Key = (typeof KEYS)[number];

/** A line of the table. */
export interface Row {
  key: string;
  label: string;
  waits: boolean;
  count: number;
  errors: number;
  total: number; // ns, lower bounds included
  share: number; // of the time of all that wait, or of all that do not
  p: Quantile[];
  max: Quantile;
  censored: number;
  done: Histogram;
  open: Histogram | null;
}

/** All that is shown of a choice of calls. */
export interface Answer {
  rows: Row[];
  count: number;
  errors: number;
  censored: number;
  calls: Float64Array; // by tile, of the selection
  failed: Float64Array;
  rest: Float64Array; // by tile, what the filter chooses outside the brush
  histogram: Histogram; // of the selection
  all: Histogram; // of all that the filter chooses
}

/** What a filter chooses, added up: what a brush leaves out need not be looked at again. */
export interface Chosen {
  groups: Uint8Array; // 1: it chooses the group
  calls: Float64Array; // by tile
  histogram: Histogram;
}

export function chosenOf(d: Data, groups: Uint8Array): Chosen {
  const c: Chosen = { groups, calls: new Float64Array(d.calls.tiles), histogram: new Histogram(d.calls.shift) };
  const { group, tile, bucket, n, sum, min, max } = d.cells;
  for (let i = 0; i < d.cells.length; i++) {
    if (groups[group[i]!] === 0) continue;
    c.calls[tile[i]!]! += n[i]!;
    c.histogram.add(bucket[i]!, n[i]!, sum[i]!, min[i]!, max[i]!);
  }
  return c;
}

export interface Data {
  part: boolean; // there is more of the capture than is here
  calls: Calls;
  cells: Cells;
  lows: Float64Array; // shortest duration of each bucket, and one more
}

export function inBrush(b: Brush | null, tile: number, bucket: number): boolean {
  return !b || (tile >= b.fromTile && tile < b.toTile && bucket >= b.fromBucket && bucket < b.toBucket);
}

export function keyOf(calls: Calls, by: Key, g: number): [key: string, label: string] {
  const groups = calls.groups;
  switch (by) {
    case "syscall":
      return [calls.names[groups.syscall[g]!]!, calls.names[groups.syscall[g]!]!];
    case "comm":
      return [calls.names[groups.comm[g]!]!, calls.names[groups.comm[g]!]! || '""'];
    case "container":
      return [calls.names[groups.container[g]!]!, calls.names[groups.container[g]!]! || "host"];
    case "errno":
      return [calls.names[groups.errno[g]!]!, calls.names[groups.errno[g]!]! || "success"];
    case "tid": {
      const tid = groups.tid[g]!;
      return [String(tid), tid === 0 ? "other threads" : String(tid)];
    }
    case "pid": {
      const pid = groups.pid[g]!;
      return [String(pid), pid === 0 ? "other processes" : String(pid)];
    }
  }
}

/** Answers what the calls of a filter and a brush are. */
export function ask(d: Data, chosen: Chosen, brush: Brush | null, by: Key): Answer {
  const { calls, cells } = d;
  const a: Answer = {
    rows: [],
    count: 0,
    errors: 0,
    censored: 0,
    calls: new Float64Array(calls.tiles),
    failed: new Float64Array(calls.tiles),
    rest: chosen.calls.slice(),
    histogram: new Histogram(calls.shift),
    all: chosen.histogram,
  };
  const rows = new Map<string, Row>();
  const rowOf: (Row | undefined)[] = new Array(calls.groups.syscall.length);
  const { group, tile, bucket, n, sum, min, max } = cells;
  const errno = calls.groups.errno;
  const { groups } = chosen;
  const [from, to] = brush ? [cells.start[brush.fromTile]!, cells.start[brush.toTile]!] : [0, cells.length];
  const [low, high] = brush ? [brush.fromBucket, brush.toBucket] : [0, Infinity];
  for (let i = from; i < to; i++) {
    const g = group[i]!;
    const b = bucket[i]!;
    if (groups[g] === 0 || b < low || b >= high) continue;
    const t = tile[i]!;
    const count = n[i]!;
    let row = rowOf[g];
    if (!row) {
      const waits = calls.groups.waits[g] === 1;
      const [key, label] = keyOf(calls, by, g);
      const id = `${waits ? 1 : 0}${key}`;
      row = rows.get(id);
      if (!row) {
        row = { key, label, waits, count: 0, errors: 0, total: 0, share: 0, p: [], max: { ns: 0, above: false }, censored: 0, done: new Histogram(calls.shift), open: null };
        rows.set(id, row);
      }
      rowOf[g] = row;
    }
    a.calls[t]! += count;
    a.rest[t]! -= count;
    a.histogram.add(b, count, sum[i]!, min[i]!, max[i]!);
    if (calls.groups.open[g] === 1) {
      row.open ??= new Histogram(calls.shift);
      row.open.add(b, count, sum[i]!, min[i]!, max[i]!);
    } else {
      row.done.add(b, count, sum[i]!, min[i]!, max[i]!);
      if (calls.names[errno[g]!] !== "") {
        row.errors += count;
        a.failed[t]! += count;
      }
    }
  }
  const time = [0, 0];
  for (const row of rows.values()) {
    row.count = row.done.count;
    row.censored = row.open?.count ?? 0;
    row.total = row.done.sum + (row.open?.sum ?? 0);
    row.p = survival(row.done, row.open, SHARES);
    const open = row.open;
    row.max = open && (open.max > row.done.max || row.count === 0) ? { ns: open.max, above: true } : { ns: row.done.max, above: false };
    time[row.waits ? 1 : 0]! += row.total;
    a.count += row.count;
    a.errors += row.errors;
    a.censored += row.censored;
    a.rows.push(row);
  }
  for (const row of a.rows) row.share = time[row.waits ? 1 : 0]! > 0 ? row.total / time[row.waits ? 1 : 0]! : 0;
  return a;
}

/** The map: calls by tile and row of latency, of what the filter chooses. */
export interface Heat {
  tiles: number;
  from: number; // first bucket
  step: number; // buckets a row
  rows: number;
  n: Float64Array; // row × tile
}

/** The buckets in which there are calls at all, with some air. */
export function extent(d: Data): [from: number, to: number] {
  let from = BUCKETS;
  let to = 0;
  for (let i = 0; i < d.cells.length; i++) {
    const b = d.cells.bucket[i]!;
    if (b < from) from = b;
    if (b > to) to = b;
  }
  return from > to ? [0, 1] : [from, to + 1];
}

export function heat(d: Data, chosen: Uint8Array, rows: number, span: [number, number]): Heat {
  const step = Math.max(1, Math.ceil((span[1] - span[0]) / rows));
  const h: Heat = { tiles: d.calls.tiles, from: span[0], step, rows: Math.ceil((span[1] - span[0]) / step), n: new Float64Array(0) };
  h.n = new Float64Array(h.rows * h.tiles);
  const { group, tile, bucket, n } = d.cells;
  for (let i = 0; i < d.cells.length; i++) {
    if (chosen[group[i]!] === 0) continue;
    h.n[Math.floor((bucket[i]! - h.from) / step) * h.tiles + tile[i]!]! += n[i]!;
  }
  return h;
}

/** A thread's life. */
export interface Lane {
  tid: number;
  pid: number;
  comm: string;
  calls: number;
  work: Float64Array; // ns in calls that began in the tile
  wait: Float64Array;
  errors: Float64Array;
  time: number; // of all calls that do not wait
}

export function lanes(d: Data, chosen: Uint8Array): Lane[] {
  const { calls, cells } = d;
  const g = calls.groups;
  const byTid = new Map<string, Lane>();
  const named = new Map<Lane, Map<string, number>>(); // calls by name: programs rename their threads
  const laneOf: (Lane | undefined)[] = new Array(g.tid.length);
  for (let i = 0; i < cells.length; i++) {
    const k = cells.group[i]!;
    if (chosen[k] === 0) continue;
    let lane = laneOf[k];
    if (!lane) {
      const id = `${g.pid[k]}/${g.tid[k]}`;
      lane = byTid.get(id);
      if (!lane) {
        const zero = () => new Float64Array(calls.tiles);
        lane = { tid: g.tid[k]!, pid: g.pid[k]!, comm: calls.names[g.comm[k]!]!, calls: 0, work: zero(), wait: zero(), errors: zero(), time: 0 };
        byTid.set(id, lane);
      }
      laneOf[k] = lane;
    }
    const t = cells.tile[i]!;
    lane.calls += cells.n[i]!;
    let names = named.get(lane);
    if (!names) named.set(lane, (names = new Map()));
    const comm = calls.names[g.comm[k]!]!;
    names.set(comm, (names.get(comm) ?? 0) + cells.n[i]!);
    if (g.waits[k] === 1) lane.wait[t]! += cells.sum[i]!;
    else {
      lane.work[t]! += cells.sum[i]!;
      lane.time += cells.sum[i]!;
    }
    if (calls.names[g.errno[k]!] !== "") lane.errors[t]! += cells.n[i]!;
  }
  for (const [lane, names] of named) lane.comm = [...names].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  return [...byTid.values()].sort((a, b) => Number(a.tid === 0) - Number(b.tid === 0) || b.time - a.time || b.calls - a.calls || a.tid - b.tid);
}
