/** What would change in a document if another content took its place. Pure. */
import { z } from "zod";

export interface DocumentContent {
  title: string;
  url: string | null;
  format: string;
  /** JSON. */
  metadata: string;
  text: string;
}

const run = z.strictObject({ lines: z.int(), shown: z.array(z.string()) });

export const documentDifference = z.strictObject({
  fields: z.array(z.enum(["title", "url", "format", "metadata", "text"])),
  /** Between the first and the last line that differ; `shown` are the first of them. Null where the text is the same. */
  text: z.strictObject({ from_line: z.int(), goes: run, comes: run }).nullable(),
});
export type DocumentDifference = z.infer<typeof documentDifference>;

/** `shown_max`: lines of each side. */
export function differenceOf(living: DocumentContent, stored: DocumentContent, shown_max: number): DocumentDifference {
  const fields = documentDifference.shape.fields.element.options.filter((field) => living[field] !== stored[field]);
  if (!fields.includes("text")) return { fields, text: null };
  const [goes, comes] = [living.text.split("\n"), stored.text.split("\n")];
  const shorter = Math.min(goes.length, comes.length);
  let before = 0;
  while (before < shorter && goes[before] === comes[before]) before += 1;
  let after = 0;
  while (after < shorter - before && goes.at(-1 - after) === comes.at(-1 - after)) after += 1;
  const runOf = (lines: readonly string[]) => {
    const changed = lines.slice(before, lines.length - after);
    return { lines: changed.length, shown: changed.slice(0, shown_max) };
  };
  return { fields, text: { from_line: before + 1, goes: runOf(goes), comes: runOf(comes) } };
}
