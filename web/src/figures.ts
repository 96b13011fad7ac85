// The figures of package replay/latency: the same buckets, the same percentiles.

export const PRECISION = 64;
export const BUCKETS = 58 * PRECISION;
export const SHARES = [0.5, 0.9, 0.99, 0.999];

/** The first duration of a bucket and how many different ones it has, in ns. */
export function bucketRange(bucket: number): [low: number, width: number] {
  if (bucket < 2 * PRECISION) return [bucket, 1];
  const scale = 2 ** (Math.floor(bucket / PRECISION) - 1);
  return [((bucket % PRECISION) + PRECISION) * scale, scale];
}

/** The bucket of a duration in ns. */
export function bucketOf(ns: number): number {
  if (ns < 2 * PRECISION) return Math.max(0, Math.floor(ns));
  const scale = Math.floor(Math.log2(ns)) - 6;
  const exact = ns / 2 ** scale >= 2 * PRECISION ? scale + 1 : ns / 2 ** scale < PRECISION ? scale - 1 : scale; // log2 rounds
  return exact * PRECISION + Math.floor(ns / 2 ** exact);
}

/** Durations of many calls, by bucket. */
export class Histogram {
  readonly n: Float64Array;
  count = 0;
  sum = 0;
  min = Infinity;
  max = 0;

  constructor(readonly shift: number) {
    this.n = new Float64Array(BUCKETS >> shift);
  }

  add(bucket: number, n: number, sum: number, min: number, max: number): void {
    this.n[bucket]! += n;
    this.count += n;
    this.sum += sum;
    if (min < this.min) this.min = min;
    if (max > this.max) this.max = max;
  }

  /** The duration that stands for a bucket, as latency.BucketValue. */
  value(bucket: number): number {
    const [low] = bucketRange(bucket << this.shift);
    const [high, width] = bucketRange(((bucket + 1) << this.shift) - 1);
    return low + Math.floor((high + width - low) / 2);
  }
}

export interface Quantile {
  ns: number;
  above: boolean; // it is longer than ns by an unknown amount
}

/** Kaplan and Meier's estimator, step by step as latency.Survival has it. */
export function survival(done: Histogram, open: Histogram | null, shares: number[]): Quantile[] {
  const out: Quantile[] = shares.map(() => ({ ns: 0, above: false }));
  if (done.count + (open?.count ?? 0) === 0) return out;
  let base = 1;
  let risk = done.count + (open?.count ?? 0);
  let since = 0;
  const value = (without: number) => (risk === 0 ? base : (base * (risk - since + without)) / risk);
  const reached = (share: number, without: number) => value(without) <= (Math.round((1 - share) * 1e9) / 1e9) * (1 + 1e-12);
  const first = bucketOf(done.min) >> done.shift;
  const last = bucketOf(done.max) >> done.shift;
  let i = 0;
  for (let b = 0; b < done.n.length; b++) {
    const ended = done.n[b]!;
    const left = open ? open.n[b]! : 0;
    if (ended === 0 && left === 0) continue;
    since += ended;
    for (; i < shares.length && reached(shares[i]!, 0); i++) {
      let ns = Math.min(Math.max(done.value(b), done.min), done.max);
      if (b === last && !reached(shares[i]!, 1)) ns = done.max;
      else if (b === first && reached(shares[i]!, ended - 1)) ns = done.min;
      out[i]!.ns = ns;
    }
    if (left !== 0) {
      const now = value(0);
      risk = risk - since - left;
      base = now;
      since = 0;
    }
  }
  for (; i < shares.length; i++) out[i] = { ns: Math.max(done.max, open?.max ?? 0), above: true };
  return out;
}
