import type { Page, Sequences, Single, Slow } from "./contract";
import { unpack } from "./cells";
import { RateChart } from "./charts";
import { AT_ONCE, Counting, held, type Choice } from "./count";
import { el } from "./dom";
import { BUCKETS, bucketOf, bucketRange } from "./figures";
import { choose, parseFilter, type Filter } from "./filter";
import { HeatMap } from "./heat";
import { Lanes } from "./lanes";
import { ask, chosenOf, extent, heat, inBrush, lanes, type Answer, type Brush, type Chosen, type Data, type Heat, type Key, type Lane } from "./query";
import { SequencesView, type Known } from "./sequences";
import { Singles, Slowest } from "./slow";
import { LENGTH, LENGTHS, boundsOf, brushOf, tileNS, tilesOf, type State } from "./state";
import { flag, offset, shell } from "./words";

/** What a capture's pictures do with what the user chooses in them. */
export interface Hooks {
  state(): State;
  set(change: Partial<State>): void;
  pick(by: Key, key: string): void;
  later(): void;
  ended: AbortSignal;
}

export async function answer<T>(path: string, signal?: AbortSignal): Promise<T> {
  const r = await fetch(path, signal ? { signal } : {}).catch((err: unknown) => {
    throw err instanceof TypeError ? new Error("systape view does not answer: it has probably ended") : err;
  });
  if (!r.ok) throw new Error((await r.text()).trim() || r.statusText);
  return (await r.json()) as T;
}

/** So many calls are drawn one by one at most. */
const DRAWN = 2000;

/** Unpacks the calls of a page. */
export async function unpacked(page: Page, part: boolean): Promise<Data> {
  const { calls } = page;
  const lows = new Float64Array((BUCKETS >> calls.shift) + 1);
  for (let b = 0; b < lows.length; b++) lows[b] = b << calls.shift < BUCKETS ? bucketRange(b << calls.shift)[0] : Number.MAX_SAFE_INTEGER;
  return { calls, lows, part, cells: await unpack(calls, (b) => lows[b]!) };
}

/** The buckets in which any of some captures has calls, as if no buckets were joined. */
export function commonSpan(list: Data[]): [number, number] {
  const spans = list.filter((d) => d.cells.length > 0).map((d) => extent(d).map((b) => b << d.calls.shift));
  const from = Math.min(...spans.map((s) => s[0]!));
  const to = Math.max(...spans.map((s) => s[1]!));
  if (spans.length === 0) return [0, 64];
  // An axis has two marks at least: the decades around what is narrower than one.
  const decade = (ns: number, up: boolean) => 10 ** (up ? Math.ceil(Math.log10(ns)) : Math.floor(Math.log10(ns)));
  const low = Math.max(1, bucketRange(from)[0]);
  const high = Math.max(10, bucketRange(Math.min(to, BUCKETS - 1))[0]);
  return high > 10 * low ? [from, to] : [from === 0 ? 0 : bucketOf(decade(low, false)), Math.max(to, bucketOf(decade(high, true)) + 1)];
}

/**
 * One capture of the page, and its pictures. The state is in the tiles of the
 * first capture; another's tiles may be of another length.
 */
export class Side {
  readonly map: HeatMap;
  readonly rate: RateChart;
  readonly threads: Lanes;
  readonly slowest: Slowest;
  readonly singles: Singles;
  readonly follows: SequencesView;
  private readonly counting: Counting<Sequences>;
  private readonly seen: Counting<Single>; // the calls of the time that is shown
  private readonly followsCommand = el("code", { class: "command" });
  private readonly span: [number, number];
  answer!: Answer;
  private filter: string | null = null; // of what follows
  private chosen!: Chosen;
  private heat!: Heat;
  private lanes!: Lane[];
  selected = 0; // calls, as far as the index knows

