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

/** The statement that stores a rating; a later one for the same request replaces an earlier one, whichever comes first. */
export function feedbackStatement(db: D1Database, feedback: Feedback): D1PreparedStatement {
  const { request_id, key_id, tenant, rating, comment, created_at_ms } = feedback;
  return db
    .prepare(
      `INSERT INTO feedback (request_id, key_id, tenant, rating, comment, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (request_id, key_id) DO UPDATE SET
         rating = excluded.rating, comment = excluded.comment, created_at_ms = excluded.created_at_ms
       WHERE excluded.created_at_ms >= feedback.created_at_ms`,
    )
    .bind(request_id, key_id, tenant, rating, comment, created_at_ms);
}

/** How many ratings were given since then, and their mean; null without any. */
export async function ratingsSince(
  db: D1Database,
  from_ms: number,
): Promise<{ rating_mean: number | null; ratings: number }> {
  const sql = "SELECT avg(rating) AS rating_mean, count(*) AS ratings FROM feedback WHERE created_at_ms >= ?1";
  const row = await db.prepare(sql).bind(from_ms).first<{ rating_mean: number | null; ratings: number }>();
  return row ?? { rating_mean: null, ratings: 0 };
}
