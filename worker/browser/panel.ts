/** What panels of the dashboard are made of. */
import { el } from "./dom.ts";

/** An answer of the API, or why there is none. */
export type Fetched<T> = { data: T } | { missing: string };

/** A panel with its heading. `name` is its class. */
export function panel(title: string, name: string, ...content: (Node | string)[]): HTMLElement {
  return el("section", { class: `panel ${name}` }, el("h2", {}, title), ...content);
}

/** A panel of an answer, or one that says why there is none. */
export function panelOf<T>(
  title: string,
  name: string,
  answer: Fetched<T>,
  show: (data: T) => (Node | string)[],
): HTMLElement {
  return panel(title, name, ...("data" in answer ? show(answer.data) : [missing(answer.missing)]));
}

export function missing(why: string): HTMLElement {
  return el("p", { class: "missing" }, why);
}

/** Thousands apart: 12 345. */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
}

export function milliseconds(value: number | null): string {
  if (value === null) return "–";
  if (value === 0) return "0 ms";
  return value >= 1_000 ? `${(value / 1_000).toFixed(2)} s` : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

/** 2026-11-29T16:45:00Z as 11-29 16:45. */
export function shortTime(iso: string): string {
  return iso.slice(5, 16).replace("T", " ");
}
