import { POWERS, ROUND_TIMES } from "./theme";
import { duration } from "./words";

/** Where pictures over time begin and end, so that they stand below each other. */
export const LEFT = 112;
export const RIGHT = 14;

/** How many marks an axis of time of a width has at most. */
export const marks = (width: number): number => Math.max(2, Math.floor(width / 100));

/** Round times between two, n of them at most; from 0 they are those of units.Ticks. */
export function ticks(from: number, to: number, n: number): number[] {
  const span = to - from;
  if (!(span > 0)) return [from];
  let step = 1;
  for (let i = 0; span / step >= n && i < ROUND_TIMES.length; i++) step = ROUND_TIMES[i]!;
  const out: number[] = [];
  for (let v = Math.ceil(from / step) * step; v <= to + step * 1e-9; v += step) out.push(v);
  return out;
}

/** An offset with as many digits as its neighbours need; round ones as units.Offset writes them. */
export function offsetLabel(ns: number, step: number): string {
  if (ns === 0) return "0";
  if (ns >= 100e9 && step >= (ns >= 3600e9 ? 60e9 : 1e9)) return `+${duration(ns)}`;
  const [scale, unit] = ns >= 1e9 ? [1e9, "s"] : ns >= 1e6 ? [1e6, "ms"] : ns >= 1e3 ? [1e3, "µs"] : [1, "ns"];
  const digits = Math.max(0, -Math.floor(Math.log10(step / scale) + 1e-9));
  return `+${(ns / scale).toLocaleString("en-US", { maximumFractionDigits: digits, useGrouping: false })} ${unit}`;
}

/** Durations at which a logarithmic axis has its lines: 1, 10, 100 of each unit. */
export function decades(fromNS: number, toNS: number): { ns: number; label: string }[] {
  return POWERS.map((label, e) => ({ ns: 10 ** e, label })).filter(({ ns }) => ns >= fromNS && ns <= toNS);
}

/** How a power of ten nanoseconds is written. */
export const power = (ns: number): string => POWERS[Math.round(Math.log10(ns))] ?? duration(ns);

/** Where an arrow key leads: to the right, and up; null: it is none. */
export function arrow(e: KeyboardEvent): [right: number, up: number] | null {
  const to = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] } as Record<string, [number, number]>)[e.key];
  if (!to || e.ctrlKey || e.metaKey || e.altKey) return null;
  e.preventDefault();
  return to;
}

/** A stretch within bounds after a step of a key: moved, or with its end moved. Without one it is in the middle. */
export function moved(stretch: [number, number] | null, within: [number, number], by: number, end: boolean): [number, number] {
  const [low, high] = within;
  const step = Math.max(1, Math.round((high - low) / 40));
  const few = Math.min(4 * step, high - low);
  let [from, to] = stretch ?? [Math.round((low + high - few) / 2), Math.round((low + high - few) / 2) + few];
  [from, to] = [Math.min(Math.max(from, low), high - 1), Math.min(Math.max(to, from + 1, low + 1), high)];
  if (!stretch || by === 0) return [from, to];
  if (end) return [from, Math.min(Math.max(to + by * step, from + 1), high)];
  const width = to - from;
  from = Math.min(Math.max(from + by * step, low), high - width);
  return [from, from + width];
}
