/**
 * Whether an answer is the refusal that the prompt asks for, also where its model has decorated it: with a mark, a word before it, a
 * passage that it did not use. Pure.
 *
 * The phrase alone proves nothing, since documents may hold it. An answer that cites is a refusal where no passage that it cites holds the
 * phrase; one that cites nothing, where nothing that the model read does, or where it is the phrase and nothing else.
 */
import { units } from "../text/sentences.ts";
import type { Citation } from "./citations.ts";
import { NOT_FOUND } from "./prompt.ts";

const holdsPhrase = (text: string): boolean => text.toLowerCase().replace(/\s+/g, " ").includes(NOT_FOUND);

const isPhrase = (text: string): boolean =>
  text
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/^[\s"'“*_`]+|[\s.!"'”*_`]+$/g, "") === NOT_FOUND;

/** `read`: all that the model was given to read; `cited`: what of it the answer cites. */
export function refuses(
  answer: string,
  citations: readonly Pick<Citation, "mark_start" | "mark_end">[],
  { read, cited }: { read: readonly string[]; cited: readonly string[] },
): boolean {
  if (citations.length === 0) return isPhrase(answer) || (holdsPhrase(answer) && !read.some(holdsPhrase));
  if (!holdsPhrase(answer) || cited.some(holdsPhrase)) return false;
  const { text, marks } = withoutMarks(answer, citations);
  const said = units(text).filter(({ start, end }) => /[\p{L}\p{N}]/u.test(text.slice(start, end)));
  const [first] = said;
  if (first && isPhrase(text.slice(first.start, first.end))) return true;
  return marks.every((place) => {
    // What a mark stands behind; of one at the very beginning, what follows it.
    const claim = said.findLast(({ start }) => start < place) ?? first;
    return claim !== undefined && holdsPhrase(text.slice(claim.start, claim.end));
  });
}

/** The answer as it reads without its marks, and where they stood in that. */
export function withoutMarks(
  answer: string,
  citations: readonly Pick<Citation, "mark_start" | "mark_end">[],
): { text: string; marks: number[] } {
  let text = "";
  let from = 0;
  const marks: number[] = [];
  for (const { mark_start, mark_end } of citations) {
    // One mark may cite several passages.
    if (mark_start < from) continue;
    text += answer.slice(from, mark_start).trimEnd();
    from = mark_end;
    marks.push(text.length);
  }
  return { text: text + answer.slice(from), marks };
}
