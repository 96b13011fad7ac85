import uPlot from "uplot";
import type { Answer, Data } from "./query";
import { LEFT, RIGHT, arrow, marks, moved, offsetLabel, power, ticks } from "./axis";
import { Drawn, FONT, css, el } from "./dom";
import { BUCKETS, Histogram, SHARES, bucketOf, bucketRange, survival, type Quantile } from "./figures";
import { SMALL } from "./theme";
import { duration, short } from "./words";

const axis = (): uPlot.Axis => ({
  stroke: css("--faint"),
  grid: { stroke: css("--grid"), width: 1 },
  ticks: { stroke: css("--grid"), width: 1, size: 4 },
  font: FONT,
});

/** A logarithmic axis that has its lines at 1, 10, 100. */
function decades(): uPlot.Axis {
  const all = (_u: uPlot, splits: number[]) => splits;
  const splits = (_u: uPlot, _axis: number, min: number, max: number) => {
    const out = [];
    for (let e = Math.ceil(Math.log10(min) - 1e-9); 10 ** e <= max; e++) out.push(10 ** e);
    return out;
  };
  const a = axis();
  return { ...a, splits, filter: all, grid: { ...a.grid, filter: all }, ticks: { ...a.ticks, filter: all } };
}

/** Calls and errors a second over time, the selection against the rest. */
export class RateChart {
  readonly box = el("div", { class: "rate", role: "application", tabindex: 0, "aria-label": "Calls and errors a second over time. Drag to choose a stretch of time, or move one with the arrow keys; with Shift they change its length." });
  private plot: uPlot | null = null;
  private readonly drawn = new Drawn();

  constructor(
    private readonly data: Data,
    private readonly choose: (fromTile: number, toTile: number) => void,
  ) {
    this.box.addEventListener("keydown", (e) => {
      const to = arrow(e);
      if (to && to[0] !== 0) this.choose(...moved(this.chosen, this.view, to[0], e.shiftKey));
    });
  }

  private chosen: [number, number] | null = null;
  private view: [number, number] = [0, 1];

  /** Draws an answer; chosen are the tiles of what is selected. */
  draw(a: Answer, view: [number, number], most: number, chosen: [number, number] | null): void {
    this.chosen = chosen;
    this.view = view;
    const { calls } = this.data;
    const x: number[] = [];
    const sel: number[] = [];
    const all: number[] = [];
    const failed: (number | null)[] = [];
    const second = 1e9 / calls.tile_ns;
    for (let t = view[0]; t < view[1]; t++) {
      x.push(calls.from_ns + t * calls.tile_ns);
      sel.push(a.calls[t]! * second);
      all.push((a.calls[t]! + a.rest[t]!) * second);
      failed.push(a.failed[t] || a.failed[t - 1] || a.failed[t + 1] ? a.failed[t]! * second : null); // no line where nothing failed
    }
    x.push(calls.from_ns + view[1] * calls.tile_ns); // where the last step ends
    for (const s of [sel, all]) s.push(s[s.length - 1] ?? 0);
    failed.push(failed[failed.length - 1] ?? null);
    if (!this.drawn.differs(this.box, view[0], view[1], most)) {
      this.plot!.setData([x, all, sel, failed]);
      return;
    }
    this.plot?.destroy();
    const steps = uPlot.paths.stepped!({ align: 1 });
    this.plot = new uPlot(
      {
        width: Math.max(100, this.box.clientWidth),
        height: 120,
        padding: [8, RIGHT, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        scales: { x: { time: false, range: [x[0]!, x[x.length - 1]!] }, y: { range: [0, most > 0 ? most * 1.05 : 1] } },
        axes: [
          { ...axis(), size: 22, gap: 2, splits: (u, _i, min, max) => ticks(min, max, marks(u.width - LEFT - RIGHT)), values: (_u, splits) => splits.map((v) => offsetLabel(v, splits.length > 1 ? splits[1]! - splits[0]! : v)) },
          { ...axis(), size: LEFT, gap: 4, space: 26, values: (_u, splits) => splits.map((v) => (v === 0 ? "0" : `${short(v)}/s`)) },
        ],
        series: [
          {},
          { stroke: css("--rest"), fill: css("--rest-fill"), width: 1, paths: steps, points: { show: false } },
          { stroke: css("--accent"), fill: css("--accent-fill"), width: 1.5, paths: steps, points: { show: false } },
          { stroke: css("--alarm"), width: 1.5, paths: steps, points: { show: false }, spanGaps: false },
        ],
        hooks: {
          setSelect: [
            (u) => {
              if (u.select.width < 2) return;
              const tile = (px: number) => (u.posToVal(px, "x") - calls.from_ns) / calls.tile_ns;
              const from = Math.max(view[0], Math.floor(tile(u.select.left)));
              this.choose(from, Math.min(view[1], Math.max(from + 1, Math.ceil(tile(u.select.left + u.select.width)))));
              u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            },
          ],
        },
      },
      [x, all, sel, failed],
      this.box,
    );
    now(this.plot);
  }
}

const EACH = 8; // bars a power of two
const LEAST = 0.7; // where a logarithmic axis of numbers begins: 1 stands above it, and none on it

/** Draws at once: what is printed is taken before a chart would draw by itself. */
const now = (plot: uPlot) => plot.batch(() => {});

/** How many calls took how long, on logarithmic axes. */
export class HistogramChart {
  readonly box = el("div", { class: "histogram", role: "img", "aria-label": "Histogram of the latency of the selection" });
  readonly marks = el("dl", { class: "marks" });
  private plot: uPlot | null = null;
  private readonly drawn = new Drawn();
  private p: Quantile[] = [];

