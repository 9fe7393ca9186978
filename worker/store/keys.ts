/** API keys in D1. Every function takes the database; hashing and permission are the callers' business. */
import { RATE_TIERS, type RateTier, SCOPES, type Scope } from "../ground/principal.ts";

export interface KeyRecord {
  id: string;
  name: string;
  tenant: string;
  /** HMAC of the secret, 64 hex digits; must never leave the Worker. */
  secret_hash: string;
  scopes: readonly Scope[];
  rate_tier: RateTier;
  daily_quota: number | null;
  created_at_ms: number;
  expires_at_ms: number | null;
  revoked_at_ms: number | null;
}

/** What may change in a key's life. Id, tenant and secret never do. */
type KeyChange = Partial<Pick<KeyRecord, "name" | "scopes" | "rate_tier" | "daily_quota" | "expires_at_ms">>;

/** Where a page of the list ended: keys are ordered from the newest, by creation, then id. */
export interface KeyPosition {
  created_at_ms: number;
  id: string;
}

interface Row extends Omit<KeyRecord, "scopes" | "rate_tier"> {
  scopes: string;
  rate_tier: string;
}

/** The key, revoked and expired ones included; null when there is none. */
export async function readKey(db: D1Database, id: string): Promise<KeyRecord | null> {
  const row = await db.prepare("SELECT * FROM api_keys WHERE id = ?1").bind(id).first<Row>();
  return row ? toRecord(row) : null;
}

export async function insertKey(db: D1Database, key: KeyRecord): Promise<void> {
  await db
    .prepare(
      `INSERT INTO api_keys
         (id, name, tenant, secret_hash, scopes, rate_tier, daily_quota, created_at_ms, expires_at_ms, revoked_at_ms)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    )
    .bind(
      key.id,
      key.name,
      key.tenant,
      key.secret_hash,
      JSON.stringify(key.scopes),
      key.rate_tier,
      key.daily_quota,
      key.created_at_ms,
      key.expires_at_ms,
      key.revoked_at_ms,
    )
    .run();
}

/**
 * Writes at least one of a key's changeable fields and returns the key as it is now; null when there is no such key
 * in `tenant` (null: any tenant).
 */
export async function updateKey(
  db: D1Database,
  id: string,
  tenant: string | null,
  change: KeyChange,
): Promise<KeyRecord | null> {
  const columns = Object.entries(change)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => ({ column, value: Array.isArray(value) ? JSON.stringify(value) : value }));
  const assignments = columns.map(({ column }, index) => `${column} = ?${index + 3}`).join(", ");
  const row = await db
    .prepare(`UPDATE api_keys SET ${assignments} WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) RETURNING *`)
    .bind(id, tenant, ...columns.map(({ value }) => value))
    .first<Row>();
  return row ? toRecord(row) : null;
}

/** Marks a key revoked, the first time only; null when there is no such key in `tenant` (null: any tenant). */
export async function revokeKey(
  db: D1Database,
  id: string,
  tenant: string | null,
  now_ms: number,
): Promise<KeyRecord | null> {
  const row = await db
    .prepare(
      `UPDATE api_keys SET revoked_at_ms = COALESCE(revoked_at_ms, ?3)
       WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2) RETURNING *`,
    )
    .bind(id, tenant, now_ms)
    .first<Row>();
  return row ? toRecord(row) : null;
}

/** One page of keys, newest first; `tenant` null lists those of all tenants. */
export async function listKeys(
  db: D1Database,
  tenant: string | null,
  after: KeyPosition | null,
  limit: number,
): Promise<KeyRecord[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM api_keys
       WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR (created_at_ms, id) < (?2, ?3))
       ORDER BY created_at_ms DESC, id DESC LIMIT ?4`,
    )
    .bind(tenant, after?.created_at_ms ?? null, after?.id ?? null, limit)
    .all<Row>();
  return results.map(toRecord);
}

/** Values a newer or older version of the Worker wrote are dropped rather than trusted: a key may lose, never gain. */
function toRecord(row: Row): KeyRecord {
  const stored: unknown = JSON.parse(row.scopes);
  return {
    ...row,
    scopes: SCOPES.filter((scope) => Array.isArray(stored) && stored.includes(scope)),
    rate_tier: RATE_TIERS.find((tier) => tier === row.rate_tier) ?? "low",
  };
}
