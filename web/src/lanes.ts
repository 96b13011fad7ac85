import type { Slow } from "./contract";
import type { Data, Lane } from "./query";
import { LEFT, RIGHT } from "./axis";
import { Sheet, css, el } from "./dom";
import { timeAxis } from "./heat";
import { count, duration, offset } from "./words";

const ROW = 20;
const FIRST = 6; // lanes that are shown until more are asked for

/** Threads as lanes: how much of each stretch of time they spent in calls. */
export class Lanes {
  readonly box = el("div", { class: "lanes" });
  private readonly plot = el("div", { class: "lanes-plot", role: "img", "aria-label": "Threads: how much of the time they spent in calls" });
  private readonly more = el("button", { type: "button", class: "quiet", click: () => this.toggle() });
  private readonly sheet = new Sheet(this.plot);
  private readonly tip = el("div", { class: "tip", hidden: true });
  private lanes: Lane[] = [];
  private view: [number, number] = [0, 1];
  private all = false;

  constructor(
    private readonly data: Data,
    private readonly slowest: Slow[],
    private readonly pick: (tid: number) => void,
  ) {
    this.plot.append(this.tip);
    this.box.append(this.plot, this.more);
    const c = this.sheet.canvas;
    c.addEventListener("click", (e) => {
      const lane = this.shown()[Math.floor(e.offsetY / ROW)];
      if (lane && lane.tid !== 0) this.pick(lane.tid);
    });
    c.addEventListener("pointermove", (e) => this.tell(e.offsetX, e.offsetY));
    c.addEventListener("pointerleave", () => (this.tip.hidden = true));
  }

  private shown(): Lane[] {
    return this.all ? this.lanes.slice(0, 400) : this.lanes.slice(0, FIRST);
  }

  private toggle(): void {
    this.all = !this.all;
    this.draw(this.lanes, this.view);
  }

  private tell(x: number, y: number): void {
    const lane = this.shown()[Math.floor(y / ROW)];
    this.tip.hidden = !lane;
    if (!lane) return;
    const w = this.sheet.width - LEFT - RIGHT;
    const who = lane.tid === 0 ? "other threads" : `${lane.comm || '""'} ${lane.tid}`;
    if (x < LEFT) {
      this.tip.textContent = `${who}: ${count(lane.calls)} calls, ${duration(lane.time)} at work in the kernel. Click: only this thread.`;
    } else {
      const t = Math.min(this.view[1] - 1, Math.floor(this.view[0] + ((x - LEFT) / w) * (this.view[1] - this.view[0])));
      this.tip.textContent = `${who}, ${offset(this.data.calls.from_ns + t * this.data.calls.tile_ns)}: ${duration(lane.work[t] ?? 0)} in calls that work, ${duration(lane.wait[t] ?? 0)} in calls that wait, ${count(lane.errors[t] ?? 0)} errors`;
    }
    this.tip.style.left = `${Math.min(x + 12, this.sheet.width - 320)}px`;
    this.tip.style.top = `${y + 14}px`;
  }

  draw(lanes: Lane[], view: [number, number]): void {
    this.lanes = lanes;
    this.view = view;
    const shown = this.shown();
    this.more.hidden = lanes.length <= FIRST;
    this.more.textContent = this.all ? "fewer threads" : `all ${count(lanes.length)} threads`;
    const height = shown.length * ROW + 20;
    const ctx = this.sheet.begin(height);
    const { calls } = this.data;
    const w = this.sheet.width - LEFT - RIGHT;
    const tw = w / (view[1] - view[0]);
    shown.forEach((lane, i) => {
      const y = i * ROW + 2;
      const h = ROW - 4;
      ctx.fillStyle = css("--faint");
      ctx.textAlign = "right";
      const name = lane.tid === 0 ? "others" : `${lane.comm || '""'} ${lane.tid}`;
      ctx.fillText(clip(ctx, name, LEFT - 10), LEFT - 8, y + h / 2);
      ctx.fillStyle = css("--plot");
      ctx.fillRect(LEFT, y, w, h);
      for (let t = view[0]; t < view[1]; t++) {
        const x0 = Math.floor(LEFT + (t - view[0]) * tw);
        const width = Math.max(1, Math.ceil(LEFT + (t + 1 - view[0]) * tw) - x0);
        const work = Math.min(1, lane.work[t]! / calls.tile_ns);
        const wait = Math.min(1 - work, lane.wait[t]! / calls.tile_ns);
        if (wait > 0) {
          ctx.fillStyle = css("--wait");
          const part = Math.max(1, wait * h);
          ctx.fillRect(x0, y + h - Math.max(work > 0 ? 1 : 0, work * h) - part, width, part);
        }
        if (work > 0) {
          ctx.fillStyle = css("--accent");
          ctx.fillRect(x0, y + h - Math.max(1, work * h), width, Math.max(1, work * h));
        }
        if (lane.errors[t]! > 0) {
          ctx.fillStyle = css("--alarm");
          ctx.fillRect(x0, y, width, 2);
        }
      }
      ctx.strokeStyle = css("--ink");
      ctx.lineWidth = 1;
      for (const s of this.slowest) {
        if (s.tid !== lane.tid || s.waits) continue;
        const at = (ns: number) => LEFT + ((ns - calls.from_ns) / calls.tile_ns - view[0]) * tw;
        const x0 = Math.max(LEFT, at(s.start_ns));
        const x1 = Math.min(LEFT + w, at(s.start_ns + s.dur_ns));
        if (x1 < LEFT || x0 > LEFT + w) continue;
        ctx.strokeRect(Math.round(x0) + 0.5, y + 0.5, Math.max(1, Math.round(x1 - x0)), h - 1);
      }
    });
    timeAxis(ctx, LEFT, w, shown.length * ROW, calls.from_ns + view[0] * calls.tile_ns, calls.from_ns + view[1] * calls.tile_ns);
  }
}

function clip(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  const id = text.slice(text.lastIndexOf(" "));
  let name = text.slice(0, text.lastIndexOf(" "));
  while (name.length > 1 && ctx.measureText(`${name}…${id}`).width > width) name = name.slice(0, -1);
  return `${name}…${id}`;
}