  constructor(private readonly data: Data) {}

  /** Draws two selections; those of the second are a dashed line. */
  drawBoth(answers: Answer[], shifts: number[]): void {
    const lowest = Math.min(...answers.map((a) => a.histogram.min), Number.MAX_SAFE_INTEGER);
    const span = [bucketOf(Math.min(lowest, 1e12)), bucketOf(Math.max(1, ...answers.map((a) => a.histogram.max))) + 1];
    const step = Math.max(64 / EACH, ...shifts.map((s) => 1 << s));
    const x: number[] = [];
    const y: number[][] = answers.map(() => []);
    for (let b = Math.floor(span[0]! / step) * step; ; b += step) {
      x.push(Math.max(1, bucketRange(Math.min(b, BUCKETS - 1))[0]));
      const last = b >= span[1]!;
      answers.forEach((a, i) => {
        let n = 0;
        for (let k = b >> shifts[i]!; !last && k < Math.min((b + step) >> shifts[i]!, a.histogram.n.length); k++) n += a.histogram.n[k]!;
        y[i]!.push(n || LEAST);
      });
      if (last) break;
    }
    this.plot?.destroy();
    const steps = uPlot.paths.stepped!({ align: 1 });
    const common = { width: 1.5, paths: steps, points: { show: false }, spanGaps: false };
    this.plot = new uPlot(
      {
        ...this.frame(x),
        series: [{}, { ...common, stroke: css("--accent"), fill: css("--accent-fill") }, { ...common, stroke: css("--ink"), dash: [5, 3] }],
      },
      [x, ...y] as uPlot.AlignedData,
      this.box,
    );
    now(this.plot);
    this.marks.classList.add("both");
    this.marks.replaceChildren(...answers.flatMap((a, i) => [el("dt", { class: "side" }, "AB"[i]!), ...quantiles(a).flatMap((q, k) => [el("dt", {}, NAMES[k]!), el("dd", {}, `${q.above ? ">" : ""}${duration(q.ns)}`)])]));
  }

  private frame(x: number[]): Omit<uPlot.Options, "series"> {
    return {
      width: Math.max(100, this.box.clientWidth),
      height: 236,
      padding: [10, 10, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, distr: 3, range: [x[0]!, x[x.length - 1]!] }, y: { distr: 3, range: (_u, _min, max) => [LEAST, Math.max(10, max * 1.6)] } },
      axes: [
        { ...decades(), size: 22, gap: 2, values: (_u, splits) => splits.map((v) => (Math.round(Math.log10(v)) % every(x) === 0 ? power(v) : null)) },
        { ...decades(), size: 46, gap: 4, values: (_u, splits) => splits.map((v) => short(v).replace(/\.0+/, "")) },
      ],
    };
  }

