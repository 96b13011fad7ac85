// Elements are made here, and text goes into them as text: nothing of a capture
// is ever read as markup.

import { SMALL } from "./theme";

type Child = Node | string | null | undefined;
type Props = Record<string, string | number | boolean | ((e: Event) => void) | null | undefined>;

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return furnish(document.createElement(tag), props, children);
}

/** el for the elements of pictures. */
export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/** Asks for the page to stay as it is, though the recording goes on: what was asked for would be gone. */
export function hold(): void {
  document.dispatchEvent(new Event("hold"));
}

function furnish<E extends Element>(e: E, props: Props, children: Child[]): E {
  for (const [name, v] of Object.entries(props)) {
    if (v === null || v === undefined || v === false) continue;
    if (typeof v === "function") e.addEventListener(name, v);
    else e.setAttribute(name, v === true ? "" : String(v));
  }
  e.append(...children.filter((c): c is Node | string => c !== null && c !== undefined));
  return e;
}

/** The font of what is drawn. */
export const FONT = `${SMALL}px system-ui, "DejaVu Sans", sans-serif`;

/** A canvas that is as fine as the screen, drawn anew when its size or the colours change. */
export class Sheet {
  readonly canvas = el("canvas");
  readonly ctx = this.canvas.getContext("2d")!;
  width = 0;
  height = 0;

  constructor(readonly box: HTMLElement) {
    box.append(this.canvas);
  }

  /** Begins a drawing in CSS pixels. */
  begin(height: number): CanvasRenderingContext2D {
    const scale = window.devicePixelRatio || 1;
    this.width = Math.max(50, this.box.clientWidth);
    this.height = height;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${height}px`;
    this.ctx.setTransform(scale, 0, 0, scale, 0, 0);
    this.ctx.clearRect(0, 0, this.width, height);
    this.ctx.font = FONT;
    this.ctx.textBaseline = "middle";
    return this.ctx;
  }
}

const colours = new Map<string, string>();
let looked = 0;

/** A property of the style sheet, as it was when colours were last looked up. */
export function css(name: string): string {
  let value = colours.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    colours.set(name, value);
  }
  return value;
}

/** Looks colours up anew: the user may prefer others now, or prints. */
export function lookUpColours(): void {
  colours.clear();
  looked++;
}

/** What a picture was drawn of last, so that it is drawn anew only when that, the colours or its width differ. */
export class Drawn {
  private last: unknown[] = [];

  differs(box: HTMLElement, ...of: unknown[]): boolean {
    const now = [looked, box.clientWidth, window.devicePixelRatio, ...of];
    const same = now.length === this.last.length && now.every((v, i) => v === this.last[i]);
    this.last = now;
    return !same;
  }
}

/** What can have the focus in a part of the page. */
const focusable = (root: ParentNode) => [...root.querySelectorAll<HTMLElement | SVGElement>("button, input, select, summary, [tabindex]")];

const called = (e: Element) => `${e.tagName} ${e.getAttribute("aria-label") ?? e.textContent ?? ""}`;

/**
 * Remembers what has the focus, and returns what gives it back when it is drawn
 * anew: to the same, or else to the first of the same section.
 */
export function keepFocus(root: ParentNode): (root: ParentNode) => void {
  const old = document.activeElement;
  if (!(old instanceof HTMLElement || old instanceof SVGElement) || !root.contains(old)) return () => {};
  const all = focusable(root);
  const name = called(old);
  const section = old.closest("section");
  const inSection = section ? focusable(section).filter((e) => called(e) === name).indexOf(old) : -1;
  const place = section ? [...root.querySelectorAll("section")].indexOf(section) : -1;
  const at = all.indexOf(old);
  const text = old instanceof HTMLInputElement ? ([old.value, old.selectionStart, old.selectionEnd] as const) : null;
  return (now) => {
    if (document.activeElement === old) return;
    const home = now.querySelectorAll("section")[place];
    const seen = (e: Element) => e.getClientRects().length > 0;
    const list = home ? focusable(home).filter(seen) : [];
    const same = home ? (list.filter((e) => called(e) === name)[inSection] ?? list.find((e) => called(e) === name) ?? list[0]) : focusable(now)[at];
    same?.focus({ preventScroll: true });
    if (text && same instanceof HTMLInputElement) {
      same.value = text[0];
      same.setSelectionRange(text[1], text[2]);
    }
  };
}
