/** Ratings of answers in D1, at most one a request and key. */

export interface Feedback {
  request_id: string;
  key_id: string;
  tenant: string;
  /** 1 (useless) to 5. */
  rating: number;
  comment: string | null;
  created_at_ms: number;
}

/** Stores a rating; a second one for the same request replaces the first. */
export async function saveFeedback(db: D1Database, feedback: Feedback): Promise<void> {
  const { request_id, key_id, tenant, rating, comment, created_at_ms } = feedback;
  await db
    .prepare(
      `INSERT INTO feedback (request_id, key_id, tenant, rating, comment, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (request_id, key_id) DO UPDATE SET
         rating = excluded.rating, comment = excluded.comment, created_at_ms = excluded.created_at_ms`,
    )
    .bind(request_id, key_id, tenant, rating, comment, created_at_ms)
    .run();
}
