import type { Calls } from "./contract";

/** The cells of a page: so many calls of a group, in a tile, in a bucket. */
export interface Cells {
  length: number;
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
  return cells;
}