  constructor(
    readonly page: Page,
    readonly data: Data,
    private readonly first: Data,
    readonly label: string, // A or B, "" when there is only one
    path: string, // of what the server tells of it
    span: [number, number],
    private readonly hooks: Hooks,
  ) {
    const { calls, lows } = { calls: data.calls, lows: data.lows };
    this.span = [span[0] >> calls.shift, ((span[1] - 1) >> calls.shift) + 1];
    const brush = (b: Brush | null) => hooks.set({ brush: b && this.toFirst(b) });
    this.map = new HeatMap(data, page.losses, brush);
    this.rate = new RateChart(data, (fromTile, toTile) => {
      const b = this.brush();
      brush({ fromTile, toTile, fromBucket: b?.fromBucket ?? 0, toBucket: b?.toBucket ?? lows.length - 1 });
    });
    this.threads = new Lanes(data, page.slowest, (tid) => hooks.pick("tid", String(tid)));
    this.slowest = new Slowest(label);
    this.singles = new Singles(label, (order) => {
      const query = this.query();
      query.set("order", order);
      return answer<Single>(`${path}calls.json?${query}`);
    });
    this.counting = new Counting((query, signal) => answer<Sequences>(`${path}sequences.json?${query}`, signal), hooks.later, hooks.ended, page.reading.following ? -1 : AT_ONCE);
    this.seen = new Counting((query, signal) => answer<Single>(`${path}calls.json?${query}`, signal), hooks.later, hooks.ended, page.live && page.reading.of === 0 ? DRAWN : -1);
    this.follows = new SequencesView(page.live ? LENGTHS : [page.sequences!.n], label, () => this.counting.want(), (n) => hooks.set({ n }),
      (call) => hooks.set({ call: hooks.state().call === call ? "" : call }));
    this.follows.box.append(el("div", { class: "line" }, this.followsCommand));
  }

  get heading(): string {
    return this.label ? `${this.label}: ` : "";
  }

  private toFirst(b: Brush): Brush | null {
    return this.data === this.first ? b : brushOf(this.first, ...boundsOf(this.data, b));
  }

  private own(b: Brush | null): Brush | null {
    return this.data === this.first || !b ? b : brushOf(this.data, ...boundsOf(this.first, b));
  }

  brush(): Brush | null {
    return this.own(this.hooks.state().brush);
  }

  private view(): [number, number] {
    const { view } = this.hooks.state();
    return this.data === this.first ? view : tilesOf(this.data, tileNS(this.first, view[0]), tileNS(this.first, view[1]));
  }

  /** What is selected; with times from the capture's begin, or as they are. */
  choice(fromBegin = false, b = this.brush()): Choice {
    const { calls, lows } = this.data;
    const args: string[] = [];
    const time = b && (b.fromTile > 0 || b.toTile < calls.tiles) ? [b.fromTile, b.toTile] : this.data.part ? [0, calls.tiles] : null;
    if (time) {
      const at = (tile: number) => Math.round(tileNS(this.data, tile));
      const instant = (tile: number) => (fromBegin ? offset(at(tile)) : String(BigInt(this.page.head.origin_ns) + BigInt(at(tile))));
      args.push(`--from=${instant(time[0]!)}`, `--to=${instant(time[1]!)}`);
    }
    if (b && b.fromBucket > 0) args.push(`--min-duration=${flag(lows[b.fromBucket]!)}`);
    for (const { flag: name, values } of parseFilter(this.hooks.state().filter).words) args.push(`--${name}=${values.map(quoted).join(",")}`);
    return { args, less: b && b.toBucket < lows.length - 1 ? lows[b.toBucket]! : null, calls: this.selected };
  }

  private query(): URLSearchParams {
    const c = this.choice();
    const query = new URLSearchParams(c.args.map((a) => ["arg", a]));
    if (c.less !== null) query.set("less", String(c.less));
    return query;
  }

  /** The command line that tells the same. */
  words(command: string, ...flags: string[]): string {
    return commandLine(command, this.page.head.filters, this.choice(), flags, this.page.head.command);
  }

  latency(): string {
    const { by } = this.hooks.state();
    return this.words("latency", ...(by === "syscall" ? [] : [`--by ${by}`]));
  }

