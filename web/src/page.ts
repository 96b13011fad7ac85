import type { Comparison, Page, Rest } from "./contract";
import { HistogramChart } from "./charts";
import { Counting } from "./count";
import { el, lookUpColours, keepFocus } from "./dom";
import { parseFilter } from "./filter";
import { PairTable } from "./pair";
import type { Brush, Key } from "./query";
import { Side, answer, commandLine, commonSpan, unpacked, type Hooks } from "./side";
import { forPaper } from "./print";
import { boundsOf, brushOf, read, tileNS, viewOf, write } from "./state";
import { Table } from "./table";
import type { Known } from "./sequences";
import { VerdictView, differing } from "./verdict";
import { count, counted, duration, offset, parseDuration, share, shell } from "./words";

/**
 * Shows a capture or two side by side, or a part of their time, until it is
 * ended; moved is told of each stretch of time that is shown.
 */
export async function show(root: HTMLElement, pages: Page[], part: boolean, moved: (view: string) => void): Promise<() => void> {
  const ended = new AbortController();
  const { signal } = ended;
  const all = await Promise.all(pages.map((p) => unpacked(p, part)));
  const page = pages[0]!;
  const two = pages.length === 2;
  const headers = pages.map((p) => header(p, two ? "AB"[pages.indexOf(p)] : ""));
  let later = () => {};
  pages.forEach((p, i) => {
    if (!p.live || !p.pending || p.reading.of !== 0) return;
    void more(p, i ? "b/" : "", signal, () => {
      const now = header(p, two ? "AB"[i] : "");
      headers[i]!.replaceWith(now);
      headers[i] = now;
      later();
    });
  });
  if (all.every((d) => d.calls.tiles === 0)) {
    root.append(...headers, el("p", { class: "none" }, "No calls with a duration are in this capture."));
    return () => ended.abort();
  }
  // Captures side by side are shown for as long as the longer one lasts.
  const until = Math.max(...all.map((d) => tileNS(d, d.calls.tiles)));
  if (two) for (const { calls } of all) calls.tiles = Math.max(1, calls.tiles, Math.ceil((until - calls.from_ns) / calls.tile_ns));
  const length = Math.max(...pages.map((p) => p.head.length_ns));
  const data = all[0]!;
  const { calls, lows } = data;
  const span = commonSpan(all);
  const untimed = pages.every((p) => !p.head.timed); // then there is nothing to show of latency
  let state = read(location.hash, data);
  if (untimed && state.sort === "total") state.sort = "calls";

  // Change the state, then everything is drawn of it.
  const set = (change: Partial<typeof state>) => {
    state = { ...state, ...change };
    history.replaceState(null, "", `#${write(state, data)}`);
    later();
    moved(viewOf(location.hash)?.join() ?? "");
  };
  const pick = (by: Key, key: string) => {
    const value = by === "errno" && key === "" ? "success" : by === "container" && key === "" ? "host" : /[",\s]/.test(key) || key === "" ? `"${key}"` : key;
    set({ filter: `${filterBox.value.trim()} --${by} ${shell(value)}`.trim() });
  };
  const hooks: Hooks = { state: () => state, set, pick, later: () => later(), ended: signal };
  const sides = pages.map((p, i) => new Side(p, all[i]!, data, two ? "AB"[i]! : "", i ? "b/" : "", span, hooks));
  const [a, b] = sides as [Side, Side | undefined];

  const filterBox = el("input", {
    id: "filter", type: "text", spellcheck: "false", autocomplete: "off", placeholder: "--syscall openat,%file --comm nginx --errno any",
    "aria-label": "filter, in the language of the command line", input: () => set({ filter: filterBox.value }),
  });
  const problem = el("span", { class: "problem", role: "alert" });
  const bound = (name: string) => el("input", { type: "text", class: "bound", "aria-label": name, change: () => typed() });
  const bounds = { from: bound("from"), to: bound("to"), low: bound("at least"), high: bound("less than") };
  const sum = el("output", { class: "sum" });
  const commands = sides.map((s) => new CommandLine(() => s.latency()));
  const histogram = new HistogramChart(data);
  const group = (by: Key) => set({ by });
  const sort = (name: string) => set({ sort: name, up: state.sort === name ? !state.up : false });
  const table = new Table(group, sort, pick);
  const pairs = new PairTable(group, sort, pick);
  const comparing = new Counting<Comparison>((query, asking) => answer<Comparison>(`comparison.json?${query}`, asking), () => later(), signal);
  const verdict = new VerdictView(() => comparing.want(), (call) => pick("syscall", call));

  /** The brush as the fields have it; an empty one is open. */
  function typed(): void {
    const ns = Object.fromEntries(Object.entries(bounds).map(([k, e]) => [k, e.value.trim() === "" ? undefined : parseDuration(e.value)])) as Record<keyof typeof bounds, number | null | undefined>;
    problem.textContent = Object.values(ns).includes(null) ? "a time is +1.5s, a latency 250us" : "";
    if (problem.textContent) return;
    set({ brush: brushOf(data, ns.from ?? null, ns.to ?? null, ns.low ?? null, ns.high ?? null) });
  }

  /** The brush into the fields. */
  function type(brush: Brush | null): void {
    const [from, to, low, high] = brush ? boundsOf(data, brush) : [null, null, null, null];
    const open = brush && { from: brush.fromTile === 0, to: brush.toTile === calls.tiles };
    for (const [k, v] of Object.entries({
      from: from !== null && !open!.from ? offset(from) : "",
      to: to !== null && !open!.to ? offset(to) : "",
      low: low !== null ? duration(low).replace(" ", "") : "",
      high: high !== null ? duration(high).replace(" ", "") : "",
    })) {
      const field = bounds[k as keyof typeof bounds];
      if (document.activeElement !== field) field.value = v;
    }
  }

  function draw(): void {
    const filter = parseFilter(state.filter);
    problem.textContent = filter.error;
    if (document.activeElement !== filterBox) filterBox.value = state.filter;
    for (const s of sides) s.ask(filter);
    type(state.brush);
    sum.textContent = sides.map((s) => {
      const outside = s.answer.rest.reduce((n, v) => n + v, 0);
      return `${s.heading}${counted(s.selected, "call")}${state.brush ? ` (${share(s.selected ? s.selected / (outside + s.selected) : 0)} of those that the filter chooses)` : ""}, ${counted(s.answer.errors, "error")}`;
    }).join("; ");
    sum.dataset["calls"] = String(a.selected);
    if (b) sum.dataset["b"] = String(b.selected);
    clear.hidden = !state.brush && !state.filter;
    commands.forEach((c) => c.draw());
    upper.hidden = !state.brush || state.brush.toBucket === lows.length - 1;
    const densities = sides.map((s) => s.density());
    const density = { spot: Math.max(...densities.map((d) => d.spot)), moment: Math.max(...densities.map((d) => d.moment)) };
    for (const s of sides) s.draw(density);
    if (b) {
      const without = [a, b].filter((s) => s.selected === 0).map((s) => s.label);
      const known: Known<Comparison> = without.length
        ? { of: null, note: `nothing to compare: no calls of ${without.join(" and ")} are selected`, waiting: false, none: true }
        : comparing.of({ ...a.choice(true), calls: a.selected + b.selected });
      verdict.draw(known, commandLine("compare", page.head.filters, a.choice(true), [], `${page.head.command} -- ${b.page.head.command}`));
      histogram.drawBoth(sides.map((s) => s.answer), sides.map((s) => s.data.calls.shift));
      pairs.draw([a.answer, b.answer], state.by, state.sort, state.up, differing(known.of));
    } else {
      histogram.draw(a.answer, [span[0] >> calls.shift, ((span[1] - 1) >> calls.shift) + 1]);
      table.draw(a.answer, state.by, state.sort, state.up);
    }
  }

  let pending = 0;
  later = () => {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      if (signal.aborted) return;
      const from = performance.now();
      const focus = keepFocus(root);
      draw();
      focus(root);
      root.dataset["drawn"] = String(Number(root.dataset["drawn"] ?? 0) + 1);
      root.dataset["ms"] = (performance.now() - from).toFixed(1);
    });
  };

  const clear = el("button", { type: "button", click: () => { filterBox.value = ""; set({ brush: null, filter: "" }); } }, "clear");
  const upper = el("span", { class: "hint" }, "the command line has no upper bound of latency");
  const help = el("dialog", { class: "help" },
    el("h2", {}, "Keys"),
    el("dl", {}, ...KEYS_HELP.flatMap(([k, what]) => [el("dt", {}, el("kbd", {}, k)), el("dd", {}, what)])),
    el("form", { method: "dialog" }, el("button", {}, "close")));
  commands[commands.length - 1]!.box.append(upper);

  const pictures = (s: Side) => el("section", {},
    el("div", { class: "latency" }, el("h2", {}, `${s.label ? `${s.label}: l` : "L"}atency over time`), legend(s.page.losses.length > 0), s.map.box),
    el("h2", {}, "Calls a second"), key([["sel", "selection"], ["rest", "all"], ["err", "errors"]]), s.rate.box,
    el("h2", {}, "Threads"), key([["sel", "in calls that work"], ["wait", "in calls that wait"], ["err", "errors"], ["box", "a slow call"]]), s.threads.box);
  const beside = (parts: HTMLElement[]) => el("div", { class: "beside" }, ...parts);
  const settled = page.live && pages.every((p) => p.reading.of === 0 || p.reading.following);

  root.classList.toggle("two-sides", two);
  root.classList.toggle("untimed", untimed);
  root.append(...[
    two ? beside(headers) : headers[0]!,
    el("div", { class: "tools" },
      el("div", { class: "filter" }, el("label", { for: "filter" }, "Filter"), filterBox, problem,
        el("button", { type: "button", class: "quiet", title: "keys", "aria-label": "keys", click: () => help.showModal() }, "?")),
      el("div", { class: "bounds" }, el("span", {}, "from"), bounds.from, el("span", {}, "to"), bounds.to, el("span", {}, "latency ≥"), bounds.low, el("span", {}, "<"), bounds.high, clear, sum),
      ...commands.map((c) => c.box)),
    two ? verdict.box : null,
    two ? beside(sides.map(pictures)) : null,
    two
      ? beside([el("section", {}, el("h2", { class: "how-long" }, "How long calls took"), key([["sel", "A"], ["dash", "B"]]), histogram.box, histogram.marks), el("div", {}, ...sides.map((s) => notes(s.page, s.label)))])
      : el("div", { class: "grid" }, pictures(a), el("section", {}, el("h2", { class: "how-long" }, "How long calls took"), key([["sel", "selection"], ["rest", "all"]]), histogram.box, histogram.marks, notes(page))),
    two ? pairs.box : table.box,
    ...(page.live && !settled ? [] : two ? [beside(sides.map((s) => s.follows.box))] : [a.follows.box]),
    ...(settled ? sides.map((s) => s.singles.box) : []),
    ...sides.map((s) => s.slowest.box),
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
        const around = [tileNS(data, middle - w / 2), tileNS(data, middle + w / 2)].map((ns) => Math.round(Math.min(Math.max(ns, 0), length)));
        state.view = [0, calls.tiles];
        const p = new URLSearchParams(write(state, data));
        if (around[0] === 0 && around[1] === length) p.delete("view");
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
      Escape: () => {
        if (!sides.map((s) => s.follows.close()).some(Boolean)) set(state.call ? { call: "" } : { brush: null });
      },
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
  addEventListener("resize", () => later(), { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    lookUpColours();
    later();
  }, { signal });
  forPaper(root, draw, later, signal);
  draw();
  root.dataset["drawn"] = "1";
  return () => ended.abort();
}

/** Asks for what comes after the first whole page, until it is all there. */
async function more(page: Page, path: string, signal: AbortSignal, changed: () => void): Promise<void> {
  let last = "";
  while (page.pending) {
    await new Promise((again) => setTimeout(again, 500));
    if (signal.aborted) return;
    let rest: Rest;
    try {
      rest = await answer<Rest>(`${path}rest.json`, signal);
    } catch {
      return; // the server has ended
    }
    const now = JSON.stringify(rest);
    if (now === last) continue;
    last = now;
    page.pending = rest.pending;
    page.head = rest.head;
    page.slowest.splice(0, Infinity, ...rest.slowest);
    changed();
  }
}

/** A command line that can be copied. */
class CommandLine {
  private readonly command = el("code", { class: "command" });
  private readonly copied = el("span", { class: "hint", role: "status" });
  readonly box = el("div", { class: "line" }, this.command, el("button", { type: "button", click: () => void this.copy() }, "copy"), this.copied);

  constructor(private readonly words: () => string) {}

  draw(): void {
    this.command.textContent = this.words();
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.words());
      this.copied.textContent = "copied";
    } catch {
      getSelection()?.selectAllChildren(this.command);
      this.copied.textContent = "selected: copy it with the keyboard";
    }
  }
}

