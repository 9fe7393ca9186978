/**
 * Managing API keys.
 *
 * A key with the admin scope manages the keys of its own tenant; only the bootstrap secret reaches all tenants and
 * opens new ones. An id of another tenant is answered like one that does not exist.
 *
 * Rate tier, daily quota and expiry are the operator's decision, who holds the bootstrap secret: a key gives no more than it has,
 * outlives itself in no other, and one with a quota makes no further keys. A tenant that may manage keys and has no quota and no
 * end manages freely.
 */
import type { z } from "zod";
import { audit } from "../audit/append.ts";
import { type Principal, RATE_TIERS, type RateTier } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import type { keyChange, keyCreation, keyListQuery } from "../schemas/keys.ts";
import { forgetKey } from "../security/key-memory.ts";
import { formatKey, hashSecret, KEY_RANDOM_BYTES } from "../security/keys.ts";
import {
  insertKey,
  type KeyPosition,
  type KeyRecord,
  listKeys,
  revokeKey as revokeRow,
  updateKey,
} from "../store/keys.ts";
import type { Work } from "../work.ts";

/** A page of keys, newest first, without their secrets. */
export async function pageOfKeys(work: Work, { limit, cursor }: z.infer<typeof keyListQuery>) {
  const after = cursor === undefined ? null : readCursor(cursor);
  const records = await listKeys(work.stores.db, reach(work.caller), after, limit + 1);
  const page = records.slice(0, limit);
  const last = page.at(-1);
  const next_cursor = records.length > limit && last ? writeCursor(last) : null;
  return { keys: page.map(viewOf), next_cursor };
}

/** A new key; its text is known here and never again. */
export async function createKey(work: Work, { tenant, expires_at, ...wanted }: z.infer<typeof keyCreation>) {
  const allowed = reach(work.caller);
  if (allowed !== null && tenant !== undefined && tenant !== allowed) {
    throw new Problem("other-tenant", "A key makes keys of its own tenant only; the bootstrap secret makes any.");
  }
  const expires_at_ms = expires_at === undefined ? work.caller.expires_at_ms : expiryOf(expires_at, work.now_ms);
  requireWithinOwn(work.caller, { ...wanted, expires_at_ms });
  if (work.caller.via !== "secret" && work.caller.daily_quota !== null) {
    throw new Problem("operator-only", "A key with a quota makes no further keys: each would have a quota of its own.");
  }
  const { id, secret, key } = formatKey(crypto.getRandomValues(new Uint8Array(KEY_RANDOM_BYTES)));
  const record: KeyRecord = {
    ...wanted,
    rate_tier: wanted.rate_tier ?? defaultTier(work.caller),
    daily_quota: wanted.daily_quota ?? null,
    id,
    tenant: tenant ?? work.caller.tenant,
    secret_hash: await hashSecret(work.env.KEY_PEPPER, secret),
    created_at_ms: work.now_ms,
    expires_at_ms,
    revoked_at_ms: null,
  };
  await insertKey(work.stores.db, record);
  forgetKey(id);
  const { name: _, ...given } = viewOf(record);
  await audit(work, { action: "keys.create", subject: id, detail: given });
  return { ...viewOf(record), key };
}

/** The key as it is after the change. Throws a `no-such-key` problem. */
export async function changeKey(work: Work, id: string, { expires_at, ...fields }: z.infer<typeof keyChange>) {
  const expiry = expires_at === undefined ? {} : { expires_at_ms: expiryOf(expires_at, work.now_ms) };
  const change = { ...fields, ...expiry };
  requireWithinOwn(work.caller, change);
  const changed = viewOf(found(await updateKey(work.stores.db, id, reach(work.caller), change)));
  const { name: _, ...detail } = changed;
  await audit(work, { action: "keys.change", subject: id, detail });
  return changed;
}

/** The revoked key. Throws a `no-such-key` problem. */
export async function revokeKey(work: Work, id: string) {
  const revoked = viewOf(found(await revokeRow(work.stores.db, id, reach(work.caller), work.now_ms)));
  await audit(work, { action: "keys.revoke", subject: id });
  return revoked;
}

/** The tenant whose keys the caller manages; null: all of them. */
function reach(principal: Principal): string | null {
  return principal.via === "secret" ? null : principal.tenant;
}

function defaultTier({ via, rate_tier }: Principal): RateTier {
  return via !== "secret" && rate_tier === "low" ? "low" : "standard";
}

/** Throws an `operator-only` problem where a caller would give more than it has itself. */
function requireWithinOwn(
  caller: Principal,
  { rate_tier, daily_quota, expires_at_ms }: Partial<Pick<Principal, "rate_tier" | "daily_quota" | "expires_at_ms">>,
): void {
  if (caller.via === "secret") return;
  const isTierTooHigh = rate_tier !== undefined && RATE_TIERS.indexOf(rate_tier) > RATE_TIERS.indexOf(caller.rate_tier);
  const field = isTierTooHigh
    ? "rate_tier"
    : isBeyond(daily_quota, caller.daily_quota)
      ? "daily_quota"
      : isBeyond(expires_at_ms, caller.expires_at_ms)
        ? "expires_at"
        : null;
  if (field === null) return;
  throw new Problem(
    "operator-only",
    `A key gives no more than it has: \`${field}\` is raised with the bootstrap secret only.`,
  );
}

/** Null is without bounds; what is not wanted is within them. */
function isBeyond(wanted: number | null | undefined, own: number | null): boolean {
  return wanted !== undefined && own !== null && (wanted === null || wanted > own);
}

function found(record: KeyRecord | null): KeyRecord {
  if (record === null) throw new Problem("no-such-key", "There is no key with this id that you may manage.");
  forgetKey(record.id);
  return record;
}

function expiryOf(expires_at: string | null, now_ms: number): number | null {
  if (expires_at === null) return null;
  const expires_at_ms = Date.parse(expires_at);
  if (expires_at_ms > now_ms) return expires_at_ms;
  throw new Problem("invalid-request", "`expires_at` lies in the past. To end a key now, revoke it.", {
    errors: [{ path: "expires_at", message: "must lie in the future" }],
  });
}

function viewOf(record: KeyRecord) {
  const { secret_hash: _, created_at_ms, expires_at_ms, revoked_at_ms, scopes, ...rest } = record;
  return {
    ...rest,
    scopes: [...scopes],
    created_at: new Date(created_at_ms).toISOString(),
    expires_at: expires_at_ms === null ? null : new Date(expires_at_ms).toISOString(),
    revoked_at: revoked_at_ms === null ? null : new Date(revoked_at_ms).toISOString(),
  };
}

function writeCursor({ created_at_ms, id }: KeyPosition): string {
  return `${created_at_ms}.${id}`;
}

function readCursor(cursor: string): KeyPosition {
  const [, created_at_ms, id] = /^(\d{1,15})\.([a-z0-9]+)$/.exec(cursor) ?? [];
  if (created_at_ms !== undefined && id !== undefined) return { created_at_ms: Number(created_at_ms), id };
  throw new Problem("invalid-request", "`cursor` must be the `next_cursor` of an earlier page.", {
    errors: [{ path: "query.cursor", message: "not a cursor of this list" }],
  });
}