  /** Looks at what is selected; the pictures are drawn of it. */
  ask(filter: Filter): void {
    if (filter.text !== this.filter) {
      const groups = choose(filter, this.data.calls);
      this.filter = filter.text;
      this.chosen = chosenOf(this.data, groups);
      this.heat = heat(this.data, groups, 72, this.span);
      this.lanes = lanes(this.data, groups);
    }
    this.answer = ask(this.data, this.chosen, this.brush(), this.hooks.state().by);
    this.selected = this.answer.count + this.answer.censored;
  }

  /** How many calls a ns the densest spot of the map has, and the busiest moment. */
  density(): { spot: number; moment: number } {
    let spot = 0;
    for (const n of this.heat.n) if (n > spot) spot = n;
    let moment = 0;
    const [from, to] = this.view();
    for (let t = from; t < to; t++) moment = Math.max(moment, this.answer.calls[t]! + this.answer.rest[t]!);
    return { spot: spot / this.data.calls.tile_ns, moment: moment / this.data.calls.tile_ns };
  }

  draw(density: { spot: number; moment: number }): void {
    const { page } = this;
    const state = this.hooks.state();
    const view = this.view();
    this.map.draw(this.heat, view, this.brush(), this.own(state.mark), density.spot * this.data.calls.tile_ns);
    const brush = this.brush();
    this.rate.draw(this.answer, view, density.moment * 1e9, brush && (brush.fromTile > 0 || brush.toTile < this.data.calls.tiles) ? [brush.fromTile, brush.toTile] : null);
    this.threads.draw(this.lanes, view, this.singly(view));
    this.slowest.draw(page.slowest.filter((s) => this.has(s)), page.pending && page.slowest.length === 0 ? null : page.slowest.length);
    if (page.live && page.reading.of !== 0 && !page.reading.following) return;
    const known: Known<Sequences> = page.live ? this.counting.of(this.choice(), `n=${state.n}`) : held(page, this.choice());
    this.follows.draw(known, page.live ? state.n : page.sequences!.n, state.call);
    this.followsCommand.textContent = this.words("sequences", ...(page.live && state.n !== LENGTH ? [`-n ${state.n}`] : []));
  }

  /** The calls that the filter chooses of a stretch of time; null where they are too many or not known. */
  private singly(view: [number, number]): Slow[] | null {
    let n = 0;
    for (let t = view[0]; t < view[1]; t++) n += this.answer.calls[t]! + this.answer.rest[t]!;
    const part = { fromTile: view[0], toTile: view[1], fromBucket: 0, toBucket: this.data.lows.length - 1 };
    const { of } = this.seen.of({ ...this.choice(false, part), calls: n }, "order=time&drawn=1");
    return of && of.more === 0 && n <= DRAWN ? of.calls : null;
  }

  /** Whether one of the slowest calls is in the selection. */
  private has(s: Slow): boolean {
    const { calls } = this.data;
    const tile = Math.min(Math.floor((s.start_ns - calls.from_ns) / calls.tile_ns), calls.tiles - 1);
    if (!inBrush(this.brush(), tile, bucketOf(s.dur_ns) >> calls.shift)) return false;
    if (!this.hooks.state().filter) return true;
    const g = calls.groups;
    const is = (list: number[], i: number, text: string) => calls.names[list[i]!] === text;
    const { groups } = this.chosen;
    for (let i = 0; i < groups.length; i++) {
      if (groups[i] && is(g.syscall, i, s.syscall) && is(g.comm, i, s.comm) && is(g.container, i, s.container) && is(g.errno, i, s.errno) && (g.tid[i] === s.tid || g.tid[i] === 0)) return true;
    }
    return false;
  }
}

/** A value between commas. */
const quoted = (v: string) => (/[",]/.test(v) || v === "" ? `"${v}"` : v);

export function commandLine(command: string, filters: string, choice: Choice, flags: string[], files: string): string {
  const given = choice.args.map((a) => `${a.slice(0, a.indexOf("="))} ${shell(a.slice(a.indexOf("=") + 1))}`);
  return [`systape ${command}`, filters, ...given, ...flags, files].filter((w) => w !== "").join(" ");
}
