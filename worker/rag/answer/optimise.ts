/**
 * The token optimiser: of the chunks that retrieval found, only the sentences worth their tokens reach the model.
 *
 * Every unit (sentence, code block, table, list item) has a chance to hold the answer (`relevance.ts`) and a price in
 * tokens; a unit is sent when it buys enough chance for each token. So a clear question about one chunk costs a few
 * sentences, and an unclear one spreads over several chunks. Pure and deterministic.
 */

import type { DocumentFormat } from "../../ground/document.ts";
import { estimateTokens } from "../text/tokens.ts";
import { evidence } from "./evidence.ts";
import { readQuestion } from "./question.ts";
import { readHit } from "./reading.ts";
import { type ScoredUnit, scoreUnits } from "./relevance.ts";

/** What the optimiser needs of a retrieval hit. */
export interface OptimisableHit {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  text: string;
  /** Undefined for prose. */
  format?: DocumentFormat;
  /** Estimated tokens of `text`. */
  token_count: number;
  /** `fused` compares hits of one list; higher is better. */
  scores: { fused: number };
}

/** The part of a chunk that is sent: `text` is the slices `spans` of the chunk, " … " where something was left out. */
export interface Passage {
  chunk_id: number;
  title: string;
  heading: string;
  text: string;
  /** `[start, end)` offsets into the chunk's text, in order. */
  spans: [number, number][];
}

interface OptimisedContext {
  /** Best chunk first. Empty only without hits. */
  passages: Passage[];
  /** Estimated tokens of the passages, labels and openers included. */
  tokens: number;
  /** The same for all hits whole. */
  tokens_before: number;
  /** Chunks of which nothing is sent. */
  dropped: number[];
  /** How much of the question the hits speak of: `evidence.ts`. */
  evidence: number;
}

/** Of five hits, a token is spent when it raises the chance that the answer is in the context by this much: 1 % for 29 tokens. */
const CHANCE_PER_TOKEN_MIN = 0.000_35;
/**
 * In a flat ranking, where more than `HITS_MIN` hits are likely, each place holds a smaller share of the chance, and many small ones
 * left out lose as much as a large one: a token may buy less, by this power of how many more hits they are.
 */
const FLATNESS_POWER = 2;
/** However many more are likely: what is spent for the ninth buys next to nothing. */
const HITS_PRICED_MAX = 8;
/** Sentences are chosen from this many hits: in a clear ranking deeper ones hardly ever hold what the first do not. */
const HITS_MIN = 5;
/** And from those whose score is at least this share of the best's: in a flat ranking the answer may be in any. */
const SCORE_SHARE_MIN = 0.6;
/** The documents of so many hits are taken to be what the question is about. */
const LEADING_HITS = 3;
/** Chunks that share more than this part of their words (Jaccard) say the same; the better ranked one is kept. */
const DUPLICATE_SIMILARITY = 0.8;
/** Stands for what was left out: inside a line of prose, and on a line of its own beside code, tables and lists. */
const GAP = " … ";
const GAP_LINE = "\n…\n";
/** Of the dearer of the two. */
const GAP_TOKENS = Math.max(estimateTokens(GAP), estimateTokens(GAP_LINE));
/** The opener `<id>` with its line breaks. */
const OPENER_TOKENS = 5;

function overheadTokens(hit: OptimisableHit): number {
  return OPENER_TOKENS + estimateTokens(`${hit.title} ${hit.heading}`);
}

function withoutDuplicates(hits: readonly OptimisableHit[]): OptimisableHit[] {
  const kept: { hit: OptimisableHit; words: Set<string> }[] = [];
  for (const hit of hits) {
    const words = new Set(hit.text.split(" "));
    if (!kept.some((other) => similarity(words, other.words) > DUPLICATE_SIMILARITY)) kept.push({ hit, words });
  }
  return kept.map(({ hit }) => hit);
}

/** Jaccard; 0 where the sizes alone rule a duplicate out. */
function similarity(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (Math.min(a.size, b.size) < DUPLICATE_SIMILARITY * Math.max(a.size, b.size)) return 0;
  let shared = 0;
  for (const word of a) if (b.has(word)) shared++;
  return shared / (a.size + b.size - shared);
}

/**
 * The hits; further chunks of the documents that lead with a score halfway to the best of their document. Search has found the page,
 * which says the words of the question where it begins, and often answers further down in others.
 */
function withLeadingDocumentsRaised(hits: readonly OptimisableHit[]): OptimisableHit[] {
  const best = new Map<string, number>();
  for (const { document_id, scores } of hits.slice(0, LEADING_HITS))
    best.set(document_id, Math.max(best.get(document_id) ?? 0, scores.fused));
  return hits.map((hit) => {
    const { fused } = hit.scores;
    return { ...hit, scores: { fused: Math.max(fused, (fused + (best.get(hit.document_id) ?? 0)) / 2) } };
  });
}

