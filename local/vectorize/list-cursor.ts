/** The opaque cursor of a list of vector ids: where to go on, and until when that is allowed. */
import { badRequest } from "./errors.ts";

export function encodeCursor(last_id: string, expires_at_ms: number): string {
  return Buffer.from(JSON.stringify([last_id, expires_at_ms])).toString("base64url");
}

/** The id after which the next page begins. */
export function decodeCursor(cursor: string, now_ms: number): string {
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    decoded = undefined;
  }
  const [last_id, expires_at_ms] = Array.isArray(decoded) ? decoded : [];
  if (typeof last_id !== "string" || typeof expires_at_ms !== "number")
    throw badRequest("cursor", "cursor is not one that a list of vectors returned");
  if (expires_at_ms <= now_ms) throw badRequest("cursor", "cursor has expired; start the list again");
  return last_id;
}
