/** Retrieval hits read for a question, once, for all that is decided from it: evidence and relevance. Pure. */

import type { DocumentFormat } from "../../ground/document.ts";
import { type Unit, units } from "../text/sentences.ts";
import { type Matched, matchQuestion, type Question } from "./question.ts";

/** The part of a retrieval hit that is read. */
interface ReadableHit {
  title: string;
  heading: string;
  text: string;
  /** Undefined for prose. */
  format?: DocumentFormat;
  /** `fused` compares hits of one list; higher is better. */
  scores: { fused: number };
}

/** A unit with what the question finds in it. */
interface ReadUnit extends Unit, Matched {
  text: string;
  /** Terms of title, heading and the headings above it in its hit, as `Matched.has`. */
  above: Float64Array;
}

/** A hit with what the question finds in it. */
export interface ReadHit {
  /** Terms of title and heading, as `Matched.has`. */
  label: Float64Array;
  units: ReadUnit[];
  /** Whether title, heading, text or an address in it has each of the names that the question cannot do without. */
  names: boolean[];
  fused: number;
}

/** Reads one hit. A chunk of code is one unit. */
export function readHit(question: Question, hit: ReadableHit): ReadHit {
  const label = `${hit.title} ${hit.heading}`;
  const named = matchQuestion(label, question).has;
  let above = named;
  const tiles: Unit[] = hit.format === "code" ? [{ start: 0, end: hit.text.length, kind: "code" }] : units(hit.text);
  const read = tiles.map((unit) => {
    const text = hit.text.slice(unit.start, unit.end);
    const matched = matchQuestion(text, question);
    if (question.extremes.length > 0 && question.form?.test(text))
      for (const term of question.extremes) matched.has[term] = 1;
    if (unit.kind === "heading") above = matched.has.map((has, term) => Math.max(has, named[term] ?? 0));
    return { ...unit, text, above, ...matched };
  });
  introduce(read);
  return {
    label: named,
    units: read,
    names: namesOf(question, `${label} ${hit.text}`),
    fused: hit.scores.fused,
  };
}

function namesOf({ named }: Question, text: string): boolean[] {
  // Markdown may escape what a name consists of: snake\_case.
  const plain = text.replaceAll("\\", "");
  return named.map((name) => name.test(plain));
}

/**
 * What the words right before a unit say about it: a code block or table does not repeat the sentence that introduces
 * it, nor a list item the line with the colon above the list.
 */
function introduce(chunk: readonly ReadUnit[]): void {
  let introduction: ReadUnit | undefined;
  /** What the introduction says, with what it points back to: "Use `x` for that:" says what `x` is used for in the sentence before. */
  let said: Float64Array | undefined;
  for (const [place, unit] of chunk.entries()) {
    const block = unit.kind === "code" || unit.kind === "table";
    if (introduction !== undefined && (block || (unit.kind === "item" && introduction.text.trimEnd().endsWith(":")))) {
      add(unit.has, said);
    }
    if (chunk[place - 1]?.kind === "heading" && unit.kind === "prose") add(unit.has, introduction?.has);
    if (unit.kind === "prose" || unit.kind === "heading") {
      const before = introduction?.kind === "prose" && pointsBack(unit.text) ? said : undefined;
      said = before === undefined ? unit.has : unit.has.map((has, term) => Math.max(has, before[term] ?? 0));
      introduction = unit;
    }
  }
}

function add(has: Float64Array, others: Float64Array | undefined): void {
  for (let term = 0; term < has.length; term++) has[term] = Math.max(has[term] ?? 0, others?.[term] ?? 0);
}

/** A sentence that begins like this speaks of something said before it. */
export const POINTS_BACK = /^["“'(]?(?:he|she|it|they|this|these|those|that|such|his|her|its|their|here|there)\b/i;
const POINTS_BACK_WITHIN =
  /\b(?:for|to do|with|by|like|of) (?:this|that|these|those|it|so)\b|\b(?:do|does|doing) so\b/i;

function pointsBack(text: string): boolean {
  return POINTS_BACK.test(text) || POINTS_BACK_WITHIN.test(text);
}
