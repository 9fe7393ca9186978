/**
 * Convex combination of min-max normalised scores (Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for
 * Hybrid Retrieval": better than reciprocal rank fusion and little sensitive to the normalisation). Pure.
 */

export interface Scored {
  id: number;
  /** Higher is better; any scale. */
  score: number;
}

export interface Fused {
  id: number;
  text?: number;
  vector?: number;
  /** 0..1 */
  fused: number;
}

/** The worst of a list gets 0 and the best 1. A list without spread says nothing against its members: all get 1. */
export function normalise(list: readonly Scored[]): Map<number, number> {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { score } of list) {
    low = Math.min(low, score);
    high = Math.max(high, score);
  }
  const spread = high - low;
  return new Map(list.map(({ id, score }) => [id, spread > 0 ? (score - low) / spread : 1]));
}

/**
 * Both lists merged, best first. What one leg did not find counts as its worst there. Ties go to the lower id, so
 * that pages of one ranking never overlap.
 */
export function fuse(text: readonly Scored[], vector: readonly Scored[], vectorWeight: number): Fused[] {
  const textShare = normalise(text);
  const vectorShare = normalise(vector);
  const merged = new Map<number, Fused>();
  for (const { id, score } of text) merged.set(id, { id, text: score, fused: 0 });
  for (const { id, score } of vector) {
    const known = merged.get(id);
    if (known === undefined) merged.set(id, { id, vector: score, fused: 0 });
    else known.vector = score;
  }
  for (const entry of merged.values()) {
    entry.fused = (1 - vectorWeight) * (textShare.get(entry.id) ?? 0) + vectorWeight * (vectorShare.get(entry.id) ?? 0);
  }
  return [...merged.values()].sort((a, b) => b.fused - a.fused || a.id - b.id);
}
