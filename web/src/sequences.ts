import type { Graph, Sequence, Sequences } from "./contract";
import { el, svg } from "./dom";
import { count, offset, share } from "./words";

/** What is known of a selection beside its figures. */
export interface Known<T> {
  of: T | null;
  note: string; // what must be said of it, or why there is nothing
  waiting: boolean;
  none?: boolean; // there is nothing to ask about
}

/** What follows upon what: the directly-follows graph, frequent and rare sequences. */
export class SequencesView {
  readonly box = el("section", { class: "sequences" });
  private readonly note = el("span", { class: "hint", role: "status" });
  private readonly facts = el("p", { class: "facts" });
  private readonly left = el("p", { class: "hint" });
  private readonly picture = el("div", { class: "graph" });
  private readonly near = el("div", { class: "near" });
  private readonly lists = el("div", { class: "grams" });
  private readonly body = el("div", {}, this.facts, el("div", { class: "two" }, this.picture, el("div", {}, this.near, this.lists)), this.left);
  private readonly button = el("button", { type: "button", click: () => this.count() }, "count them");
  private readonly length: HTMLSelectElement;
  private graph: Graph | null = null;
  private along: Sequence | null = null; // whose way through the graph is shown
  private marks: { nodes: SVGElement[]; edges: SVGElement[][] } = { nodes: [], edges: [] };

  constructor(
    lengths: number[],
    label: string,
    private readonly count: () => void,
    setLength: (n: number) => void,
    private readonly pick: (call: string) => void,
  ) {
    this.length = el("select", { "aria-label": "calls in a sequence", change: () => setLength(Number(this.length.value)) }, ...lengths.map((n) => el("option", { value: n }, String(n))));
    this.box.append(el("header", {}, el("h2", {}, `${label ? `${label}: w` : "W"}hat follows upon what`), el("label", {}, "sequences of ", this.length, " calls"), this.button, this.note), this.body);
  }

  draw(known: Known<Sequences>, n: number, call: string): void {
    const s = known.of;
    this.length.value = String(n);
    this.note.textContent = known.note;
    this.box.dataset["waiting"] = String(known.waiting);
    this.button.hidden = s !== null || known.waiting;
    this.body.hidden = s === null;
    if (!s) return;
    this.facts.replaceChildren(...s.facts.map((f) => el("span", {}, f)));
    this.left.textContent = s.graph.left_out;
    if (this.graph !== s.graph) {
      this.graph = s.graph;
      this.picture.replaceChildren(this.paint(s.graph));
      this.along = null;
      const along = (q: Sequence) => {
        this.along = this.along === q ? null : q;
        this.choose(s.graph, "");
        if (call) this.pick(call);
      };
      this.lists.replaceChildren(grams("Most frequent", s.top, along), ...(s.rare.length ? [grams("Rarest", s.rare, along)] : []));
    }
    if (call) this.along = null;
    this.choose(s.graph, call);
  }

  /** Shows the whole graph again; false: it was shown. */
  close(): boolean {
    if (!this.along || !this.graph) return false;
    const inside = this.near.contains(document.activeElement);
    const pressed = this.lists.querySelector<HTMLElement>('[aria-pressed="true"]');
    this.along = null;
    this.choose(this.graph, "");
    if (inside) pressed?.focus();
    return true;
  }

  private paint(g: Graph): SVGElement {
    const pad = 12;
    const most = Math.max(1, ...g.nodes.filter((n) => !n.mark).map((n) => n.count));
    const edges = g.edges.map((e) => {
      const what = `${g.nodes[e.from]!.name} → ${g.nodes[e.to]!.name}: ${count(e.count)} times, ${e.label}`;
      const data = { "data-from": g.nodes[e.from]!.name, "data-to": g.nodes[e.to]!.name, "data-count": e.count, "data-p": e.p };
      const mark = e.from < 2 && g.nodes[e.from]!.mark ? " start" : e.to < 2 && g.nodes[e.to]!.mark ? " end" : "";
      return [
        svg("path", { class: `edge${e.back ? " back" : ""}${mark}`, d: e.path, "stroke-width": e.stroke, "marker-end": "url(#tip)", ...data }, svg("title", {}, what)),
        svg("text", { class: "edge", x: e.x, y: e.y }, e.label),
      ];
    });
    const nodes = g.nodes.map((n) => {
      const x = n.x + n.w / 2;
      const y = n.y + n.h / 2;
      if (n.mark) return svg("g", { class: "mark" }, svg("title", {}, `${n.name} of ${count(n.count)} sequences`), svg("rect", { x: n.x, y: n.y, width: n.w, height: n.h, rx: 12 }), svg("text", { x, y: y + 4 }, n.name));
      const pick = () => this.pick(n.name);
      return svg("g", { class: "node", tabindex: 0, role: "button", "aria-label": `${n.name}: ${count(n.count)} calls`, click: pick, keydown: (e) => enter(e, pick) },
        svg("title", {}, `${n.name}: ${count(n.count)} calls${n.time ? `, ${n.time}` : ""}`),
        svg("rect", { x: n.x, y: n.y, width: n.w, height: n.h, rx: 6, "fill-opacity": (0.06 + 0.34 * (Math.log1p(n.count) / Math.log1p(most)) ** 2).toFixed(3) }),
        svg("text", { class: "name", x, y: y - 2 }, n.name),
        svg("text", { x, y: y + 13 }, n.figures));
    });
    this.marks = { nodes, edges };
    const width = g.width + 2 * pad + 30;
    const height = g.height + 2 * pad;
    return svg("svg", { viewBox: `${-pad} ${-pad} ${width} ${height}`, width, height, role: "group", "aria-label": "Directly-follows graph" },
      svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 .8 7.5 4 0 7.2z" }))),
      ...edges.map((e) => e[0]!), ...nodes, ...edges.map((e) => e[1]!));
  }

