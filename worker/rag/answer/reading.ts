/** Retrieval hits read for a question, once, for all that is decided from it: evidence and relevance. Pure. */

import { type Unit, units } from "../text/sentences.ts";
import { type Matched, matchQuestion, type Question } from "./question.ts";

/** The part of a retrieval hit that is read. */
interface ReadableHit {
  title: string;
  heading: string;
  text: string;
  /** `fused` compares hits of one list; higher is better. */
  scores: { fused: number };
}

/** A unit with what the question finds in it. */
interface ReadUnit extends Unit, Matched {
  text: string;
}

/** A hit with what the question finds in it. */
export interface ReadHit {
  /** Terms of title and heading, as `Matched.has`. */
  label: Uint8Array;
  units: ReadUnit[];
  fused: number;
}

/** Reads one hit. */
export function readHit(question: Question, hit: ReadableHit): ReadHit {
  const read = units(hit.text).map((unit) => {
    const text = hit.text.slice(unit.start, unit.end);
    return { ...unit, text, ...matchQuestion(text, question) };
  });
  introduce(read);
  return { label: matchQuestion(`${hit.title} ${hit.heading}`, question).has, units: read, fused: hit.scores.fused };
}

/**
 * What the words right before a unit say about it: a code block or table does not repeat the sentence that introduces
 * it, nor a list item the line with the colon above the list.
 */
function introduce(chunk: readonly ReadUnit[]): void {
  let introduction: ReadUnit | undefined;
  for (const unit of chunk) {
    const block = unit.kind === "code" || unit.kind === "table";
    if (introduction !== undefined && (block || (unit.kind === "item" && introduction.text.trimEnd().endsWith(":")))) {
      for (let term = 0; term < unit.has.length; term++) {
        if (introduction.has[term] === 1) unit.has[term] = 1;
      }
    }
    if (unit.kind === "prose" || unit.kind === "heading") introduction = unit;
  }
}
