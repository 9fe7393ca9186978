/** Under which headings a place in a chunk stands. Pure. */
import type { DocumentFormat } from "../../ground/document.ts";
import { scanMarkdown } from "./markdown-blocks.ts";

/** Between headings, outermost first. */
export const HEADING_SEPARATOR = " › ";

/**
 * The headings above offset `at` of a chunk's text: its own heading, which all of the chunk stands under, and those that its text
 * has before that place. Without the document's title, as the chunk's heading is.
 */
export function headingPathAt(
  { title, heading, text, format }: { title: string; heading: string; text: string; format?: DocumentFormat },
  at: number,
): string {
  if (format === "code" || format === "text") return heading;
  const inner: { level: number; title: string }[] = [];
  for (const block of scanMarkdown(text)) {
    if (block.start > at) break;
    if (block.kind !== "heading") continue;
    const level = block.level ?? 1;
    while ((inner.at(-1)?.level ?? 0) >= level) inner.pop();
    inner.push({ level, title: block.title ?? "" });
  }
  const named = inner.map((one) => one.title).filter((name) => name !== "");
  if (named[0] === title.trim()) named.shift();
  const [first] = named;
  if (first === undefined) return heading;
  const outer = heading === "" ? [] : heading.split(HEADING_SEPARATOR);
  // The chunk's own heading names the first of them too where the whole chunk stands under it.
  const shared = outer.indexOf(first);
  return [...(shared < 0 ? outer : outer.slice(0, shared)), ...named].join(HEADING_SEPARATOR);
}