  /** Shows what one call follows upon and what follows upon it; "" is none. */
  private choose(g: Graph, call: string): void {
    const at = g.nodes.findIndex((n) => !n.mark && n.name === call);
    const way = this.along?.calls.map((name) => g.nodes.findIndex((n) => !n.mark && n.name === name)) ?? [];
    const some = at >= 0 || way.length > 0;
    const near = new Set(at < 0 ? way : [at]);
    g.edges.forEach((e, i) => {
      const on = at >= 0 ? e.from === at || e.to === at : way.some((k, j) => k === e.from && way[j + 1] === e.to);
      if (on && at >= 0) near.add(e.from).add(e.to);
      for (const part of this.marks.edges[i]!) part.classList.toggle("far", some && !on);
    });
    for (const b of this.lists.querySelectorAll("button")) b.setAttribute("aria-pressed", String(this.along !== null && b.dataset["calls"] === this.along.calls.join(" ")));
    this.marks.nodes.forEach((n, i) => {
      n.classList.toggle("far", some && !near.has(i));
      n.classList.toggle("on", i === at);
      if (!g.nodes[i]!.mark) n.setAttribute("aria-pressed", String(i === at));
    });
    this.near.hidden = !some;
    if (this.along) {
      const q = this.along;
      this.near.replaceChildren(
        el("p", {}, el("code", {}, q.text), el("button", { type: "button", class: "quiet", click: () => this.close() }, "no longer")),
        el("p", { class: "hint" }, `${count(q.count)} times, first at ${offset(q.first_ns)} in ${q.pid}/${q.tid}`));
    }
    if (at < 0) return;
    const list = (title: string, edges: Graph["edges"], other: (e: Graph["edges"][0]) => number) =>
      el("table", { class: "follows" }, el("caption", {}, title), el("tbody", {},
        ...[...edges].sort((a, b) => b.count - a.count).slice(0, 8).map((e) => el("tr", {}, el("th", { scope: "row" }, el("code", {}, g.nodes[other(e)]!.name)), el("td", {}, count(e.count)), el("td", {}, e.label)))));
    this.near.replaceChildren(
      el("p", {}, el("code", {}, call), el("button", { type: "button", class: "quiet", click: () => this.pick(call) }, "no longer")),
      list("it follows upon", g.edges.filter((e) => e.to === at), (e) => e.from),
      list("upon it follows", g.edges.filter((e) => e.from === at), (e) => e.to));
  }
}

function enter(e: Event, act: () => void): void {
  const key = (e as KeyboardEvent).key;
  if (key !== "Enter" && key !== " ") return;
  e.preventDefault();
  e.stopPropagation();
  act();
}

function grams(title: string, list: Sequence[], along: (q: Sequence) => void): HTMLElement {
  return el("table", { class: "gram", "data-title": title },
    el("caption", {}, title),
    el("tbody", {}, ...list.map((q) => el("tr", { "data-calls": q.calls.join(" "), "data-count": q.count, title: `first at ${offset(q.first_ns)} in ${q.pid}/${q.tid}` },
      el("td", {}, count(q.count)), el("td", {}, share(q.share)), el("th", { scope: "row" }, el("button", { type: "button", "data-calls": q.calls.join(" "), "aria-pressed": "false", click: () => along(q) }, el("code", {}, q.text)))))));
}