/**
 * Units in order of chance that pay for their tokens, while they fit. The first unit is taken if it fits at all. What stands under a
 * heading brings it along: where options or versions share a chunk, it alone tells of which one the text speaks.
 */
function choose(scored: readonly ScoredUnit[], hits: readonly OptimisableHit[], tokensMax: number): ScoredUnit[] {
  const chosen = new Set<ScoredUnit>();
  const opened = new Set<number>();
  const headings = headingsOf(scored);
  const chance_per_token_min =
    CHANCE_PER_TOKEN_MIN * (HITS_MIN / Math.min(hits.length, HITS_PRICED_MAX)) ** FLATNESS_POWER;
  let spent = 0;
  for (const unit of scored.toSorted((a, b) => b.probability - a.probability)) {
    const hit = hits[unit.rank];
    if (hit === undefined || chosen.has(unit)) continue;
    const price = estimateTokens(hit.text.slice(unit.start, unit.end));
    if (chosen.size > 0 && unit.probability / price < chance_per_token_min) continue;
    // Beside another unit of its chunk it may need a gap; beside none, it opens the passage.
    let cost = price + (opened.has(unit.rank) ? GAP_TOKENS : overheadTokens(hit));
    const heading = headings.get(unit);
    const added = heading !== undefined && !chosen.has(heading) ? [heading, unit] : [unit];
    if (added.length > 1) cost += GAP_TOKENS + estimateTokens(hit.text.slice(heading?.start, heading?.end));
    if (spent + cost > tokensMax) continue;
    for (const one of added) chosen.add(one);
    opened.add(unit.rank);
    spent += cost;
  }
  return [...chosen];
}

/** The heading in its chunk that each unit stands right under. */
function headingsOf(scored: readonly ScoredUnit[]): Map<ScoredUnit, ScoredUnit> {
  const headings = new Map<ScoredUnit, ScoredUnit>();
  let heading: ScoredUnit | undefined;
  for (const unit of scored) {
    if (unit.rank !== heading?.rank) heading = undefined;
    if (unit.kind === "heading") heading = unit;
    else if (heading !== undefined) headings.set(unit, heading);
  }
  return headings;
}

function passageOf(hit: OptimisableHit, chosen: readonly ScoredUnit[]): Passage {
  const spans: [number, number][] = [];
  let text = "";
  let last: ScoredUnit | undefined;
  for (const unit of chosen.toSorted((a, b) => a.start - b.start)) {
    const span = spans.at(-1);
    const piece = hit.text.slice(unit.start, unit.end);
    if (span !== undefined && span[1] === unit.start) {
      span[1] = unit.end;
      text += piece;
    } else {
      const inline = last?.kind === "prose" && unit.kind === "prose";
      text = last === undefined ? piece : text.trimEnd() + (inline ? GAP : GAP_LINE) + piece;
      spans.push([unit.start, unit.end]);
    }
    last = unit;
  }
  for (const span of spans) span[1] = span[0] + hit.text.slice(span[0], span[1]).trimEnd().length;
  const { chunk_id, title, heading } = hit;
  return { chunk_id, title, heading, text: text.trimEnd(), spans };
}

/**
 * The context to send for `query`, from `hits` in ranked order.
 * `max_context_tokens` bounds the estimated tokens of the passages; a bound below the best unit gives no passages.
 */
export function optimise(input: {
  query: string;
  hits: readonly OptimisableHit[];
  max_context_tokens?: number;
}): OptimisedContext {
  const question = readQuestion(input.query);
  const distinct = withLeadingDocumentsRaised(withoutDuplicates(input.hits));
  const read = distinct.map((hit) => readHit(question, hit));
  const score_min = SCORE_SHARE_MIN * Math.max(0, ...read.map(({ fused }) => fused));
  const isLikely = ({ fused }: { fused: number }, place: number): boolean => place < HITS_MIN || fused >= score_min;
  const hits = distinct.filter(({ scores }, place) => isLikely(scores, place));
  const scored = scoreUnits(question, read.filter(isLikely));
  const chosen = choose(scored, hits, input.max_context_tokens ?? Number.POSITIVE_INFINITY);
  const passages = hits.flatMap((hit, rank) => {
    const own = chosen.filter((unit) => unit.rank === rank);
    return own.length === 0 ? [] : [passageOf(hit, own)];
  });
  const sent = new Set(passages.map((passage) => passage.chunk_id));
  return {
    passages,
    tokens: passages.reduce(
      (sum, { title, heading, text }) =>
        sum + OPENER_TOKENS + estimateTokens(`${title} ${heading}`) + estimateTokens(text),
      0,
    ),
    tokens_before: input.hits.reduce((sum, hit) => sum + overheadTokens(hit) + hit.token_count, 0),
    dropped: input.hits.filter((hit) => !sent.has(hit.chunk_id)).map((hit) => hit.chunk_id),
    evidence: evidence(question, read),
  };
}
