/**
 * Convex combination of normalised scores (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid
 * Retrieval": better than reciprocal rank fusion and little sensitive to the normalisation). Pure.
 */

export interface Scored {
  id: number;
  /** Higher is better. */
  score: number;
}

interface Fused {
  id: number;
  /** 0..1 */
  fused: number;
}

/**
 * Both lists merged, best first. Full text is divided by its best score, since bm25's floor is 0 whatever was found.
 * Similarities have no natural floor (bge's hardly fall below 0.5), so their worst listed one is it. What a leg did
 * not find counts 0 there. Ties keep the legs' own order, full text first, so that pages of one ranking never overlap.
 */
export function fuse(text: readonly Scored[], vector: readonly Scored[], vectorWeight: number): Fused[] {
  const shares = new Map<number, number>();
  const add = (list: readonly Scored[], floor: number, weight: number): void => {
    const span = list.reduce((best, { score }) => Math.max(best, score), floor) - floor;
    for (const { id, score } of list) {
      shares.set(id, (shares.get(id) ?? 0) + weight * (span > 0 ? (score - floor) / span : 1));
    }
  };
  add(text, 0, 1 - vectorWeight);
  add(
    vector,
    vector.reduce((worst, { score }) => Math.min(worst, score), Number.POSITIVE_INFINITY),
    vectorWeight,
  );
  return [...shares].map(([id, fused]) => ({ id, fused })).sort((a, b) => b.fused - a.fused);
}
