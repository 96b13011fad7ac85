import type { Comparison, Difference } from "./contract";
import type { Known } from "./sequences";
import { el } from "./dom";

/** How the second of two captures differs from the first. */
export class VerdictView {
  readonly box = el("section", { class: "verdict" });
  private readonly note = el("span", { class: "hint", role: "status" });
  private readonly body = el("div");
  private readonly command = el("code", { class: "command" });
  private readonly button = el("button", { type: "button", click: () => this.want() }, "compare them");
  private shown: Comparison | null = null;

  constructor(
    private readonly want: () => void,
    private readonly pick: (call: string) => void,
  ) {
    this.box.append(el("header", {}, el("h2", {}, "How B differs from A"), this.button, this.note), this.body, el("div", { class: "line" }, this.command));
  }

  draw(known: Known<Comparison>, command: string): void {
    this.note.textContent = known.note;
    this.box.dataset["waiting"] = String(known.waiting);
    this.button.hidden = known.of !== null || known.waiting || known.none === true;
    this.body.hidden = known.of === null;
    this.command.textContent = command;
    if (!known.of || known.of === this.shown) return;
    const c = (this.shown = known.of);
    this.body.replaceChildren(
      c.differences.length ? el("ul", { class: "differences" }, ...c.differences.map((d) => this.line(d))) : el("p", {}, el("span", { class: "chip good" }, "no difference beyond chance that matters")),
      el("details", {}, el("summary", {}, `${c.one_sided.length || "nothing"} on one side only that is too rare for a verdict; all figures`), el("ul", {}, ...c.one_sided.map((d) => this.line(d))), el("pre", {}, c.text)),
    );
  }

  private line(d: Difference): HTMLElement {
    return el("li", { "data-kind": d.kind },
      el("span", { class: "tag" }, d.kind), el("span", { class: "what" }, d.text),
      ...d.calls.slice(0, 6).map((call) => el("button", { type: "button", class: "quiet", title: "only this call", click: () => this.pick(call) }, el("code", {}, call))));
  }
}

/** What differs of each call, by its name. */
export function differing(c: Comparison | null): Map<string, string> {
  const of = new Map<string, string>();
  for (const d of c?.differences ?? []) for (const call of d.calls) of.set(call, [of.get(call), d.kind].filter(Boolean).join(", "));
  return of;
}
