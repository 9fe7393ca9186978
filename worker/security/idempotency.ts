/**
 * `Idempotency-Key`: a POST that is sent twice acts once.
 *
 * The first request reserves its key, the answer is kept for a day and replayed to repetitions. Only successes are
 * kept; a request that failed has done nothing and may be sent again. What is kept is sealed under `KEY_PEPPER`,
 * since it may hold a secret that is shown once (a new API key) and the database must not know it.
 *
 * While a write fence is up nothing can be reserved or kept in D1. R2 stands in then: the write is deferred without being
 * tried, and the deferred answer holds the key until it is a row of D1 again. As long as the fence's row is there, a
 * repetition is looked for in both places.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Env } from "../env.ts";
import { sha256 } from "../ground/digest.ts";
import { Problem } from "../ground/problem.ts";
import { FENCE_RETRY_S, IDEMPOTENCY_ANSWER_CHARS_MAX, IDEMPOTENCY_RESERVATION_MS } from "../limits.ts";
import { answerKey, claimAnswer, findAnswer } from "../store/deferred-writes.ts";
import { isFenced } from "../store/fence.ts";
import {
  type Earlier,
  type HeldKey,
  keepAnswer,
  type Owner,
  readHeld,
  releaseKey,
  reserveKey,
} from "../store/idempotency.ts";
import { describeError } from "../telemetry/log.ts";
import type { App } from "./context.ts";
import { seal, unseal } from "./sealing.ts";
import { pathAndQuery } from "./target.ts";

/** What a repetition gets again, beside the status. */
export interface Answer {
  headers: Record<string, string>;
  body: string;
}

const REPLAYED_HEADERS = ["content-type", "etag", "location"];
const KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;

/**
 * Middleware for JSON POSTs; needs `principal` and, where there is a body, `body_text`. A route whose writes cannot be
 * deferred is refused while a fence is up.
 */
export function idempotent(deferrable: boolean): MiddlewareHandler<App> {
  return async (c, next) => {
    const key = c.req.header("idempotency-key");
    if (key === undefined) return next();
    if (!KEY_PATTERN.test(key)) {
      throw new Problem("invalid-request", "`Idempotency-Key` takes 1 to 128 visible ASCII characters.");
    }
    const owner = { key_id: c.var.work.caller.key_id, idempotency_key: key };
    const request_hash = await sha256(`${c.req.method} ${pathAndQuery(c)}\n${c.var.body_text ?? ""}`);
    const held = await hold(c, owner, request_hash, deferrable);
    if ("earlier" in held) return replay(c, held.earlier, request_hash);
    c.set("idempotency", held);
    await next();
    // A deferred write carries its answer itself.
    if (c.var.deferred !== true) await conclude(c, held);
  };
}

/** Seals an answer for keeping. */
export function sealAnswer(env: Env, answer: Answer): Promise<string> {
  return seal(env.KEY_PEPPER, JSON.stringify(answer));
}

/** The answer of an earlier request, or why it cannot be given. */
export async function replay(c: Context<App>, earlier: Earlier, request_hash: string): Promise<Response> {
  if (earlier.request_hash !== request_hash) {
    throw new Problem("idempotency-key-reused", "This `Idempotency-Key` was used for another request.");
  }
  if (earlier.status === 0) {
    throw new Problem("idempotency-in-progress", "The first request with this `Idempotency-Key` still runs.", {
      retry_after_s: IDEMPOTENCY_RESERVATION_MS / 1000,
    });
  }
  const { headers, body }: Answer = JSON.parse(await unseal(c.env.KEY_PEPPER, earlier.body));
  c.header("idempotency-replayed", "true");
  return c.body(body, { status: earlier.status as ContentfulStatusCode, headers });
}

async function hold(
  c: Context<App>,
  owner: Owner,
  request_hash: string,
  deferrable: boolean,
): Promise<HeldKey | { earlier: Earlier }> {
  const { work } = c.var;
  const { db, packs } = work.stores;
  try {
    const { earlier, fence } = await reserveKey(db, owner, request_hash, work.clock_ms());
    if (earlier && earlier.status !== 0) return { earlier };
    if (fence === "none") return earlier ? { earlier } : { owner, request_hash, reserved: true };
    const deferred = await findAnswer(packs, owner);
    if (deferred) {
      if (!earlier) await releaseKey(db, owner);
      return { earlier: deferred };
    }
    if (earlier) return { earlier };
    // It may have moved from R2 to D1 between the two looks, over our reservation.
    const now = await readHeld(db, owner, work.clock_ms());
    return now && now.status !== 0 ? { earlier: now } : { owner, request_hash, reserved: true };
  } catch (error) {
    if (!isFenced(error) || !deferrable) throw error;
    const earlier = (await findAnswer(packs, owner)) ?? (await readHeld(db, owner, work.clock_ms()));
    return earlier ? { earlier } : { owner, request_hash, reserved: false };
  }
}

async function conclude(c: Context<App>, { owner, request_hash }: HeldKey): Promise<void> {
  const { work } = c.var;
  const { db, packs } = work.stores;
  const { status } = c.res;
  const answer = await answerOf(c.res);
  try {
    if (answer === null) {
      await releaseKey(db, owner);
      return;
    }
    const body = await sealAnswer(c.env, answer);
    await keepAnswer(db, owner, status, body).catch(async (error: unknown) => {
      if (!isFenced(error)) throw error;
      const kept = { owner, request_hash, status, body, created_at_ms: work.clock_ms(), job_id: null };
      await claimAnswer(packs, kept);
      await work.enqueue([{ type: "answer", key: await answerKey(owner) }], FENCE_RETRY_S);
    });
  } catch (error) {
    // The request itself is done: its answer stands, and repetitions get 409 until the reservation lapses.
    work.log("WARN", "an idempotent answer could not be kept", { error: describeError(error) });
  }
}

/** What is to be kept of a response: null for failures and for what is too large or no JSON. */
async function answerOf(response: Response): Promise<Answer | null> {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  if (!response.ok || !isJson) return null;
  const body = await response.clone().text();
  if (body.length > IDEMPOTENCY_ANSWER_CHARS_MAX) return null;
  const headers = REPLAYED_HEADERS.flatMap((name) => {
    const value = response.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return { headers: Object.fromEntries(headers), body };
}
