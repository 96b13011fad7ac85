import type { Loss } from "./contract";
import type { Brush, Data, Heat } from "./query";
import { LEFT, RIGHT, arrow, decades, marks, moved, offsetLabel, ticks } from "./axis";
import { Drawn, Sheet, css, el } from "./dom";
import { bucketOf } from "./figures";
import { HATCH, SHADES } from "./theme";
import { counted, duration, offset } from "./words";

const HEIGHT = 236;
const BOTTOM = 20;

/** The map of latency over time, on which rectangles are drawn. */
export class HeatMap {
  readonly box = el("div", { class: "heat", role: "application", tabindex: 0, "aria-label": "Latency over time: darker is more calls. Draw a rectangle to choose calls, or move one with the arrow keys; with Shift they change its size. The bounds above can be typed." });
  private readonly sheet = new Sheet(this.box);
  private readonly tip = el("div", { class: "tip", hidden: true });
  private readonly map = document.createElement("canvas"); // the sheet without what is chosen on it
  private readonly mapped = new Drawn();
  private view: [number, number] = [0, 1];
  private heat!: Heat;
  private from: [number, number] | null = null;
  private drawn: Brush | null = null;
  private brush: Brush | null = null;

  constructor(
    private readonly data: Data,
    private readonly losses: Loss[],
    private readonly choose: (b: Brush | null) => void,
  ) {
    this.box.append(this.tip);
    const c = this.sheet.canvas;
    c.addEventListener("pointerdown", (e) => {
      c.setPointerCapture(e.pointerId);
      this.from = [e.offsetX, e.offsetY];
      this.drawn = null;
    });
    c.addEventListener("pointermove", (e) => {
      if (this.from && Math.hypot(e.offsetX - this.from[0], e.offsetY - this.from[1]) > 3) {
        this.drawn = this.between(this.from, [e.offsetX, e.offsetY]);
        this.choose(this.drawn);
      }
      this.tell(e.offsetX, e.offsetY);
    });
    c.addEventListener("pointerup", () => {
      if (this.from && !this.drawn) this.choose(null);
      this.from = null;
    });
    c.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.box.addEventListener("keydown", (e) => this.step(e));
  }

  /** The arrow keys move what is chosen, and with Shift its right or upper edge. */
  private step(e: KeyboardEvent): void {
    const to = arrow(e);
    if (!to || !this.heat) return;
    const { heat, view, brush } = this;
    const row = (bucket: number) => Math.min(Math.max(Math.round((bucket - heat.from) / heat.step), 0), heat.rows);
    const tiles = moved(brush && [brush.fromTile, brush.toTile], view, to[0], e.shiftKey);
    const rows = moved(brush && [row(brush.fromBucket), row(brush.toBucket)], [0, heat.rows], to[1], e.shiftKey);
    const bucket = (r: number) => Math.min(heat.from + r * heat.step, this.data.lows.length - 1);
    this.choose({ fromTile: tiles[0], toTile: tiles[1], fromBucket: bucket(rows[0]), toBucket: bucket(rows[1]) });
  }

  private get plot() {
    return { x: LEFT, w: this.sheet.width - LEFT - RIGHT, y: 6, h: HEIGHT - BOTTOM - 6 };
  }

  private tileAt(x: number): number {
    const p = this.plot;
    return this.view[0] + (Math.min(Math.max(x - p.x, 0), p.w) / p.w) * (this.view[1] - this.view[0]);
  }

  private rowAt(y: number): number {
    const p = this.plot;
    return ((p.y + p.h - Math.min(Math.max(y, p.y), p.y + p.h)) / p.h) * this.heat.rows;
  }

  /** The rectangle between two corners, in whole tiles and buckets. */
  private between(a: [number, number], b: [number, number]): Brush {
    const tiles = [this.tileAt(a[0]), this.tileAt(b[0])].sort((x, y) => x - y);
    const rows = [this.rowAt(a[1]), this.rowAt(b[1])].sort((x, y) => x - y);
    const fromTile = Math.min(Math.floor(tiles[0]!), this.view[1] - 1);
    const fromRow = Math.min(Math.floor(rows[0]!), this.heat.rows - 1);
    const toBucket = this.heat.from + Math.max(fromRow + 1, Math.ceil(rows[1]!)) * this.heat.step;
    return {
      fromTile,
      toTile: Math.max(fromTile + 1, Math.ceil(tiles[1]!)),
      fromBucket: this.heat.from + fromRow * this.heat.step,
      toBucket: Math.min(toBucket, this.data.lows.length - 1),
    };
  }

