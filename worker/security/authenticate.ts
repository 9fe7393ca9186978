/**
 * Who is calling: from a presented credential to a principal, or to one vague refusal.
 *
 * Three kinds are accepted: the bootstrap secret (`API_SECRET`), an API key, and a token that was exchanged for a
 * key. That a credential is genuine never changes, so isolate memory keeps the proof; whether its key still exists,
 * is not revoked and has not expired is asked of `rememberedKey` for every request.
 *
 * Only failures are throttled. Throttling whole addresses would buy nothing against 200-bit secrets and would let
 * one caller behind a shared address lock out the others; how often a stranger can make us look up a key is bounded
 * by the limit per address.
 */
import type { Context } from "hono";
import { RATE_LIMITS } from "../../infra/inventory.ts";
import { audit } from "../audit/append.ts";
import { BoundedMap } from "../ground/bounded-map.ts";
import { sha256 } from "../ground/digest.ts";
import { OPERATOR_TENANT, type Principal } from "../ground/principal.ts";
import { Problem } from "../ground/problem.ts";
import { ISOLATE_ENTRIES_MAX, THROTTLED_TOLD_EVERY_MS } from "../limits.ts";
import type { KeyRecord } from "../store/keys.ts";
import type { Work } from "../work.ts";
import { clientAddress } from "./address.ts";
import type { App } from "./context.ts";
import { type Credential, equalInConstantTime, type Proof, presentedText } from "./credential.ts";
import { rememberedKey } from "./key-memory.ts";
import { hashSecret, parseKey } from "./keys.ts";
import { looksLikeToken, readToken } from "./tokens.ts";

/** Exact reasons, for the log only; outside, every one of them is the same 401. */
type Refusal =
  | "no credential"
  | "malformed"
  | "neither a key nor a token"
  | "unknown key"
  | "wrong secret"
  | "invalid or expired token"
  | "key revoked"
  | "key expired";

const proofs = new BoundedMap<Proof>(ISOLATE_ENTRIES_MAX);

const BOOTSTRAP: Principal = {
  key_id: "bootstrap",
  via: "secret",
  tenant: OPERATOR_TENANT,
  scopes: ["admin"],
  rate_tier: "high",
  daily_quota: null,
  expires_at_ms: null,
};

/** Reads the credential and looks for its proof in memory, without touching any store. */
export async function inspectCredential(c: Context<App>): Promise<{ proven: boolean }> {
  const text = presentedText(c.req.raw.headers);
  if (text === null || text === "malformed") {
    c.set("credential", { presented: text, proof: null });
    return { proven: false };
  }
  const digest = await sha256(text);
  const proof = proofs.get(digest) ?? null;
  c.set("credential", { presented: { text, digest }, proof });
  return { proven: proof !== null };
}

/** The caller, or a thrown 401 (429 after too many of them from one address, 503 when keys cannot be read). */
export async function authenticate(c: Context<App>): Promise<Principal> {
  const { presented, proof } = c.get("credential");
  if (presented === null) throw refusal("no credential");
  const outcome = presented === "malformed" ? "malformed" : await identify(c.var.work, presented, proof);
  if (typeof outcome !== "string") return outcome;

  if (presented !== "malformed") proofs.delete(presented.digest);
  throw await throttled(c, refusal(outcome));
}

/**
 * Lets Cloudflare's notifications in, which present the webhook's secret as `cf-webhook-auth`: anything else is a thrown
 * 401 (429 after too many). https://developers.cloudflare.com/notifications/get-started/configure-webhooks/
 */
export async function authenticateWebhook(c: Context<App>): Promise<void> {
  const { ALERT_WEBHOOK_SECRET, ALERT_WEBHOOK_SECRET_PREVIOUS } = c.env;
  const presented = c.req.header("cf-webhook-auth") ?? "";
  if (await isOneOf([ALERT_WEBHOOK_SECRET, ALERT_WEBHOOK_SECRET_PREVIOUS], await sha256(presented))) return;
  const detail = "This route is for Cloudflare's notifications: they send the webhook's secret as `cf-webhook-auth`.";
  const headers = { "www-authenticate": 'Webhook realm="prism"' };
  const cause = presented === "" ? "no webhook secret" : "wrong webhook secret";
  throw await throttled(c, new Problem("not-authenticated", detail, { headers, cause }));
}