const KEYS_HELP: [string, string][] = [
  ["w s", "zoom in and out"],
  ["a d", "move in time"],
  ["f", "show what is selected"],
  ["m", "mark what is selected"],
  ["0", "show everything"],
  ["Esc", "close what was opened in the graph, select everything"],
  ["/", "filter"],
  ["Tab", "to the next picture, name or button; Enter chooses it"],
  ["arrows", "on the map and the rates: move what is selected, with Shift its end; on the threads: to the next one, and to the next call where calls are drawn one by one, Enter chooses the thread"],
];

function header(page: Page, label = ""): HTMLElement {
  const { head } = page;
  const chip = (kind: string, text: string, title = "") => el("span", { class: `chip ${kind}`, title }, text);
  const reading = page.reading.of !== 0; // what is not yet known is neither good nor bad
  const facts = (names: string[]) => head.facts.filter((f) => names.includes(f.name));
  return el("header", { class: "head" },
    el("div", { class: "title" },
      el("h1", {}, label ? `${label}: ${head.title}` : head.title),
      el("p", {}, facts(["recorded"]).map((f) => f.text).join(""))),
    el("p", { class: "facts" }, ...facts(["host", "from", "length", "calls", "imported", "recovered"]).map((f) => el("span", { title: f.name }, f.text)),
      head.filters ? el("span", {}, `only ${head.filters}`) : null),
    el("p", { class: "chips" },
      ...(reading ? [chip("", page.reading.following ? "the recording goes on" : "still reading: losses and coverage are not known yet")] : [
        chip(head.share > 0.99 ? "good" : "warn", head.coverage, "what the figures rest on"),
        head.lost_events > 0 ? chip("bad", `${count(head.lost_events)} events lost`) : chip("good", "no events lost"),
        chip(head.complete ? "good" : "warn", head.complete ? "complete" : "incomplete"),
        page.pending && head.verify.state === "not checked" ? chip("", "systape verify is still at it") : chip(head.verify.state === "holds" ? "good" : head.verify.state === "fails" ? "bad" : "warn", head.verify.text),
      ]),
      head.timed ? null : chip("warn", "imported without durations: only counts are shown"),
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

function notes(page: Page, label = ""): HTMLElement {
  return el("details", { class: "left-out" }, el("summary", {}, `${label ? `${label}: w` : "W"}hat is not on this page`), el("ul", {}, ...page.left_out.map((t) => el("li", {}, t))));
}

