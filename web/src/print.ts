import { lookUpColours } from "./dom";

/**
 * Makes the page fit for paper while it is printed: in light colours and as wide
 * as a sheet, for pictures are drawn before the browser lays out the sheets; with
 * what is folded away. later draws anew for the screen.
 */
export function forPaper(root: HTMLElement, draw: () => void, later: () => void, signal: AbortSignal): void {
  const page = document.documentElement;
  let opened: HTMLDetailsElement[] = [];
  addEventListener("beforeprint", () => {
    page.classList.add("printing");
    lookUpColours();
    draw();
    opened = [...root.querySelectorAll<HTMLDetailsElement>(":is(.slowest details, details.left-out):not([open])")];
    for (const d of opened) d.open = true;
  }, { signal });
  addEventListener("afterprint", () => {
    page.classList.remove("printing");
    for (const d of opened) d.open = false;
    opened = [];
    lookUpColours();
    later();
  }, { signal });
}