  private tell(x: number, y: number): void {
    const p = this.plot;
    this.tip.hidden = x < p.x || x > p.x + p.w || y < p.y || y > p.y + p.h;
    if (this.tip.hidden) return;
    const tile = Math.min(Math.floor(this.tileAt(x)), this.heat.tiles - 1);
    const row = Math.min(Math.floor(this.rowAt(y)), this.heat.rows - 1);
    const at = this.data.calls.from_ns + tile * this.data.calls.tile_ns;
    const low = this.data.lows[this.heat.from + row * this.heat.step]!;
    const high = this.data.lows[Math.min(this.heat.from + (row + 1) * this.heat.step, this.data.lows.length - 1)]!;
    const lost = this.losses.filter((l) => l.from_ns < at + this.data.calls.tile_ns && l.to_ns >= at).reduce((n, l) => n + l.events, 0);
    this.tip.textContent = `${offset(at)}, ${duration(low)} to ${duration(high)}: ${counted(this.heat.n[row * this.heat.tiles + tile]!, "call")}${lost ? `; ${counted(lost, "event")} lost` : ""}`;
    this.tip.style.left = `${Math.min(x + 12, this.sheet.width - 290)}px`;
    this.tip.style.top = `${Math.max(0, y - 34)}px`;
  }

  draw(heat: Heat, view: [number, number], brush: Brush | null, mark: Brush | null, most: number): void {
    this.heat = heat;
    this.view = view;
    this.brush = brush;
    const ctx = this.sheet.begin(HEIGHT);
    const p = this.plot;
    const tw = p.w / (view[1] - view[0]);
    const yOf = (bucket: number) => p.y + p.h - ((bucket - heat.from) / (heat.rows * heat.step)) * p.h;
    const { canvas } = this.sheet;
    if (this.mapped.differs(this.box, heat, view[0], view[1], most)) {
      this.drawMap(ctx, yOf, most);
      this.map.width = canvas.width;
      this.map.height = canvas.height;
      this.map.getContext("2d")!.drawImage(canvas, 0, 0);
    } else {
      ctx.drawImage(this.map, 0, 0, this.sheet.width, this.sheet.height);
    }
    const outline = (b: Brush, dashed: boolean) => {
      const x0 = p.x + (Math.max(b.fromTile, view[0]) - view[0]) * tw;
      const x1 = p.x + (Math.min(b.toTile, view[1]) - view[0]) * tw;
      const y0 = Math.max(p.y, yOf(b.toBucket));
      const y1 = Math.min(p.y + p.h, yOf(b.fromBucket));
      if (x1 <= x0 || y1 <= y0) return;
      ctx.strokeStyle = css(dashed ? "--ink" : "--accent");
      ctx.lineWidth = dashed ? 1 : 2;
      ctx.setLineDash(dashed ? [4, 3] : []);
      ctx.strokeRect(x0, y0, x1 - x0, y1 - y0);
      ctx.setLineDash([]);
      if (!dashed) {
        ctx.fillStyle = css("--veil"); // the rest steps back
        ctx.fillRect(p.x, p.y, p.w, y0 - p.y);
        ctx.fillRect(p.x, y1, p.w, p.y + p.h - y1);
        ctx.fillRect(p.x, y0, x0 - p.x, y1 - y0);
        ctx.fillRect(x1, y0, p.x + p.w - x1, y1 - y0);
      }
    };
    if (brush) outline(brush, false);
    if (mark) outline(mark, true);
  }

