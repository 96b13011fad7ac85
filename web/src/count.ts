import type { Page, Sequences } from "./contract";
import type { Known } from "./sequences";
import { hold } from "./dom";
import { count } from "./words";

/** A choice of calls, as the command line has it. */
export interface Choice {
  args: string[];
  less: number | null; // ns: an upper bound of latency, which the command line has not
  calls: number; // about how many calls it has
}

export const AT_ONCE = 1_000_000; // calls whose sequences are counted without being asked to

/** The sequences that a page holds itself: those of everything, and of single threads. */
export function held(page: Page, choice: Choice): Known<Sequences> {
  const whole = page.sequences!;
  const { args } = choice;
  if (args.length === 0 && choice.less === null) return { of: whole, note: "", waiting: false };
  const thread = args.length === 1 && choice.less === null ? page.threads.find((t) => args[0] === `--tid=${t.tid}`) : undefined;
  if (thread) return { of: thread.sequences, note: "", waiting: false };
  const others = page.threads.length ? `, and those of ${count(page.threads.length)} busy threads each` : "";
  return { of: whole, note: `of all calls: this file holds those of everything${others}; of the selection, the command tells them`, waiting: false };
}

/** Asks a server for what it must read the captures again for, once the selection rests. */
export class Counting<T> {
  private shown: Known<T> = { of: null, note: "", waiting: false };
  private key: string | null = null;
  private wanted = false;
  private timer = 0;
  private asking: AbortController | null = null;

  constructor(
    private readonly ask: (query: URLSearchParams, signal: AbortSignal) => Promise<T>,
    private readonly changed: () => void,
    ended: AbortSignal,
    private readonly atOnce = AT_ONCE,
  ) {
    ended.addEventListener("abort", () => this.stop());
  }

  /** Asks this time, and from now on, however many calls there are. */
  want(): void {
    hold();
    this.wanted = true;
    this.key = null;
    this.changed();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.asking = null;
  }

  of(choice: Choice, more = ""): Known<T> {
    const query = new URLSearchParams(more);
    for (const a of choice.args) query.append("arg", a);
    if (choice.less !== null) query.set("less", String(choice.less));
    const key = query.toString();
    if (key === this.key) return this.shown;
    this.key = key;
    this.stop();
    if (!this.wanted && choice.calls > this.atOnce) {
      this.shown = { of: null, note: `the capture is read for it: ${count(choice.calls)} calls are selected`, waiting: false };
      return this.shown;
    }
    this.shown = { of: this.shown.of, note: "reading…", waiting: true };
    const asking = (this.asking = new AbortController());
    this.timer = window.setTimeout(() => {
      this.ask(query, asking.signal).then(
        (of) => this.settle(asking, { of, note: "", waiting: false }),
        (err: unknown) => this.settle(asking, { of: null, note: err instanceof Error ? err.message : String(err), waiting: false }),
      );
    }, 200);
    return this.shown;
  }

  private settle(asking: AbortController, known: Known<T>): void {
    if (asking !== this.asking) return;
    this.shown = known;
    this.changed();
  }
}
