// How numbers are written: as replay/units does.

export function duration(ns: number): string {
  if (!Number.isFinite(ns) || ns < 0) ns = 0;
  if (ns < 1000) return `${Math.round(ns)} ns`;
  let v = ns;
  for (const unit of ["ns", "µs", "ms", "s"]) {
    const s = digits(v);
    if (v < 1000 && s !== "1000") {
      if (unit === "s" && v >= 100) break;
      return `${s} ${unit}`;
    }
    v /= 1000;
  }
  const seconds = Math.round(ns / 1e9);
  const h = Math.floor(seconds / 3600);
  const m = Math.floor(seconds / 60) % 60;
  const two = (n: number) => String(n).padStart(2, "0");
  if (h >= 48) return `${Math.floor(h / 24)}d${two(h % 24)}h`;
  if (h > 0) return `${h}h${two(m)}m`;
  return `${m}m${two(seconds % 60)}s`;
}

function digits(v: number): string {
  return v < 9.995 ? v.toFixed(2) : v < 99.95 ? v.toFixed(1) : v.toFixed(0);
}

export const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** So many of a thing: 1 call, 2 calls. */
export const counted = (n: number, thing: string): string => `${count(n)} ${thing}${n === 1 ? "" : "s"}`;

/** A number with few characters: 12.3k. */
export function short(n: number): string {
  for (const [at, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    if (n >= at) return `${digits(n / at)}${unit}`;
  }
  return n >= 10 || Number.isInteger(n) ? String(Math.round(n)) : digits(n);
}

export function share(x: number): string {
  const p = 100 * x;
  if (p === 0) return "0 %";
  if (p > 99.99 && p < 100) return "99.99 %";
  if (p < 0.01) return "<0.01 %";
  return `${p < 1 || (p > 99 && p < 100) ? p.toFixed(2) : p.toFixed(1)} %`;
}

/** An offset from the first event, as the command line takes it. */
export function offset(ns: number): string {
  return `+${(ns / 1e9).toFixed(9).replace(/0+$/, "").replace(/\.$/, "")}s`;
}

/** A duration as a flag takes it. */
export function flag(ns: number): string {
  return `${ns}ns`;
}

const UNITS: Record<string, number> = { ns: 1, us: 1e3, "µs": 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Reads 1.5ms, +2s, 100: a plain number is seconds. null: it is none. */
export function parseDuration(text: string): number | null {
  const m = /^\+?([0-9]*\.?[0-9]+)\s*(ns|us|µs|ms|s|m|h)?$/.exec(text.trim());
  return m ? Math.round(Number(m[1]) * UNITS[m[2] ?? "s"]!) : null;
}

/** A word as a shell takes it. */
export function shell(word: string): string {
  return /^[A-Za-z0-9_./:,%+@=-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}