/** The refusal, or 429 in its place after too many of them from one address. */
async function throttled(c: Context<App>, problem: Problem): Promise<Problem> {
  const { success } = await c.env.RATE_AUTH_FAILURES.limit({ key: clientAddress(c) });
  if (success) return problem;
  tellThrottled(c.var.work, clientAddress(c));
  return new Problem("too-many-failures", "Too many failed authentications from this address.", {
    retry_after_s: RATE_LIMITS.auth_failures.period_s,
    cause: problem.cause,
  });
}

let told_next_ms = 0;

/** In the audit log, but seldom: whoever tries keys by the thousand must not fill it. */
function tellThrottled(work: Work, address: string): void {
  if (work.now_ms < told_next_ms) return;
  told_next_ms = work.now_ms + THROTTLED_TOLD_EVERY_MS;
  work.later(audit(work, { action: "auth.throttled", subject: address, outcome: "refused" }));
}

async function identify(work: Work, { text, digest }: Credential, known: Proof | null): Promise<Principal | Refusal> {
  const { now_ms } = work;
  const proof = known ?? (await prove(work, text, digest));
  if (typeof proof === "string") return proof;
  if (proof.via === "secret") {
    proofs.set(digest, proof);
    return BOOTSTRAP;
  }
  if (proof.via === "token" && proof.expires_at_ms <= now_ms) return "invalid or expired token";
  const record = await rememberedKey(work, proof.key_id);
  if (record === null) return "unknown key";
  if (proof.via === "key" && proof.secret_hash !== record.secret_hash) return "wrong secret";
  if (record.revoked_at_ms !== null) return "key revoked";
  if (record.expires_at_ms !== null && record.expires_at_ms <= now_ms) return "key expired";
  proofs.set(digest, proof);
  return principalOf(record, proof.via);
}

/** Establishes whether a credential is genuine. */
async function prove(work: Work, text: string, digest: string): Promise<Proof | Refusal> {
  const { env } = work;
  const key = parseKey(text);
  if (key) {
    const record = await rememberedKey(work, key.id);
    // Hashed also when there is no such key, so that the time taken does not tell which ids exist.
    const secret_hash = await hashSecret(env.KEY_PEPPER, key.secret);
    if (record === null) return "unknown key";
    return equalInConstantTime(secret_hash, record.secret_hash)
      ? { via: "key", key_id: key.id, secret_hash }
      : "wrong secret";
  }
  if (await isOneOf([env.API_SECRET, env.API_SECRET_PREVIOUS], digest)) return { via: "secret" };
  if (!looksLikeToken(text)) return "neither a key nor a token";
  const token = await readToken(text, [env.JWT_SECRET, env.JWT_SECRET_PREVIOUS], work.now_ms);
  return token ? { via: "token", ...token } : "invalid or expired token";
}

/** Whether a digest is that of one of the secrets; an empty one (no rotation under way) is nobody's. */
async function isOneOf(secrets: readonly string[], digest: string): Promise<boolean> {
  let matches = false;
  for (const secret of secrets) {
    if (secret !== "" && equalInConstantTime(digest, await sha256(secret))) matches = true;
  }
  return matches;
}

function principalOf(record: KeyRecord, via: "key" | "token"): Principal {
  const { id, tenant, scopes, rate_tier, daily_quota, expires_at_ms } = record;
  return { key_id: id, via, tenant, scopes, rate_tier, daily_quota, expires_at_ms };
}

function refusal(reason: Refusal): Problem {
  const missing = reason === "no credential";
  const detail = missing
    ? "This route needs a key: send `Authorization: Bearer <key>` or `X-API-Key: <key>`."
    : "The key, secret or token is not valid (any more).";
  const challenge = missing ? 'Bearer realm="prism"' : 'Bearer realm="prism", error="invalid_token"';
  return new Problem("not-authenticated", detail, { headers: { "www-authenticate": challenge }, cause: reason });
}
