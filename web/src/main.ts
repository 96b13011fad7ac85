import type { Page } from "./contract";
import { VERSION } from "./contract";
import { el, keepFocus } from "./dom";
import { show } from "./page";
import { answer } from "./side";
import { viewOf } from "./state";
import { count } from "./words";

async function start(root: HTMLElement): Promise<void> {
  const page = JSON.parse(document.getElementById("data")!.textContent!) as Page;
  if (page.version !== VERSION) throw new Error(`the data is of version ${page.version}, the page reads ${VERSION}`);
  if (!page.live) {
    await show(root, [page], false, () => {});
    return;
  }
  document.title = page.head.title;
  const far = new Progress();
  root.before(far.box);
  const paths = page.sides === 2 ? ["", "b/"] : [""];
  let end = () => {};
  let shown = "";
  let rows = -1;
  let there = false;
  let whole = false;
  let changed = (_view: string) => {};
  for (;;) {
    const part = viewOf(location.hash);
    const asked = part?.join() ?? "";
    const query = part ? `?from=${Math.max(0, Math.floor(part[0]))}&to=${Math.ceil(part[1])}` : "";
    const next = await Promise.all(paths.map((p) => answer<Page>(`${p}data.json${query}`))).catch((err: unknown) => {
      if (!there) throw err;
      far.fail(err);
    });
    if (!next) {
      // What is shown stays, and may be asked for again.
      await new Promise<void>((again) => {
        changed = (view) => view !== asked && again();
        if (!whole) setTimeout(again, 2000);
      });
      continue;
    }
    const done = next.every((n) => n.reading.of === 0);
    const { following } = next[0]!.reading;
    far.tell(next);
    changed = () => {};
    const same = following && next[0]!.reading.rows === rows && asked === shown;
    if (next.every((n) => n.head.title) && (done || next.length === 1) && !same) {
      end();
      const box = el("main", { id: "page" });
      const focus = keepFocus(root);
      root.replaceWith(box);
      root = box;
      const at = scrollY;
      end = await show(root, next, part !== null, (view) => changed(view));
      scrollTo(0, at);
      focus(root);
      shown = asked;
      there = true;
      whole = done;
      rows = next[0]!.reading.rows;
    }
    if (done) {
      // Of another stretch of time there may be more detail.
      await new Promise<void>((again) => {
        let timer = 0;
        changed = (view) => {
          clearTimeout(timer);
          if (view !== shown) timer = window.setTimeout(again, 250);
        };
        changed(viewOf(location.hash)?.join() ?? "");
      });
    } else {
      await new Promise((again) => setTimeout(again, following ? 1000 : 400));
      if (following) await far.free(root);
    }
  }
}

/** How far the capture has been read, or that it is followed. */
class Progress {
  private readonly bar = el("progress", {});
  private readonly text = el("span", { role: "status" }, "reading the capture ");
  private readonly pause = el("button", { type: "button", hidden: true, click: () => this.toggle() }, "pause");
  readonly box = el("p", { class: "reading" }, this.text, this.bar, this.pause);
  private paused = false;
  private resume: (() => void) | null = null;
  private pressed = false;

  constructor() {
    addEventListener("pointerdown", () => (this.pressed = true));
    addEventListener("pointerup", () => (this.pressed = false));
    document.addEventListener("hold", () => {
      if (!this.paused && !this.pause.hidden) this.toggle();
    });
  }

  tell(pages: Page[]): void {
    const reading = pages.find((p) => p.reading.of !== 0)?.reading;
    this.box.hidden = !reading;
    this.bar.hidden = this.pause.hidden = true;
    if (!reading) return;
    this.text.textContent = "reading the capture ";
    if (reading.following) {
      this.text.textContent = `following the recording: ${count(reading.rows)} events so far `;
      this.pause.hidden = false;
      return;
    }
    this.bar.hidden = false;
    if (reading.of > 0) {
      this.bar.max = reading.of;
      this.bar.value = reading.rows;
    }
  }

  /** Says why there is no more than what is shown. */
  fail(err: unknown): void {
    this.box.hidden = false;
    this.bar.hidden = this.pause.hidden = true;
    this.text.textContent = `${why(err)}; what is shown stays`;
  }

  private toggle(): void {
    this.paused = !this.paused;
    this.pause.textContent = this.paused ? "go on" : "pause";
    if (!this.paused) this.resume?.();
  }

  /** Waits while the user holds the page as it is: by the button, with the mouse, in a dialog. */
  async free(root: HTMLElement): Promise<void> {
    if (this.paused) await new Promise<void>((go) => (this.resume = go));
    while (this.pressed || root.querySelector("dialog[open]")) await new Promise((again) => setTimeout(again, 100));
  }
}

const why = (err: unknown) => (err instanceof Error ? err.message : String(err));

const root = document.getElementById("page")!;
start(root).catch((err: unknown) => {
  root.replaceChildren(el("p", { class: "none", role: "alert" }, `This page cannot be shown: ${why(err)}`));
});
