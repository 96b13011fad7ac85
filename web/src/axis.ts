import { duration } from "./words";

/** Where pictures over time begin and end, so that they stand below each other. */
export const LEFT = 112;
export const RIGHT = 14;

/** Round numbers between two, about n of them. */
export function ticks(from: number, to: number, n: number): number[] {
  const span = to - from;
  if (!(span > 0)) return [from];
  const raw = span / n;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  const out: number[] = [];
  for (let v = Math.ceil(from / step) * step; v <= to + step * 1e-9; v += step) out.push(v);
  return out;
}

/** An offset with as many digits as its neighbours need. */
export function offsetLabel(ns: number, step: number): string {
  if (ns === 0) return "0";
  const [scale, unit] = step >= 1e8 ? [1e9, "s"] : step >= 1e6 ? [1e6, "ms"] : step >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  if (scale < 1e9 && ns >= scale * 1e5) return `+${(ns / 1e9).toFixed(Math.max(0, -Math.floor(Math.log10(step / 1e9) + 1e-9)))} s`;
  const digits = Math.max(0, -Math.floor(Math.log10(step / scale) + 1e-9));
  return `+${(ns / scale).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

/** Durations at which a logarithmic axis has its lines: 1, 10, 100 of each unit. */
export function decades(fromNS: number, toNS: number): { ns: number; label: string }[] {
  const out = [];
  for (let e = 0; e < 19; e++) {
    const ns = 10 ** e;
    if (ns >= fromNS && ns <= toNS) out.push({ ns, label: duration(ns).replace(/\.0+ /, " ") });
  }
  return out;
}
