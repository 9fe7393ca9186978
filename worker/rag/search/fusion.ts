/**
 * Convex combination of normalised scores (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid
 * Retrieval": better than reciprocal rank fusion and little sensitive to the normalisation). Pure.
 */

export interface Scored {
  id: number;
  /** Higher is better. */
  score: number;
}

/**
 * Cosines that differ by less in all hardly tell one chunk from another: a leg with a smaller span has so much less to say. Stretched to
 * the whole of a leg, the noise between two texts that differ by a number would outweigh the number, which full text has found.
 */
const SIMILARITY_SPAN_MIN = 0.05;

interface Fused {
  id: number;
  /** 0..1 */
  fused: number;
}

/**
 * Both lists merged, best first. What a leg did not list counts 0 there, so a leg's floor is what such a chunk can have at most. Of
 * a text list that was cut off at `depth` that is its worst score, of a shorter one 0: it holds every chunk that has a word of
 * the query. Similarities have no natural floor (bge's hardly fall below 0.5), so their worst listed one is it. Ties keep the legs'
 * own order, full text first, so that pages of one ranking never overlap; so do they where text is alone, whose floor is always 0.
 */
export function fuse(text: readonly Scored[], vector: readonly Scored[], vectorWeight: number, depth: number): Fused[] {
  const shares = new Map<number, number>();
  const add = (list: readonly Scored[], floor: number, weight: number, span_min = 0): void => {
    const span = Math.max(list.reduce((best, { score }) => Math.max(best, score), floor) - floor, span_min);
    for (const { id, score } of list) {
      shares.set(id, (shares.get(id) ?? 0) + weight * (span > 0 ? (score - floor) / span : 1));
    }
  };
  const worst = (list: readonly Scored[]): number =>
    list.reduce((lowest, { score }) => Math.min(lowest, score), Number.POSITIVE_INFINITY);
  add(text, text.length < depth || vector.length === 0 ? 0 : worst(text), 1 - vectorWeight);
  add(vector, worst(vector), vectorWeight, text.length === 0 ? 0 : SIMILARITY_SPAN_MIN);
  return [...shares].map(([id, fused]) => ({ id, fused })).sort((a, b) => b.fused - a.fused);
}
