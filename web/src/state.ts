import type { Brush, Key } from "./query";
import { KEYS } from "./query";

/** What the user has chosen. It stands in the address, so that it can be shared. */
export interface State {
  view: [number, number]; // tiles that are shown; to is not included
  brush: Brush | null;
  mark: Brush | null;
  filter: string;
  by: Key;
  sort: string;
  up: boolean; // smallest first
}

export function initial(tiles: number): State {
  return { view: [0, tiles], brush: null, mark: null, filter: "", by: "syscall", sort: "total", up: false };
}

const rect = (b: Brush) => [b.fromTile, b.toTile, b.fromBucket, b.toBucket].join("-");

export function write(s: State, tiles: number): string {
  const p = new URLSearchParams();
  if (s.view[0] !== 0 || s.view[1] !== tiles) p.set("view", s.view.join("-"));
  if (s.brush) p.set("brush", rect(s.brush));
  if (s.mark) p.set("mark", rect(s.mark));
  if (s.filter) p.set("filter", s.filter);
  if (s.by !== "syscall") p.set("by", s.by);
  if (s.sort !== "total" || s.up) p.set("sort", (s.up ? "-" : "") + s.sort);
  return p.toString();
}

export function read(hash: string, tiles: number, buckets: number): State {
  const s = initial(tiles);
  const p = new URLSearchParams(hash.replace(/^#/, ""));
  const numbers = (name: string, n: number) => {
    const list = (p.get(name) ?? "").split("-").map(Number);
    return list.length === n && list.every(Number.isInteger) ? list : null;
  };
  const brush = (name: string): Brush | null => {
    const v = numbers(name, 4);
    if (!v || v[0]! >= v[1]! || v[2]! >= v[3]! || v[1]! > tiles || v[3]! > buckets) return null;
    return { fromTile: v[0]!, toTile: v[1]!, fromBucket: v[2]!, toBucket: v[3]! };
  };
  const view = numbers("view", 2);
  if (view && view[0]! < view[1]! && view[1]! <= tiles) s.view = [view[0]!, view[1]!];
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
  return s;
}
