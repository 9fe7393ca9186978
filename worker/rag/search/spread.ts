/**
 * Keeps one long document from filling the first places of a ranking. Pure.
 *
 * Chunks of one document are alike: where one matches, its neighbours match, and so a page of results can be one document that
 * mentions the subject often, before the one that is about it. Each further chunk of a document needs a better score for its place
 * (maximal marginal relevance, Carbonell and Goldstein 1998, with sameness of the document for similarity). The first chunk of each
 * document keeps its score, so the order of documents is as it was.
 */

/** What a further chunk keeps of its score for each of its document before it: less would take good passages away from long documents. */
const FURTHER_CHUNK_SHARE = 0.9;

interface Placed {
  score: number;
  document_id: string;
}

/** The same candidates, best first as they were given, in the order after their documents took turns. Ties keep their order. */
export function spreadDocuments<C extends Placed>(ranked: readonly C[]): C[] {
  const before = new Map<string, number>();
  const worth = ranked.map(({ score, document_id }) => {
    const earlier = before.get(document_id) ?? 0;
    before.set(document_id, earlier + 1);
    return score * FURTHER_CHUNK_SHARE ** earlier;
  });
  return ranked
    .map((candidate, place) => ({ candidate, worth: worth[place] ?? 0 }))
    .sort((a, b) => b.worth - a.worth)
    .map(({ candidate }) => candidate);
}
