/** The contexts that the optimiser is compared with: what a service without one would send. Pure. */
import type { UnmarkedPassage } from "../../worker/rag/answer/prompt.ts";

/** A ranked hit as `POST /api/v1/search` returns it, as far as it is needed here. */
export interface RankedHit {
  chunk_id: number;
  document_id: string;
  title: string;
  heading: string;
  text: string;
}

/** A whole document: what `document_id` of a hit, or the article it is a paragraph of, stands for. */
export interface WholeDocument {
  title: string;
  text: string;
}

/** One way to fill the prompt for one question. */
export interface PolicyContext {
  /** `documents` or `top-K`. */
  name: string;
  passages: UnmarkedPassage[];
}

/** Sizes of k that are measured. */
export const TOP_K = [1, 2, 3, 5, 10] as const;
/** `documents` sends, each once and whole, the documents that this many best hits come from. */
const DOCUMENTS_OF_TOP = 3;

/**
 * The baseline contexts for ranked `hits`. `documentOf` gives the whole document of a hit with a key that tells
 * documents apart; several hits of one document send it once, at the place of the best of them.
 */
export function baselineContexts(
  hits: readonly RankedHit[],
  documentOf: (hit: RankedHit) => { key: string; document: WholeDocument },
): PolicyContext[] {
  const documents = new Map<string, UnmarkedPassage>();
  for (const hit of hits.slice(0, DOCUMENTS_OF_TOP)) {
    const { key, document } = documentOf(hit);
    if (documents.has(key)) continue;
    documents.set(key, { title: document.title, heading: "", text: document.text });
  }
  return [
    { name: "documents", passages: [...documents.values()] },
    ...TOP_K.map((k) => ({ name: `top-${k}`, passages: hits.slice(0, k) })),
  ];
}
