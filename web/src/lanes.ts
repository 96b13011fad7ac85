import type { Slow } from "./contract";
import type { Data, Lane } from "./query";
import { LEFT, RIGHT } from "./axis";
import { Drawn, Sheet, css, el } from "./dom";
import { timeAxis } from "./heat";
import { line } from "./slow";
import { count, counted, duration, offset } from "./words";

const ROW = 20;
const FIRST = 6; // lanes that are shown until more are asked for
const MOST = 400;

/**
 * Threads as lanes: how much of each stretch of time they spent in calls, and
 * the calls one by one where these are few.
 */
export class Lanes {
  readonly box = el("div", { class: "lanes" });
  private readonly plot = el("div", { class: "lanes-plot", tabindex: 0, role: "application", "aria-label": "Threads: how much of the time they spent in calls. The arrow keys go from one to the next, and where calls are drawn one by one from call to call; Enter chooses the thread." });
  private readonly about = el("ol", { class: "about-call", "aria-live": "polite" });
  private readonly more = el("button", { type: "button", class: "quiet", click: () => this.toggle() });
  private readonly sheet = new Sheet(this.plot);
  private readonly drawn = new Drawn();
  private readonly tip = el("div", { class: "tip", hidden: true });
  private lanes: Lane[] = [];
  private view: [number, number] = [0, 1];
  private all = false;
  private singles: Slow[] | null = null; // in the order of time
  private at: Slow | null = null; // the call that is told about
  private row = -1; // the lane that the keys have come to, where calls are not drawn one by one

  constructor(
    private readonly data: Data,
    private readonly slowest: Slow[],
    private readonly pick: (tid: number) => void,
  ) {
    this.plot.append(this.tip);
    this.box.append(this.plot, this.about, this.more);
    const c = this.sheet.canvas;
    c.addEventListener("click", (e) => {
      const lane = this.shown()[Math.floor(e.offsetY / ROW)];
      const call = lane && e.offsetX >= LEFT ? this.callAt(lane, e.offsetX) : null;
      if (call) this.tellOf(call);
      else if (lane && lane.tid !== 0 && (e.offsetX < LEFT || !this.singles)) this.pick(lane.tid);
    });
    this.plot.addEventListener("keydown", (e) => this.step(e));
    this.plot.addEventListener("blur", () => (this.tip.hidden = true));
    c.addEventListener("pointermove", (e) => this.tell(e.offsetX, e.offsetY));
    c.addEventListener("pointerleave", () => (this.tip.hidden = true));
  }

  private shown(): Lane[] {
    return this.lanes.slice(0, this.all ? MOST : FIRST);
  }

  private toggle(): void {
    this.all = !this.all;
    this.draw(this.lanes, this.view, this.singles);
  }

  private tell(x: number, y: number): void {
    const lane = this.shown()[Math.floor(y / ROW)];
    this.tip.hidden = !lane;
    if (!lane) return;
    const w = this.sheet.width - LEFT - RIGHT;
    const who = lane.tid === 0 ? "other threads" : `${lane.comm || '""'} ${lane.tid}`;
    if (x < LEFT) {
      this.tip.textContent = `${who}: ${counted(lane.calls, "call")}, ${duration(lane.time)} at work in the kernel. Click: only this thread.`;
    } else if (this.singles) {
      const call = this.callAt(lane, x);
      this.tip.textContent = call ? `${offset(call.start_ns)}, ${call.lower_bound ? ">" : ""}${duration(call.dur_ns)}: ${call.text}` : `${who}: in no call here`;
    } else {
      const t = Math.min(this.view[1] - 1, Math.floor(this.view[0] + ((x - LEFT) / w) * (this.view[1] - this.view[0])));
      this.tip.textContent = `${who}, ${offset(this.data.calls.from_ns + t * this.data.calls.tile_ns)}: ${duration(lane.work[t] ?? 0)} in calls that work, ${duration(lane.wait[t] ?? 0)} in calls that wait, ${count(lane.errors[t] ?? 0)} errors`;
    }
    this.tip.style.left = `${Math.min(x + 12, this.sheet.width - 320)}px`;
    this.tip.style.top = `${y + 14}px`;
  }

  /** Where on the sheet a time is. */
  private xOf(ns: number): number {
    const { calls } = this.data;
    const w = this.sheet.width - LEFT - RIGHT;
    return LEFT + (((ns - calls.from_ns) / calls.tile_ns - this.view[0]) / (this.view[1] - this.view[0])) * w;
  }

  private callsOf(lane: Lane): Slow[] {
    return (this.singles ?? []).filter((s) => s.tid === lane.tid && s.pid === lane.pid);
  }

  /** The call of a lane that is drawn nearest to a place, and near it. */
  private callAt(lane: Lane, x: number): Slow | null {
    let best: Slow | null = null;
    let least = 4;
    for (const s of this.callsOf(lane)) {
      const far = Math.max(this.xOf(s.start_ns) - x, x - this.xOf(s.start_ns + s.dur_ns), 0);
      if (far < least || (far === least && best && s.dur_ns < best.dur_ns)) [best, least] = [s, far];
    }
    return best;
  }

  private tellOf(call: Slow | null): void {
    this.at = call;
    this.draw(this.lanes, this.view, this.singles);
  }