  /** Draws how many calls there are, losses and axes. */
  private drawMap(ctx: CanvasRenderingContext2D, yOf: (bucket: number) => number, most: number): void {
    const { heat, view, plot: p } = this;
    const { calls, lows } = this.data;
    const tw = p.w / (view[1] - view[0]);
    const rh = p.h / heat.rows;
    const ramp = css("--ramp").split(/,\s*/);
    const shades = Array.from({ length: SHADES }, (_, i) => shade(ramp, i / (SHADES - 1)));
    const scale = Math.log1p(Math.max(1, most));
    ctx.fillStyle = css("--plot");
    ctx.fillRect(p.x, p.y, p.w, p.h);
    for (let r = 0; r < heat.rows; r++) {
      for (let t = view[0]; t < view[1]; t++) {
        const n = heat.n[r * heat.tiles + t]!;
        if (n === 0) continue;
        ctx.fillStyle = shades[Math.min(SHADES - 1, Math.round(((SHADES - 1) * Math.log1p(n)) / scale))]!;
        const x0 = Math.floor(p.x + (t - view[0]) * tw);
        const y0 = Math.floor(p.y + p.h - (r + 1) * rh);
        ctx.fillRect(x0, y0, Math.max(1, Math.ceil(p.x + (t + 1 - view[0]) * tw) - x0), Math.max(1, Math.ceil(p.y + p.h - r * rh) - y0));
      }
    }
    const x = (ns: number) => p.x + (((ns - calls.from_ns) / calls.tile_ns - view[0]) / (view[1] - view[0])) * p.w;
    this.hatch(ctx, x, p);
    const ink = css("--faint");
    ctx.lineWidth = 1;
    ctx.textAlign = "right";
    for (const { ns, label } of decades(lows[heat.from]!, lows[Math.min(heat.from + heat.rows * heat.step, lows.length - 1)]!)) {
      const y = Math.round(yOf(bucketOf(ns) >> calls.shift)) + 0.5;
      ctx.strokeStyle = css("--grid");
      ctx.beginPath();
      ctx.moveTo(p.x, y);
      ctx.lineTo(p.x + p.w, y);
      ctx.stroke();
      ctx.fillStyle = ink;
      ctx.fillText(label, p.x - 8, y);
    }
    timeAxis(ctx, p.x, p.w, p.y + p.h, calls.from_ns + view[0] * calls.tile_ns, calls.from_ns + view[1] * calls.tile_ns);
  }

  private hatch(ctx: CanvasRenderingContext2D, x: (ns: number) => number, p: { x: number; y: number; w: number; h: number }): void {
    ctx.save();
    ctx.strokeStyle = css("--alarm");
    ctx.lineWidth = 1;
    for (const l of this.losses) {
      const from = Math.max(p.x, x(l.from_ns));
      const to = Math.min(p.x + p.w, Math.max(x(l.to_ns), from + 2));
      if (from > p.x + p.w || to < p.x) continue;
      ctx.save();
      ctx.beginPath();
      ctx.rect(from, p.y, to - from, p.h);
      ctx.clip();
      ctx.beginPath();
      for (let at = Math.floor((from - p.h) / HATCH) * HATCH; at < to; at += HATCH) {
        ctx.moveTo(at, p.y + p.h);
        ctx.lineTo(at + p.h, p.y);
      }
      ctx.stroke();
      ctx.restore();
    }
    ctx.restore();
  }
}

/** Offsets from the first event, below a picture. */
export function timeAxis(ctx: CanvasRenderingContext2D, x: number, w: number, y: number, from: number, to: number): void {
  const times = ticks(from, to, marks(w));
  const step = times.length > 1 ? times[1]! - times[0]! : to - from;
  ctx.fillStyle = css("--faint");
  ctx.strokeStyle = css("--grid");
  for (const ns of times) {
    const at = x + ((ns - from) / (to - from)) * w;
    ctx.beginPath();
    ctx.moveTo(Math.round(at) + 0.5, y);
    ctx.lineTo(Math.round(at) + 0.5, y + 4);
    ctx.stroke();
    ctx.textAlign = at < x + 30 ? "left" : at > x + w - 30 ? "right" : "center";
    ctx.fillText(offsetLabel(ns, step), at, y + 12);
  }
}

/** A colour of a ramp at 0 to 1. */
function shade(ramp: string[], at: number): string {
  const f = Math.min(Math.max(at, 0), 1) * (ramp.length - 1);
  const i = Math.min(Math.floor(f), ramp.length - 2);
  const part = (k: number) => {
    const a = parseInt(ramp[i]!.slice(1 + 2 * k, 3 + 2 * k), 16);
    const b = parseInt(ramp[i + 1]!.slice(1 + 2 * k, 3 + 2 * k), 16);
    return Math.round(a + (b - a) * (f - i));
  };
  return `rgb(${part(0)},${part(1)},${part(2)})`;
}