  draw(a: Answer, span: [number, number]): void {
    const step = Math.max(1, 64 / EACH >> this.data.calls.shift);
    const x: number[] = [];
    const sel: number[] = [];
    const all: number[] = [];
    for (let b = Math.floor(span[0] / step) * step; b < span[1]; b += step) {
      let mine = 0;
      let both = 0;
      for (let k = b; k < Math.min(b + step, a.histogram.n.length); k++) {
        mine += a.histogram.n[k]!;
        both += a.all.n[k]!;
      }
      x.push(Math.max(1, this.data.lows[b]!));
      sel.push(mine || LEAST);
      all.push(both || LEAST);
    }
    x.push(Math.max(1, this.data.lows[Math.min(Math.ceil(span[1] / step) * step, this.data.lows.length - 1)]!));
    sel.push(LEAST);
    all.push(LEAST);
    const p = (this.p = quantiles(a));
    this.marks.replaceChildren(
      ...p.flatMap((q, i) => [el("dt", {}, NAMES[i]!), el("dd", {}, `${q.above ? ">" : ""}${duration(q.ns)}`)]),
    );
    if (!this.drawn.differs(this.box, span[0], span[1])) {
      this.plot!.setData([x, all, sel]);
      return;
    }
    this.plot?.destroy();
    const steps = uPlot.paths.stepped!({ align: 1 });
    this.plot = new uPlot(
      {
        ...this.frame(x),
        series: [
          {},
          { stroke: css("--rest"), fill: css("--rest-fill"), width: 1, paths: steps, points: { show: false }, spanGaps: false },
          { stroke: css("--accent"), fill: css("--accent-fill"), width: 1.5, paths: steps, points: { show: false }, spanGaps: false },
        ],
        hooks: {
          draw: [
            (u) => {
              const { ctx, bbox } = u;
              ctx.save();
              ctx.strokeStyle = css("--ink");
              ctx.fillStyle = css("--ink");
              ctx.setLineDash([3, 3]);
              ctx.lineWidth = devicePixelRatio;
              ctx.font = `${SMALL * devicePixelRatio}px system-ui, "DejaVu Sans", sans-serif`;
              this.p.forEach((q, i) => {
                const at = Math.round(u.valToPos(Math.max(1, q.ns), "x", true)) + 0.5;
                ctx.beginPath();
                ctx.moveTo(at, bbox.top);
                ctx.lineTo(at, bbox.top + bbox.height);
                ctx.stroke();
                ctx.textAlign = at > bbox.left + bbox.width * 0.8 ? "right" : "left";
                ctx.fillText(NAMES[i]!, at + (ctx.textAlign === "left" ? 3 : -3) * devicePixelRatio, bbox.top + (8 + 12 * i) * devicePixelRatio);
              });
              ctx.restore();
            },
          ],
        },
      },
      [x, all, sel],
      this.box,
    );
    now(this.plot);
  }
}

const NAMES = ["p50", "p90", "p99", "p99.9"];

/** How many decades lie between two labels, so that they do not run together. */
function every(x: number[]): number {
  return Math.log10(x[x.length - 1]! / x[0]!) > 5 ? 2 : 1;
}

/** Percentiles of a selection, by Kaplan and Meier. */
function quantiles(a: Answer): Quantile[] {
  if (a.count + a.censored === 0) return [];
  const done = a.rows.map((r) => r.done);
  const opens = a.rows.flatMap((r) => (r.open ? [r.open] : []));
  return survival(done[0] ? sum(done) : a.histogram, opens[0] ? sum(opens) : null, SHARES);
}

function sum(list: Histogram[]): Histogram {
  const out = new Histogram(list[0]!.shift);
  for (const h of list) {
    for (let b = 0; b < h.n.length; b++) out.n[b]! += h.n[b]!;
    out.count += h.count;
    out.sum += h.sum;
    out.min = Math.min(out.min, h.min);
    out.max = Math.max(out.max, h.max);
  }
  return out;
}
