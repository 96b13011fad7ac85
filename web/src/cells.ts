import type { Calls } from "./contract";

/**
 * The cells of a page: so many calls of a group, in a tile, in a bucket. They
 * are in the order of tiles, so that a stretch of time is a stretch of cells.
 */
export interface Cells {
  length: number;
  start: Uint32Array; // by tile, its first cell; and one more
  group: Uint32Array;
  tile: Uint16Array;
  bucket: Uint16Array;
  n: Float64Array;
  sum: Float64Array;
  min: Float64Array;
  max: Float64Array;
}

/** Unpacks what index.Subset has written. */
export async function unpack(calls: Calls, lowOf: (bucket: number) => number): Promise<Cells> {
  const packed = Uint8Array.from(atob(calls.packed), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = calls.cells;
  const cells: Cells = {
    length: n,
    start: new Uint32Array(calls.tiles + 1),
    group: new Uint32Array(n),
    tile: new Uint16Array(n),
    bucket: new Uint16Array(n),
    n: new Float64Array(n),
    sum: new Float64Array(n),
    min: new Float64Array(n),
    max: new Float64Array(n),
  };
  let at = 0;
  const next = (): number => {
    let v = 0;
    for (let scale = 1; ; scale *= 128) {
      const b = bytes[at++]!;
      v += (b & 127) * scale;
      if (b < 128) return v;
    }
  };
  let i = 0;
  for (let g = 0; g < calls.groups.syscall.length; g++) {
    let tile = -1;
    for (let tiles = next(); tiles > 0; tiles--) {
      tile += next() + 1;
      let bucket = -1;
      for (let k = next(); k > 0; k--, i++) {
        bucket += next() + 1;
        const low = lowOf(bucket);
        const n = next();
        const sum = next() + n * low;
        const min = n > 1 ? low + next() : sum;
        const max = n > 2 ? low + next() : sum - (n > 1 ? min : 0);
        cells.group[i] = g;
        cells.tile[i] = tile;
        cells.bucket[i] = bucket;
        cells.n[i] = n;
        cells.sum[i] = sum;
        cells.min[i] = min;
        cells.max[i] = max;
      }
    }
  }
  if (i !== n || at !== bytes.length) throw new Error(`the data of the page is not whole: ${i} of ${n} cells`);
  return byTile(cells);
}

/** Puts cells in the order of tiles; those of a tile stay as they were. */
function byTile(cells: Cells): Cells {
  const { length, start, tile } = cells;
  for (let i = 0; i < length; i++) start[tile[i]! + 1]!++;
  for (let t = 1; t < start.length; t++) start[t]! += start[t - 1]!;
  const next = start.slice();
  const to = new Uint32Array(length);
  for (let i = 0; i < length; i++) to[i] = next[tile[i]!]!++;
  const moved = <A extends Uint32Array | Uint16Array | Float64Array>(list: A): A => {
    const out = list.slice() as A;
    for (let i = 0; i < length; i++) out[to[i]!] = list[i]!;
    return out;
  };
  return { length, start, group: moved(cells.group), tile: moved(tile), bucket: moved(cells.bucket), n: moved(cells.n), sum: moved(cells.sum), min: moved(cells.min), max: moved(cells.max) };
}
