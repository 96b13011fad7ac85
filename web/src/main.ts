import type { Page } from "./contract";
import { VERSION } from "./contract";
import { el } from "./dom";
import { show } from "./page";
import { answer } from "./side";
import { viewOf } from "./state";

async function start(root: HTMLElement): Promise<void> {
  const page = JSON.parse(document.getElementById("data")!.textContent!) as Page;
  if (page.version !== VERSION) throw new Error(`the data is of version ${page.version}, the page reads ${VERSION}`);
  if (!page.live) {
    await show(root, [page], false, () => {});
    return;
  }
  document.title = page.head.title;
  const bar = el("progress", {});
  const far = el("p", { class: "reading" }, "reading the capture ", bar);
  root.before(far);
  const paths = page.sides === 2 ? ["", "b/"] : [""];
  let end = () => {};
  let shown = "";
  for (;;) {
    const part = viewOf(location.hash);
    const asked = part?.join() ?? "";
    const query = part ? `?from=${Math.max(0, Math.floor(part[0]))}&to=${Math.ceil(part[1])}` : "";
    const next = await Promise.all(paths.map((p) => answer<Page>(`${p}data.json${query}`)));
    const done = next.every((n) => n.reading.of === 0);
    far.hidden = done;
    const reading = next.find((n) => n.reading.of > 0)?.reading;
    if (reading) {
      bar.max = reading.of;
      bar.value = reading.rows;
    }
    let changed = (_view: string) => {};
    if (next.every((n) => n.head.title) && (done || next.length === 1)) {
      end();
      const box = el("main", { id: "page" });
      root.replaceWith(box);
      root = box;
      const at = scrollY;
      end = await show(root, next, part !== null, (view) => changed(view));
      scrollTo(0, at);
      shown = asked;
    }
    if (done) {
      // Of another stretch of time there may be more detail.
      await new Promise<void>((again) => {
        let timer = 0;
        changed = (view) => {
          clearTimeout(timer);
          if (view !== shown) timer = window.setTimeout(again, 250);
        };
        if (next.some((n) => n.head.verify.state === "not checked")) timer = window.setTimeout(again, 1500);
        changed(viewOf(location.hash)?.join() ?? "");
      });
    } else {
      await new Promise((again) => setTimeout(again, 400));
    }
  }
}

const root = document.getElementById("page")!;
start(root).catch((err: unknown) => {
  root.replaceChildren(el("p", { class: "none", role: "alert" }, `This page cannot be shown: ${err instanceof Error ? err.message : String(err)}`));
});
