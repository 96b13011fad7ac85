import type { Page, Sequences, Single, Slow } from "./contract";
import { VERSION } from "./contract";
import { unpack } from "./cells";
import { HistogramChart, RateChart } from "./charts";
import { Counting, held, type Choice } from "./count";
import { el } from "./dom";
import { BUCKETS, bucketOf, bucketRange } from "./figures";
import { choose, parseFilter } from "./filter";
import { HeatMap } from "./heat";
import { Lanes } from "./lanes";
import { ask, extent, heat, inBrush, lanes, type Brush, type Data, type Key } from "./query";
import { SequencesView } from "./sequences";
import { Singles, Slowest } from "./slow";
import { LENGTH, LENGTHS, brushOf, read, tileNS, viewOf, write } from "./state";
import { Table } from "./table";
import { count, duration, flag, offset, parseDuration, share, shell } from "./words";

async function start(root: HTMLElement): Promise<void> {
  const page = JSON.parse(document.getElementById("data")!.textContent!) as Page;
  if (page.version !== VERSION) throw new Error(`the data is of version ${page.version}, the page reads ${VERSION}`);
  if (!page.live) {
    await show(root, page, false, () => {});
    return;
  }
  document.title = page.head.title;
  const bar = el("progress", {});
  const far = el("p", { class: "reading" }, "reading the capture ", bar);
  root.before(far);
  let end = () => {};
  let shown = "";
  for (;;) {
    const part = viewOf(location.hash);
    const asked = part?.join() ?? "";
    const next = await answer<Page>(`data.json${part ? `?from=${Math.max(0, Math.floor(part[0]))}&to=${Math.ceil(part[1])}` : ""}`);
    const done = next.reading.of === 0;
    far.hidden = done;
    if (next.reading.of > 0) {
      bar.max = next.reading.of;
      bar.value = next.reading.rows;
    }
    if (next.head.title) {
      end();
      const box = el("main", { id: "page" });
      root.replaceWith(box);
      root = box;
      const at = scrollY;
      end = await show(root, next, part !== null, (view) => changed(view));
      scrollTo(0, at);
      shown = asked;
    }
    let changed = (_view: string) => {};
    if (done) {
      // Of another stretch of time there may be more detail.
      await new Promise<void>((again) => {
        let timer = 0;
        changed = (view) => {
          clearTimeout(timer);
          if (view !== shown) timer = window.setTimeout(again, 250);
        };
        if (next.head.verify.state === "not checked") timer = window.setTimeout(again, 1500);
        changed(viewOf(location.hash)?.join() ?? "");
      });
    } else {
      await new Promise((again) => setTimeout(again, 400));
    }
  }
}

async function answer<T>(path: string, signal?: AbortSignal): Promise<T> {
  const r = await fetch(path, signal ? { signal } : {});
  if (!r.ok) throw new Error((await r.text()).trim() || r.statusText);
  return (await r.json()) as T;
}

