/**
 * `Idempotency-Key`: a POST that is sent twice acts once.
 *
 * The first request reserves its key, the answer is kept for a day and replayed to repetitions. Only successes are
 * kept; a request that failed has done nothing and may be sent again. What is kept is sealed under `KEY_PEPPER`,
 * since it may hold a secret that is shown once (a new API key) and the database must not know it.
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { App } from "../context.ts";
import { IDEMPOTENCY_ANSWER_CHARS_MAX, IDEMPOTENCY_RESERVATION_MS } from "../limits.ts";
import { Problem } from "../problem.ts";
import { type Earlier, keepAnswer, releaseKey, reserveKey } from "../store/idempotency.ts";
import { describeError, logEvent } from "../telemetry/log.ts";
import { sha256 } from "./digest.ts";
import { seal, unseal } from "./sealing.ts";

/** What a repetition gets again, beside the status. */
interface Answer {
  headers: Record<string, string>;
  body: string;
}

const REPLAYED_HEADERS = ["content-type", "etag", "location"];
const KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;

/** Middleware for JSON POSTs; needs `principal` and, where there is a body, `body_text`. */
export const idempotent: MiddlewareHandler<App> = async (c, next) => {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return next();
  if (!KEY_PATTERN.test(key)) {
    throw new Problem(400, "invalid-request", "`Idempotency-Key` takes 1 to 128 visible ASCII characters.");
  }

  const owner = { key_id: c.get("principal").key_id, idempotency_key: key };
  const request_hash = await sha256(`${c.req.method} ${c.req.path}\n${c.get("body_text") ?? ""}`);
  const timings = c.get("timings");
  const earlier = await timings.measure("db", () => reserveKey(c.env.DB, owner, request_hash, Date.now()));
  if (earlier) return replay(c, earlier, request_hash);

  await next();

  const answer = await answerOf(c.res);
  try {
    if (answer === null) {
      await timings.measure("db", () => releaseKey(c.env.DB, owner));
    } else {
      const sealed = await seal(c.env.KEY_PEPPER, JSON.stringify(answer));
      await timings.measure("db", () => keepAnswer(c.env.DB, owner, c.res.status, sealed));
    }
  } catch (error) {
    // The request itself is done: its answer stands, and repetitions get 409 until the reservation lapses.
    logEvent(c, "WARN", "an idempotent answer could not be kept", { error: describeError(error) });
  }
};

async function replay(c: Context<App>, earlier: Earlier, request_hash: string): Promise<Response> {
  if (earlier.request_hash !== request_hash) {
    throw new Problem(422, "idempotency-key-reused", "This `Idempotency-Key` was used for another request.");
  }
  if (earlier.status === 0) {
    throw new Problem(409, "idempotency-in-progress", "The first request with this `Idempotency-Key` still runs.", {
      headers: { "retry-after": String(IDEMPOTENCY_RESERVATION_MS / 1000) },
    });
  }
  const { headers, body }: Answer = JSON.parse(await unseal(c.env.KEY_PEPPER, earlier.body));
  c.header("idempotency-replayed", "true");
  return c.body(body, { status: earlier.status as ContentfulStatusCode, headers });
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