  /** The arrow keys: to the calls of the thread, and to the other threads. */
  private step(e: KeyboardEvent): void {
    const across = e.key === "ArrowRight" ? 1 : e.key === "ArrowLeft" ? -1 : 0;
    const down = e.key === "ArrowDown" ? 1 : e.key === "ArrowUp" ? -1 : 0;
    const thread = this.at ?? this.shown()[this.row];
    if (e.key === "Enter" && thread && thread.tid !== 0) {
      e.preventDefault();
      this.pick(thread.tid);
    }
    if (!across && !down) return;
    e.preventDefault();
    if (!this.singles?.length) {
      this.row = Math.min(Math.max(this.row + down, 0), this.shown().length - 1);
      this.draw(this.lanes, this.view, this.singles);
      this.tell(0, this.row * ROW);
      return;
    }
    const lanes = this.shown().filter((l) => this.callsOf(l).length > 0);
    const { at } = this;
    let row = lanes.findIndex((l) => at && l.tid === at.tid && l.pid === at.pid);
    if (row < 0 || !at) {
      this.tellOf(lanes[0] ? this.callsOf(lanes[0])[0]! : null);
      return;
    }
    row = Math.min(Math.max(row + down, 0), lanes.length - 1);
    const calls = this.callsOf(lanes[row]!);
    const i = down ? Math.max(0, calls.filter((s) => s.start_ns <= at.start_ns).length - 1) : calls.indexOf(at) + across;
    this.tellOf(calls[Math.min(Math.max(i, 0), calls.length - 1)]!);
  }

  /** Draws lanes; singles are the calls one by one, null where they are too many. */
  draw(lanes: Lane[], view: [number, number], singles: Slow[] | null): void {
    this.lanes = lanes;
    this.view = view;
    this.singles = singles;
    const { at } = this;
    if (at) this.at = singles?.find((s) => s.start_ns === at.start_ns && s.tid === at.tid) ?? null;
    if (this.about.dataset["of"] !== (this.at ? `${this.at.tid} ${this.at.start_ns}` : "")) {
      this.about.dataset["of"] = this.at ? `${this.at.tid} ${this.at.start_ns}` : "";
      this.about.replaceChildren(...(this.at ? [line(this.at, true)] : []));
    }
    if (!this.drawn.differs(this.plot, lanes, view[0], view[1], singles, this.at, this.all, this.row, this.slowest.length)) return;
    const shown = this.shown();
    this.more.hidden = lanes.length <= FIRST;
    this.more.textContent = this.all ? "fewer threads" : lanes.length > MOST ? `${count(MOST)} of ${count(lanes.length)} threads, those with most time` : `all ${count(lanes.length)} threads`;
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
      if (i === this.row && !singles) {
        ctx.strokeStyle = css("--ink");
        ctx.lineWidth = 2;
        ctx.strokeRect(1, y, LEFT + w - 2, h);
      }
      if (singles && lane.tid !== 0) {
        this.drawCalls(ctx, this.callsOf(lane), y, h, w);
        return;
      }
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
        const x0 = Math.max(LEFT, this.xOf(s.start_ns));
        const x1 = Math.min(LEFT + w, this.xOf(s.start_ns + s.dur_ns));
        if (x1 < LEFT || x0 > LEFT + w) continue;
        ctx.strokeRect(Math.round(x0) + 0.5, y + 0.5, Math.max(1, Math.round(x1 - x0)), h - 1);
      }
    });
    timeAxis(ctx, LEFT, w, shown.length * ROW, calls.from_ns + view[0] * calls.tile_ns, calls.from_ns + view[1] * calls.tile_ns);
  }

  /** Calls as boxes, with their names where these fit. */
  private drawCalls(ctx: CanvasRenderingContext2D, calls: Slow[], y: number, h: number, w: number): void {
    ctx.textAlign = "left";
    for (const s of calls) {
      const x0 = Math.max(LEFT, this.xOf(s.start_ns));
      const x1 = Math.min(LEFT + w, this.xOf(s.start_ns + s.dur_ns));
      if (x1 < LEFT || x0 > LEFT + w) continue;
      const width = Math.max(1, x1 - x0 > 4 ? x1 - x0 - 1 : x1 - x0);
      ctx.fillStyle = css(s.waits ? "--wait" : "--accent");
      ctx.fillRect(x0, y, width, h);
      if (s.errno) {
        ctx.fillStyle = css("--alarm");
        ctx.fillRect(x0, y, width, 3);
      }
      if (ctx.measureText(s.syscall).width + 6 < width) {
        ctx.fillStyle = css(s.waits ? "--ink" : "--bg");
        ctx.fillText(s.syscall, x0 + 3, y + h / 2 + 1);
      }
      if (s === this.at) {
        ctx.strokeStyle = css("--ink");
        ctx.lineWidth = 2;
        ctx.strokeRect(x0 - 1, y, width + 2, h);
      }
    }
  }
}

function clip(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  if (ctx.measureText(text).width <= width) return text;
  const id = text.slice(text.lastIndexOf(" "));
  let name = text.slice(0, text.lastIndexOf(" "));
  while (name.length > 1 && ctx.measureText(`${name}…${id}`).width > width) name = name.slice(0, -1);
  return `${name}…${id}`;
}
