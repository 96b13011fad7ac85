import type { Answer, Key, Row } from "./query";
import { KEYS } from "./query";
import { el } from "./dom";
import { count, duration, share } from "./words";

interface Column {
  name: string;
  value: (r: Row) => number;
  text: (r: Row) => string;
  exact?: (r: Row) => number;
}

const COLUMNS: Column[] = [
  { name: "calls", value: (r) => r.count, text: (r) => count(r.count), exact: (r) => r.count },
  { name: "errors", value: (r) => r.errors, text: (r) => (r.errors ? count(r.errors) : ""), exact: (r) => r.errors },
  { name: "total", value: (r) => r.total, text: (r) => duration(r.total), exact: (r) => r.done.sum },
  { name: "share", value: (r) => r.share, text: (r) => share(r.share) },
  { name: "p50", value: (r) => r.p[0]!.ns, text: (r) => duration(r.p[0]!.ns), exact: (r) => r.p[0]!.ns },
  { name: "p99", value: (r) => r.p[2]!.ns, text: (r) => duration(r.p[2]!.ns), exact: (r) => r.p[2]!.ns },
  { name: "max", value: (r) => r.max.ns, text: (r) => duration(r.max.ns), exact: (r) => r.done.max },
];

const FIRST = 30;

interface Pair {
  key: string;
  label: string;
  waits: boolean;
  sides: [Row | undefined, Row | undefined];
}

/** The calls of two captures, figure by figure. */
export class PairTable {
  readonly box = el("section", { class: "table pairs" });
  private readonly by = el("select", { "aria-label": "group by", change: () => this.group(this.by.value as Key) }, ...KEYS.map((k) => el("option", { value: k }, k === "tid" ? "thread" : k === "pid" ? "process" : k)));
  private readonly head = el("thead");
  private readonly body = el("tbody");
  private readonly more = el("button", { type: "button", class: "quiet", click: () => this.toggle() });
  private all = false;
  private last: Parameters<PairTable["draw"]> | null = null;

  constructor(
    private readonly group: (by: Key) => void,
    private readonly sort: (name: string) => void,
    private readonly pick: (by: Key, key: string) => void,
  ) {
    this.box.append(el("header", {}, el("h2", {}, "Calls"), el("label", {}, "by ", this.by)), el("div", { class: "scroll" }, el("table", {}, this.head, this.body)), this.more);
  }

  private toggle(): void {
    this.all = !this.all;
    if (this.last) this.draw(...this.last);
  }

  draw(answers: [Answer, Answer], by: Key, sort: string, up: boolean, differs: Map<string, string>): void {
    this.last = [answers, by, sort, up, differs];
    this.by.value = by;
    const sorted = (name: string) => ({ "aria-sort": name === sort ? (up ? "ascending" : "descending") : null });
    const button = (name: string) => el("button", { type: "button", click: () => this.sort(name) }, name + (name === sort ? (up ? " ↑" : " ↓") : ""));
    this.head.replaceChildren(
      el("tr", {}, el("th", { scope: "col", class: "name", ...sorted(by) }, button(by)), ...COLUMNS.map((c) => el("th", { scope: "colgroup", colspan: 2, ...sorted(c.name) }, button(c.name))), el("th", { scope: "col", class: "name" }, "differs in")),
      el("tr", { class: "sides" }, el("th"), ...COLUMNS.flatMap(() => [el("th", { scope: "col" }, "A"), el("th", { scope: "col", class: "b" }, "B")]), el("th")),
    );
    const pairs = new Map<string, Pair>();
    answers.forEach((a, side) => {
      for (const r of a.rows) {
        const id = `${r.waits ? 1 : 0}${r.key}`;
        let pair = pairs.get(id);
        if (!pair) pairs.set(id, (pair = { key: r.key, label: r.label, waits: r.waits, sides: [undefined, undefined] }));
        pair.sides[side] = r;
      }
    });
    const column = COLUMNS.find((c) => c.name === sort);
    const of = (p: Pair) => (column ? Math.max(...p.sides.map((r) => (r ? column.value(r) : 0))) : 0);
    const order = (x: Pair, y: Pair) => (up ? 1 : -1) * (column ? of(x) - of(y) : -x.label.localeCompare(y.label, "en", { numeric: true })) || x.label.localeCompare(y.label);
    const lines: HTMLElement[] = [];
    let hidden = 0;
    for (const waits of [false, true]) {
      const list = [...pairs.values()].filter((p) => p.waits === waits).sort(order);
      if (list.length === 0) continue;
      lines.push(el("tr", { class: "section" }, el("th", { scope: "rowgroup", colspan: 2 * COLUMNS.length + 2 }, waits ? "waits by nature" : "works")));
      const limit = this.all ? 1000 : waits ? 8 : FIRST;
      hidden += Math.max(0, list.length - limit);
      for (const p of list.slice(0, limit)) {
        lines.push(el("tr", { "data-key": p.key, "data-waits": String(p.waits) },
          el("th", { scope: "row" }, el("button", { type: "button", title: "only these", click: () => this.pick(by, p.key) }, p.label)),
          ...COLUMNS.flatMap((c) => p.sides.map((r, side) => el("td", { class: side ? "b" : "", "data-exact": r && c.exact ? c.exact(r) : null, "data-side": side }, r ? c.text(r) : "–"))),
          el("td", { class: "name" }, by === "syscall" ? (differs.get(p.key) ?? "") : "")));
      }
    }
    if (lines.length === 0) lines.push(el("tr", {}, el("td", { colspan: 2 * COLUMNS.length + 2, class: "none" }, "no calls")));
    this.body.replaceChildren(...lines);
    this.more.hidden = !this.all && hidden === 0;
    this.more.textContent = this.all ? "fewer rows" : `${count(hidden)} more rows`;
  }
}
