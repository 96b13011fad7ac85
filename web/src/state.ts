import type { Brush, Data, Key } from "./query";
import { KEYS } from "./query";
import { bucketOf } from "./figures";

/** What the user has chosen. It stands in the address, so that it can be shared. */
export interface State {
  view: [number, number]; // tiles that are shown; to is not included
  brush: Brush | null;
  mark: Brush | null;
  filter: string;
  by: Key;
  sort: string;
  up: boolean; // smallest first
  n: number; // calls in a sequence
  call: string; // that is looked at in the graph; "": none
}

export const LENGTH = 3;
export const LENGTHS = [1, 2, 3, 4, 5, 6, 8, 10];

export function initial(tiles: number): State {
  return { view: [0, tiles], brush: null, mark: null, filter: "", by: "syscall", sort: "total", up: false, n: LENGTH, call: "" };
}

/** Where a tile begins, in ns since the origin. */
export const tileNS = (d: Data, tile: number): number => d.calls.from_ns + tile * d.calls.tile_ns;

/** The tile that a time is in, or whose beginning it is. */
function tileOf(d: Data, ns: number, up: boolean): number {
  const tile = (ns - d.calls.from_ns) / d.calls.tile_ns;
  return Math.min(Math.max(up ? Math.ceil(tile) : Math.floor(tile), 0), d.calls.tiles);
}

/** A rectangle from its bounds, moved outwards to whole tiles and buckets; null or Infinity is open. */
export function brushOf(d: Data, from: number | null, to: number | null, low: number | null, high: number | null): Brush | null {
  const buckets = d.lows.length - 1;
  const b: Brush = {
    fromTile: from === null ? 0 : tileOf(d, from, false),
    toTile: to === null ? d.calls.tiles : tileOf(d, to, true),
    fromBucket: low === null ? 0 : bucketOf(low) >> d.calls.shift,
    toBucket: high === null || high <= 0 ? buckets : (bucketOf(high - 1) >> d.calls.shift) + 1,
  };
  const whole = b.fromTile === 0 && b.toTile === d.calls.tiles && b.fromBucket === 0 && b.toBucket === buckets;
  return whole || b.fromTile >= b.toTile || b.fromBucket >= b.toBucket ? null : b;
}

/** The bounds of a rectangle in ns, null where it is open: the inverse of brushOf. */
export function boundsOf(d: Data, b: Brush): [from: number | null, to: number | null, low: number | null, high: number | null] {
  const time = b.fromTile > 0 || b.toTile < d.calls.tiles;
  return [
    time ? tileNS(d, b.fromTile) : null,
    time ? tileNS(d, b.toTile) : null,
    b.fromBucket > 0 ? d.lows[b.fromBucket]! : null,
    b.toBucket < d.lows.length - 1 ? d.lows[b.toBucket]! : null,
  ];
}

/** The tiles that a stretch of time touches. */
export function tilesOf(d: Data, from: number, to: number): [number, number] {
  const first = Math.min(tileOf(d, from, false), d.calls.tiles - 1);
  return [first, Math.max(first + 1, tileOf(d, to, true))];
}

// In the address are times and durations in ns, which hold however finely time
// is cut where it is opened: from~to~low~high, "" for an open end.
const rect = (d: Data, b: Brush) => boundsOf(d, b).map((v) => v ?? "").join("~");

export function write(s: State, d: Data): string {
  const p = new URLSearchParams();
  if (d.part || s.view[0] !== 0 || s.view[1] !== d.calls.tiles) p.set("view", `${tileNS(d, s.view[0])}~${tileNS(d, s.view[1])}`);
  if (s.brush) p.set("brush", rect(d, s.brush));
  if (s.mark) p.set("mark", rect(d, s.mark));
  if (s.filter) p.set("filter", s.filter);
  if (s.by !== "syscall") p.set("by", s.by);
  if (s.sort !== "total" || s.up) p.set("sort", (s.up ? "-" : "") + s.sort);
  if (s.n !== LENGTH) p.set("n", String(s.n));
  if (s.call) p.set("call", s.call);
  return p.toString();
}

/** Numbers of an address, null where an end is open; null: it has none. */
function numbers(p: URLSearchParams, name: string, n: number): (number | null)[] | null {
  const list = (p.get(name) ?? "").split("~").map((v) => (v === "" ? null : Number(v)));
  return list.length === n && list.every((v) => v === null || Number.isInteger(v)) ? list : null;
}

/** The stretch of time that an address shows; null: all of it. */
export function viewOf(hash: string): [number, number] | null {
  const v = numbers(new URLSearchParams(hash.replace(/^#/, "")), "view", 2);
  return v && v[0] !== null && v[1] !== null && v[0]! < v[1]! ? [v[0]!, v[1]!] : null;
}

export function read(hash: string, d: Data): State {
  const s = initial(d.calls.tiles);
  const p = new URLSearchParams(hash.replace(/^#/, ""));
  const brush = (name: string): Brush | null => {
    const v = numbers(p, name, 4);
    return v && brushOf(d, v[0]!, v[1]!, v[2]!, v[3]!);
  };
  const view = viewOf(hash);
  if (view) {
    const from = tileOf(d, view[0], false);
    const to = tileOf(d, view[1], true);
    if (from < to) s.view = [from, to];
  }
  s.brush = brush("brush");
  s.mark = brush("mark");
  s.filter = p.get("filter") ?? "";
  const by = p.get("by") as Key;
  if (KEYS.includes(by)) s.by = by;
  const sort = p.get("sort");
  if (sort) {
    s.up = sort.startsWith("-");
    s.sort = sort.replace(/^-/, "");
  }
  const n = Number(p.get("n"));
  if (LENGTHS.includes(n)) s.n = n;
  s.call = p.get("call") ?? "";
  return s;
}
