import type { Single, Slow } from "./contract";
import { el, hold } from "./dom";
import { count, duration, offset } from "./words";

const FIRST = 10;

/** The slowest calls, each with what its thread called before and after. */
export class Slowest {
  readonly box = el("section", { class: "slowest" });
  private readonly list = el("ol");
  private readonly title = el("span", { class: "hint" });
  private readonly more = el("button", { type: "button", class: "quiet", click: () => this.toggle() });
  private all = false;
  private last: Slow[] = [];
  private shown: Slow[] | null = null;

  constructor(label: string) {
    this.box.append(el("header", {}, el("h2", {}, `${label ? `${label}: s` : "S"}lowest calls`), this.title), this.list, this.more);
  }

  private toggle(): void {
    this.all = !this.all;
    this.draw(this.last, this.kept);
  }

  private kept = 0;

  /** Shows those of kept slowest calls that are selected; null: they are still being read. */
  draw(slow: Slow[], kept: number | null): void {
    this.last = slow;
    this.kept = kept ?? 0;
    this.title.textContent = kept === null ? "being read…" : `${count(slow.length)} of the ${count(kept)} slowest of the capture are in the selection`;
    const shown = this.all ? slow : slow.slice(0, FIRST);
    this.more.hidden = slow.length <= FIRST;
    this.more.textContent = this.all ? "fewer" : `all ${count(slow.length)}`;
    // What is open stays so while the same calls are shown.
    if (this.shown?.length !== shown.length || shown.some((s, i) => s !== this.shown![i])) this.list.replaceChildren(...shown.map((s) => line(s)));
    this.shown = shown;
  }
}

/** A call, which opens to show what its thread called before and after. */
export function line(s: Slow, open = false): HTMLElement {
  const end = s.start_ns + s.dur_ns;
  const near = (list: Slow["before"], when: (n: Slow["before"][0]) => string) =>
    list.map((n) => el("li", {}, el("span", { class: "when" }, when(n)), el("code", {}, n.text), el("span", { class: "took" }, duration(n.dur_ns))));
  return el(
    "li",
    {},
    el(
      "details",
      { open },
      el(
        "summary",
        {},
        el("b", {}, `${s.lower_bound ? ">" : ""}${duration(s.dur_ns)}`),
        el("code", {}, s.text),
        s.about ? el("span", { class: "about" }, s.about) : null,
        el("span", { class: "who" }, `${s.comm || '""'} ${s.tid}${s.container ? ` in ${s.container.slice(0, 12)}` : ""}`),
        el("span", { class: "when" }, offset(s.start_ns)),
        s.waits ? el("span", { class: "tag" }, "waits") : null,
        s.lost_events ? el("span", { class: "tag bad" }, `${count(s.lost_events)} events lost`) : null,
      ),
      el(
        "ul",
        {},
        ...near(s.before, (n) => `−${duration(s.start_ns - (n.start_ns + n.dur_ns))}`),
        el("li", { class: "it" }, el("span", { class: "when" }, "0"), el("code", {}, s.text), el("span", { class: "took" }, duration(s.dur_ns))),
        ...near(s.after, (n) => `+${duration(n.start_ns - end)}`),
      ),
    ),
  );
}

/** Single calls of the selection, read from the capture when they are asked for. */
export class Singles {
  readonly box = el("section", { class: "slowest singles" });
  private readonly list = el("ol");
  private readonly hint = el("span", { class: "hint", role: "status" });

  constructor(
    label: string,
    private readonly ask: (order: string) => Promise<Single>,
  ) {
    const button = (text: string, order: string) => el("button", { type: "button", click: () => void this.fill(order) }, text);
    this.box.append(el("header", {}, el("h2", {}, `${label ? `${label}: s` : "S"}ingle calls of the selection`), button("in order", "time"), button("slowest first", "slowest"), this.hint), this.list);
  }

  private async fill(order: string): Promise<void> {
    hold();
    this.hint.textContent = "reading…";
    try {
      const single = await this.ask(order);
      this.list.replaceChildren(...single.calls.map((s) => line(s)));
      this.hint.textContent = single.more > 0 ? `and ${count(single.more)} more: choose fewer` : `${count(single.calls.length)} calls`;
    } catch (err) {
      this.list.replaceChildren();
      this.hint.textContent = err instanceof Error ? err.message : String(err);
    }
  }
}