/** Shows a page, or a part of its time, until it is ended; moved is told of each stretch of time that is shown. */
async function show(root: HTMLElement, page: Page, part: boolean, moved: (view: string) => void): Promise<() => void> {
  const { calls, head } = page;
  const ended = new AbortController();
  const { signal } = ended;
  const lows = new Float64Array((BUCKETS >> calls.shift) + 1);
  for (let b = 0; b < lows.length; b++) lows[b] = b << calls.shift < BUCKETS ? bucketRange(b << calls.shift)[0] : Number.MAX_SAFE_INTEGER;
  const data: Data = { calls, lows, part, cells: await unpack(calls, (b) => lows[b]!) };
  if (calls.tiles === 0) {
    root.append(header(page), el("p", { class: "none" }, "No calls with a duration are in this capture."));
    return () => ended.abort();
  }
  const span = extent(data);
  let state = read(location.hash, data);

  // Change the state, then everything is drawn of it.
  const set = (change: Partial<typeof state>) => {
    state = { ...state, ...change };
    history.replaceState(null, "", `#${write(state, data)}`);
    later();
    moved(viewOf(location.hash)?.join() ?? "");
  };
  const brush = (b: Brush | null) => set({ brush: b });
  const filterBox = el("input", {
    id: "filter", type: "text", spellcheck: "false", autocomplete: "off", placeholder: "--syscall openat,%file --comm nginx --errno any",
    "aria-label": "filter, in the language of the command line", input: () => set({ filter: filterBox.value }),
  });
  const problem = el("span", { class: "problem", role: "alert" });
  const bound = (name: string) => el("input", { type: "text", class: "bound", "aria-label": name, change: () => typed() });
  const bounds = { from: bound("from"), to: bound("to"), low: bound("at least"), high: bound("less than") };
  const sum = el("output", { class: "sum" });
  const command = el("code", { class: "command" });
  const copied = el("span", { class: "hint", role: "status" });
  const pick = (by: Key, key: string) => {
    const value = by === "errno" && key === "" ? "success" : by === "container" && key === "" ? "host" : /[",\s]/.test(key) || key === "" ? `"${key}"` : key;
    set({ filter: `${filterBox.value.trim()} --${by} ${shell(value)}`.trim() });
  };
  const map = new HeatMap(data, page.losses, brush);
  const rate = new RateChart(data, (fromTile, toTile) => brush({ fromTile, toTile, fromBucket: state.brush?.fromBucket ?? 0, toBucket: state.brush?.toBucket ?? lows.length - 1 }));
  const histogram = new HistogramChart(data);
  const threads = new Lanes(data, page.slowest, (tid) => pick("tid", String(tid)));
  const table = new Table((by) => set({ by }), (sort) => set({ sort, up: state.sort === sort ? !state.up : false }), pick);
  const slowest = new Slowest(page.slowest.length);
  const singles = new Singles((order) => {
    const c = choice();
    const query = new URLSearchParams(c.args.map((a) => ["arg", a]));
    query.set("order", order);
    if (c.less !== null) query.set("less", String(c.less));
    return answer<Single>(`calls.json?${query}`);
  });
  const counting = new Counting((query, signal) => answer<Sequences>(`sequences.json?${query}`, signal), () => later(), signal);
  const follows = new SequencesView(page.live ? LENGTHS : [page.sequences!.n], () => counting.want(), (n) => set({ n }), (call) => set({ call: state.call === call ? "" : call }));
  const followsCommand = el("code", { class: "command" });
  follows.box.append(el("div", { class: "line" }, followsCommand));

  /** The brush as the fields have it; an empty one is open. */
  function typed(): void {
    const ns = Object.fromEntries(Object.entries(bounds).map(([k, e]) => [k, e.value.trim() === "" ? undefined : parseDuration(e.value)])) as Record<keyof typeof bounds, number | null | undefined>;
    problem.textContent = Object.values(ns).includes(null) ? "a time is +1.5s, a latency 250us" : "";
    if (problem.textContent) return;
    brush(brushOf(data, ns.from ?? null, ns.to ?? null, ns.low ?? null, ns.high ?? null));
  }

  const openTime = (b: Brush) => b.fromTile === 0 && b.toTile === calls.tiles;
  const at = (tile: number) => calls.from_ns + tile * calls.tile_ns;

  let selected = 0; // calls, as far as the index knows

  /** What is selected. */
  function choice(): Choice {
    const args: string[] = [];
    const b = state.brush;
    const time = b && !openTime(b) ? [b.fromTile, b.toTile] : data.part ? [0, calls.tiles] : null;
    if (time) {
      const epoch = (tile: number) => String(BigInt(head.origin_ns) + BigInt(Math.round(at(tile))));
      args.push(`--from=${epoch(time[0]!)}`, `--to=${epoch(time[1]!)}`);
    }
    if (b && b.fromBucket > 0) args.push(`--min-duration=${flag(lows[b.fromBucket]!)}`);
    for (const { flag: name, values } of parseFilter(state.filter).words) args.push(`--${name}=${values.map(quoted).join(",")}`);
    return { args, less: b && b.toBucket < lows.length - 1 ? lows[b.toBucket]! : null, calls: selected };
  }

  /** The command line that tells the same. */
  function words(command: string, ...flags: string[]): string {
    const given = choice().args.map((a) => `${a.slice(0, a.indexOf("="))} ${shell(a.slice(a.indexOf("=") + 1))}`);
    return [`systape ${command}`, head.filters, ...given, ...flags, head.command].filter((w) => w !== "").join(" ");
  }
  const latency = () => words("latency", ...(state.by === "syscall" ? [] : [`--by ${state.by}`]));

  function draw(): void {
    const filter = parseFilter(state.filter);
    problem.textContent = filter.error;
    if (document.activeElement !== filterBox) filterBox.value = state.filter;
    const chosen = choose(filter, calls);
    const answer = ask(data, chosen, state.brush, state.by);
    const b = state.brush;
    for (const [k, v] of Object.entries({
      from: b && b.fromTile > 0 ? offset(at(b.fromTile)) : "",
      to: b && b.toTile < calls.tiles ? offset(at(b.toTile)) : "",
      low: b && b.fromBucket > 0 ? duration(lows[b.fromBucket]!).replace(" ", "") : "",
      high: b && b.toBucket < lows.length - 1 ? duration(lows[b.toBucket]!).replace(" ", "") : "",
    })) {
      const field = bounds[k as keyof typeof bounds];
      if (document.activeElement !== field) field.value = v;
    }
    const all = answer.rest.reduce((n, v) => n + v, 0) + answer.count + answer.censored;
    sum.textContent = `${count(answer.count + answer.censored)} calls${b ? ` (${share(all ? (answer.count + answer.censored) / all : 0)} of those that the filter chooses)` : ""}, ${count(answer.errors)} errors`;
    sum.dataset["calls"] = String(answer.count + answer.censored);
    clear.hidden = !b && !state.filter;
    command.textContent = latency();
    upper.hidden = !b || b.toBucket === lows.length - 1;
    map.draw(heat(data, chosen, 72, span), state.view, b, state.mark);
    rate.draw(answer, state.view);
    histogram.draw(answer, span);
    threads.draw(lanes(data, chosen), state.view);
    table.draw(answer, state.by, state.sort, state.up);
    selected = answer.count + answer.censored;
    if (page.live && page.reading.of !== 0) return slowest.draw(page.slowest.filter((s) => slowIn(s, chosen)));
    const known = page.live ? counting.of(choice(), state.n) : held(page, choice());
    follows.draw(known, page.live ? state.n : page.sequences!.n, state.call);
    followsCommand.textContent = words("sequences", ...(page.live && state.n !== LENGTH ? [`-n ${state.n}`] : []));
    slowest.draw(page.slowest.filter((s) => slowIn(s, chosen)));
  }

  /** Whether one of the slowest calls is in the selection. */
  function slowIn(s: Slow, chosen: Uint8Array): boolean {
    const tile = Math.min(Math.floor((s.start_ns - calls.from_ns) / calls.tile_ns), calls.tiles - 1);
    if (!inBrush(state.brush, tile, bucketOf(s.dur_ns) >> calls.shift)) return false;
    if (!state.filter) return true;
    const g = calls.groups;
    const is = (list: number[], i: number, text: string) => calls.names[list[i]!] === text;
    for (let i = 0; i < chosen.length; i++) {
      if (chosen[i] && is(g.syscall, i, s.syscall) && is(g.comm, i, s.comm) && is(g.container, i, s.container) && is(g.errno, i, s.errno) && (g.tid[i] === s.tid || g.tid[i] === 0)) return true;
    }
    return false;
  }

  let pending = 0;
  function later(): void {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      const from = performance.now();
      draw();
      root.dataset["drawn"] = String(Number(root.dataset["drawn"] ?? 0) + 1);
      root.dataset["ms"] = (performance.now() - from).toFixed(1);
    });
  }

  const clear = el("button", { type: "button", click: () => { filterBox.value = ""; set({ brush: null, filter: "" }); } }, "clear");
  const upper = el("span", { class: "hint" }, "the command line has no upper bound of latency");
  const copy = el("button", {
    type: "button",
    click: async () => {
      try {
        await navigator.clipboard.writeText(latency());
        copied.textContent = "copied";
      } catch {
        getSelection()?.selectAllChildren(command);
        copied.textContent = "selected: copy it with the keyboard";
      }
    },
  }, "copy");
  const help = el("dialog", { class: "help" },
    el("h2", {}, "Keys"),
    el("dl", {}, ...KEYS_HELP.flatMap(([k, what]) => [el("dt", {}, el("kbd", {}, k)), el("dd", {}, what)])),
    el("form", { method: "dialog" }, el("button", {}, "close")));

  root.append(...[
    header(page),
    el("div", { class: "tools" },
      el("div", { class: "filter" }, el("label", { for: "filter" }, "Filter"), filterBox, problem,
        el("button", { type: "button", class: "quiet", title: "keys", "aria-label": "keys", click: () => help.showModal() }, "?")),
      el("div", { class: "bounds" }, el("span", {}, "from"), bounds.from, el("span", {}, "to"), bounds.to, el("span", {}, "latency ≥"), bounds.low, el("span", {}, "<"), bounds.high, clear, sum),
      el("div", { class: "line" }, command, copy, copied, upper)),
    el("div", { class: "grid" },
      el("section", {}, el("h2", {}, "Latency over time"), legend(page.losses.length > 0), map.box,
        el("h2", {}, "Calls a second"), key([["sel", "selection"], ["rest", "all"], ["err", "errors"]]), rate.box,
        el("h2", {}, "Threads"), key([["sel", "in calls that work"], ["wait", "in calls that wait"], ["err", "errors"], ["box", "a slow call"]]), threads.box),
      el("section", {}, el("h2", {}, "How long calls took"), key([["sel", "selection"], ["rest", "all"]]), histogram.box, histogram.marks, notes(page))),
    table.box,
    page.live && page.reading.of !== 0 ? null : follows.box,
    page.live && page.reading.of === 0 ? singles.box : null,
    slowest.box,
    help,
  ].filter((e) => e !== null));

  addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || help.open) return;
    if (e.target instanceof HTMLInputElement || e.target instanceof HTMLSelectElement) {
      if (e.key === "Escape") (e.target as HTMLElement).blur();
      return;
    }
    const [from, to] = state.view;
    const width = to - from;
    const look = (middle: number, w: number) => {
      if (page.live && w > calls.tiles) { // what lies around is not here
        const around = [tileNS(data, middle - w / 2), tileNS(data, middle + w / 2)].map((ns) => Math.round(Math.min(Math.max(ns, 0), head.length_ns)));
        state.view = [0, calls.tiles];
        const p = new URLSearchParams(write(state, data));
        if (around[0] === 0 && around[1] === head.length_ns) p.delete("view");
        else p.set("view", around.join("~"));
        location.hash = p.toString();
        return;
      }
      w = Math.min(Math.max(1, Math.round(w)), calls.tiles);
      const f = Math.min(Math.max(0, Math.round(middle - w / 2)), calls.tiles - w);
      set({ view: [f, f + w] });
    };
    const middle = (from + to) / 2;
    const act: Record<string, () => void> = {
      w: () => look(state.brush ? (state.brush.fromTile + state.brush.toTile) / 2 : middle, width / 2),
      s: () => look(middle, width * 2),
      a: () => look(middle - Math.max(1, width / 4), width),
      d: () => look(middle + Math.max(1, width / 4), width),
      f: () => state.brush && set({ view: [state.brush.fromTile, state.brush.toTile] }),
      m: () => set({ mark: state.brush }),
      "0": () => (page.live ? look(calls.tiles / 2, Infinity) : set({ view: [0, calls.tiles] })),
      Escape: () => set({ brush: null }),
      "/": () => {
        filterBox.focus();
        filterBox.setSelectionRange(filterBox.value.length, filterBox.value.length);
      },
      "?": () => help.showModal(),
    };
    const fn = act[e.key];
    if (fn) {
      e.preventDefault();
      fn();
    }
  }, { signal });
  addEventListener("hashchange", () => {
    state = read(location.hash, data);
    later();
    moved(viewOf(location.hash)?.join() ?? "");
  }, { signal });
  addEventListener("resize", later, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later, { signal });
  addEventListener("beforeprint", draw, { signal });
  draw();
  root.dataset["drawn"] = "1";
  return () => ended.abort();
}

