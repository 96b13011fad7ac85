import type { Answer, Key, Row } from "./query";
import { KEYS } from "./query";
import { el } from "./dom";
import { count, counted, duration, share } from "./words";

interface Column {
  name: string;
  title: string;
  value: (r: Row) => number | string;
  text: (r: Row) => string;
  exact?: (r: Row) => number; // ns
}

const ns = (q: { ns: number; above: boolean }) => `${q.above ? ">" : ""}${duration(q.ns)}`;

const COLUMNS: Column[] = [
  { name: "calls", title: "calls that ended", value: (r) => r.count, text: (r) => count(r.count), exact: (r) => r.count },
  { name: "errors", title: "calls that failed", value: (r) => r.errors, text: (r) => (r.errors ? count(r.errors) : ""), exact: (r) => r.errors },
  { name: "total", title: "time of all calls, lower bounds included", value: (r) => r.total, text: (r) => duration(r.total), exact: (r) => r.done.sum },
  { name: "share", title: "of the time of all calls that work, or that wait", value: (r) => r.share, text: (r) => share(r.share) },
  ...["p50", "p90", "p99", "p99.9"].map(
    (name, i): Column => ({ name, title: `the duration that ${name.slice(1)} % of the calls did not exceed`, value: (r) => r.p[i]!.ns, text: (r) => ns(r.p[i]!), exact: (r) => r.p[i]!.ns }),
  ),
  { name: "max", title: "the longest", value: (r) => r.max.ns, text: (r) => ns(r.max), exact: (r) => r.done.max },
  { name: "open", title: "calls of which only a lower bound is known: they had not ended", value: (r) => r.censored, text: (r) => (r.censored ? count(r.censored) : ""), exact: (r) => r.censored },
];

const FIRST = 25;

/** The table of calls. */
export class Table {
  readonly box = el("section", { class: "table" });
  private readonly by = el("select", { "aria-label": "group by", change: () => this.group(this.by.value as Key) }, ...KEYS.map((k) => el("option", { value: k }, k === "tid" ? "thread" : k === "pid" ? "process" : k)));
  private readonly head = el("tr");
  private readonly body = el("tbody");
  private readonly more = el("button", { type: "button", class: "quiet", click: () => this.toggle() });
  private all = false;
  private last: [Answer, Key, string, boolean] | null = null;

  constructor(
    private readonly group: (by: Key) => void,
    private readonly sort: (name: string) => void,
    private readonly pick: (by: Key, key: string) => void,
  ) {
    this.box.append(
      el("header", {}, el("h2", {}, "Calls"), el("label", {}, "by ", this.by)),
      el("div", { class: "scroll" }, el("table", {}, el("thead", {}, this.head), this.body)),
      this.more,
    );
  }

  private toggle(): void {
    this.all = !this.all;
    if (this.last) this.draw(...this.last);
  }

  draw(a: Answer, by: Key, sort: string, up: boolean): void {
    this.last = [a, by, sort, up];
    this.by.value = by;
    const names: Column = { name: by, title: "", value: (r) => r.label, text: (r) => r.label };
    const columns = [names, ...COLUMNS.filter((c) => c.name !== "open" || a.censored > 0)];
    this.head.replaceChildren(
      ...columns.map((c) =>
        el(
          "th",
          { scope: "col", class: c === names ? "name" : "", title: c.title, "aria-sort": c.name === sort ? (up ? "ascending" : "descending") : null },
          el("button", { type: "button", click: () => this.sort(c.name) }, c.name + (c.name === sort ? (up ? " ↑" : " ↓") : "")),
        ),
      ),
    );
    const column = columns.find((c) => c.name === sort) ?? COLUMNS[2]!;
    const order = (x: Row, y: Row): number => {
      const a = column.value(x);
      const b = column.value(y);
      const less = typeof a === "string" ? -a.localeCompare(String(b), "en", { numeric: true }) : a - (b as number);
      return (up ? less : -less) || x.label.localeCompare(y.label);
    };
    const lines: HTMLElement[] = [];
    let hidden = 0;
    for (const waits of [false, true]) {
      const rows = a.rows.filter((r) => r.waits === waits).sort(order);
      if (rows.length === 0) continue;
      const calls = rows.reduce((n, r) => n + r.count + r.censored, 0);
      const time = rows.reduce((n, r) => n + r.total, 0);
      lines.push(
        el("tr", { class: "section" }, el("th", { scope: "rowgroup", colspan: columns.length }, waits ? "waits by nature" : "works", el("span", {}, ` ${duration(time)} in ${counted(calls, "call")}`))),
      );
      const limit = this.all ? 1000 : waits ? 8 : FIRST;
      hidden += Math.max(0, rows.length - limit);
      for (const r of rows.slice(0, limit)) {
        lines.push(
          el(
            "tr",
            { "data-key": r.key, "data-waits": String(waits) },
            ...columns.map((c, i) =>
              i === 0
                ? el("th", { scope: "row" }, el("button", { type: "button", title: "only these", click: () => this.pick(by, r.key) }, r.label))
                : el("td", { "data-exact": c.exact ? c.exact(r) : null, class: c.name === "errors" && r.errors ? "bad" : "" }, ...cell(c, r)),
            ),
          ),
        );
      }
    }
    if (lines.length === 0) lines.push(el("tr", {}, el("td", { colspan: columns.length, class: "none" }, "no calls")));
    this.body.replaceChildren(...lines);
    this.more.hidden = !this.all && hidden === 0;
    this.more.textContent = this.all ? "fewer rows" : `${count(hidden)} more rows`;
  }
}

/** A cell's text, and under a share its bar. */
function cell(c: Column, r: Row): (Node | string)[] {
  if (c.name !== "share") return [c.text(r)];
  const bar = el("i", { class: "bar" });
  bar.style.width = `${Math.max(0, Math.min(1, r.share)) * 100}%`;
  return [c.text(r), bar];
}