const KEYS_HELP: [string, string][] = [
  ["w s", "zoom in and out"],
  ["a d", "move in time"],
  ["f", "show what is selected"],
  ["m", "mark what is selected"],
  ["0", "show everything"],
  ["Esc", "select everything"],
  ["/", "filter"],
];

/** A value between commas. */
const quoted = (v: string) => (/[",]/.test(v) || v === "" ? `"${v}"` : v);

function header(page: Page): HTMLElement {
  const { head } = page;
  const chip = (kind: string, text: string, title = "") => el("span", { class: `chip ${kind}`, title }, text);
  const facts = (names: string[]) => head.facts.filter((f) => names.includes(f.name));
  return el("header", { class: "head" },
    el("div", { class: "title" },
      el("h1", {}, head.title),
      el("p", {}, facts(["recorded"]).map((f) => f.text).join(""))),
    el("p", { class: "facts" }, ...facts(["host", "from", "length", "calls", "imported", "recovered"]).map((f) => el("span", { title: f.name }, f.text)),
      head.filters ? el("span", {}, `only ${head.filters}`) : null),
    el("p", { class: "chips" },
      chip(head.share > 0.99 ? "good" : "warn", head.coverage, "what the figures rest on"),
      head.lost_events > 0 ? chip("bad", `${count(head.lost_events)} events lost`) : chip("good", "no events lost"),
      chip(head.complete ? "good" : "warn", head.complete ? "complete" : "incomplete"),
      chip(head.verify.state === "holds" ? "good" : head.verify.state === "fails" ? "bad" : "warn", head.verify.text),
      head.timed ? null : chip("warn", "imported without durations"),
      ...head.notes.map((n) => chip("warn", n))),
    head.verify.fails?.length ? el("ul", { class: "fails" }, ...head.verify.fails.map((f) => el("li", {}, `${f.name}: ${f.text}`))) : null,
  );
}

function legend(losses: boolean): HTMLElement {
  return el("p", { class: "key" }, "few calls ", el("i", { class: "ramp" }), " many", losses ? el("i", { class: "lost" }) : null, losses ? "events lost" : null, el("span", { class: "hint" }, "draw a rectangle to choose calls"));
}

function key(parts: [string, string][]): HTMLElement {
  return el("p", { class: "key" }, ...parts.flatMap(([k, text]) => [el("i", { class: k }), text]));
}

function notes(page: Page): HTMLElement {
  return el("details", { class: "left-out" }, el("summary", {}, "What is not on this page"), el("ul", {}, ...page.left_out.map((t) => el("li", {}, t))));
}

const root = document.getElementById("page")!;
start(root).catch((err: unknown) => {
  root.replaceChildren(el("p", { class: "none", role: "alert" }, `This page cannot be shown: ${err instanceof Error ? err.message : String(err)}`));
});
