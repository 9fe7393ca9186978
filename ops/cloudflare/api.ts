/**
 * Cloudflare's API for everything in ops: the official client, within the request budget, patient where repeating is safe, with
 * failures as errors that say what to do.
 *
 * Every failure reaches the caller as an `OpsError` with the HTTP status, if there was one; `refusalCodes` gives Cloudflare's own.
 */
import { randomUUID } from "node:crypto";
import type { Cloudflare } from "cloudflare";
import { endedEarly, OpsError } from "../command/errors.ts";
import {
  API_PATIENCE_MS,
  API_RATE_WAIT_DEFAULT_MS,
  API_RETRIES_MAX,
  API_TIMEOUT_MS,
  RETRY_PAUSE_MS,
} from "../limits.ts";
import { retryAfter_ms } from "../service/client.ts";
import { connectionFailure, neverSent, refusal } from "./failures.ts";
import { type Clock, RequestBudget, systemClock } from "./request-budget.ts";
import { Cloudflare as Sdk } from "./sdk.ts";

export interface CloudflareAddress {
  /** Base of the REST API, ending in `/client/v4`. */
  api_url: string;
  account_id: string;
  token: string;
}

/** A request that is about to be repeated. */
export interface Retry {
  /** `GET d1/database/…`, without the account. */
  request: string;
  because: string;
  wait_ms: number;
}

export interface CloudflareOptions {
  /** Ends every request and wait. */
  signal: AbortSignal;
  /** Shared by all clients of the same token; by default the client has one of its own. */
  budget?: RequestBudget;
  on_retry?: (retry: Retry) => void;
  clock?: Clock;
}

const REPEATABLE_HEADER = "x-prism-repeatable";
/** Request options of a POST or PATCH for which twice is the same as once: it may be repeated after an unclear failure. */
export const REPEATABLE = { headers: { [REPEATABLE_HEADER]: "yes" } };

/** Methods for which twice is the same as once (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "PUT", "DELETE"]);
/** The POSTs of Cloudflare's API that only read, or that set or remove what they name. D1's `query` may do anything. */
const IDEMPOTENT_POSTS =
  /\/(get_by_ids|delete_by_ids|upsert|bulk\/get|bulk\/delete|vectorize\/v2\/indexes\/[^/]+\/query)$/;

/** The official client for an account. */
export function createCloudflare(address: CloudflareAddress, options: CloudflareOptions): Cloudflare {
  const failures = new Map<string, OpsError>();

  class PatientCloudflare extends Sdk {
    /** What `fetch` below ended with is the error; the client knows no other refusals. */
    protected override makeStatusError(
      ...[status, body, message, headers]: Parameters<Cloudflare["makeStatusError"]>
    ): ReturnType<Cloudflare["makeStatusError"]> {
      const ticket = headers.get(FAILURE_HEADER) ?? "";
      const failure = failures.get(ticket);
      failures.delete(ticket);
      if (failure) throw failure;
      return super.makeStatusError(status, body, message, headers);
    }
  }

  const send = patientFetch(address, options);
  return new PatientCloudflare({
    apiToken: address.token,
    // Other credentials and log settings of the environment are not read.
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    logLevel: "off",
    baseURL: address.api_url,
    maxRetries: 0,
    timeout: TIMER_MAX_MS,
    fetch: async (input, init) => {
      try {
        return await send(String(input instanceof Request ? input.url : input), init ?? {});
      } catch (error) {
        if (!(error instanceof OpsError)) throw error;
        // An error thrown here would come out wrapped as a lost connection; one left behind comes out as it is.
        const ticket = randomUUID();
        failures.set(ticket, error);
        return new Response(null, { status: error.status ?? NO_ANSWER, headers: { [FAILURE_HEADER]: ticket } });
      }
    },
  });
}

/** The client's own timer covers all repetitions; each single try has `API_TIMEOUT_MS`. */
const TIMER_MAX_MS = 2 ** 31 - 1;
/** Which of the failures left behind a response stands for. */
const FAILURE_HEADER = "x-prism-failure";
/** Status under which a request without an answer goes through the client. */
const NO_ANSWER = 599;

/** One logical request: every try within the budget. @throws OpsError when it was refused or patience ended. */
function patientFetch(address: CloudflareAddress, options: CloudflareOptions) {
  const { signal, clock = systemClock, budget = new RequestBudget(clock) } = options;

  return async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    const method = init.method ?? "GET";
    const repeatable =
      IDEMPOTENT.has(method) || headers.has(REPEATABLE_HEADER) || IDEMPOTENT_POSTS.test(new URL(url).pathname);
    headers.delete(REPEATABLE_HEADER);
    const call = { method, url, ...address };
    const ended = AbortSignal.any([signal, ...(init.signal ? [init.signal] : [])]);
    let waited_ms = 0;
    let unclear = 0;
    for (;;) {
      let failure: OpsError;
      let wait_ms: number;
      try {
        await budget.take(ended);
        const response = await whole(url, { ...init, headers, signal: ended });
        if (response.ok) return response;
        failure = refusal(call, response.status, await response.text(), response.headers);
        if (response.status === 429) {
          wait_ms = retryAfter_ms(response.headers.get("retry-after")) ?? API_RATE_WAIT_DEFAULT_MS;
          if (waited_ms + wait_ms > API_PATIENCE_MS) throw failure;
          budget.block(wait_ms);
        } else {
          if (!failure.is_unclear || !repeatable || ++unclear > API_RETRIES_MAX) throw failure;
          wait_ms = retryAfter_ms(response.headers.get("retry-after")) ?? RETRY_PAUSE_MS * 2 ** (unclear - 1);
        }
      } catch (error) {
        if (error instanceof OpsError) throw error;
        failure = connectionFailure(call, ended.aborted ? ended.reason : error);
        if (ended.aborted || !(repeatable || neverSent(error)) || ++unclear > API_RETRIES_MAX) throw failure;
        wait_ms = RETRY_PAUSE_MS * 2 ** (unclear - 1);
      }
      waited_ms += wait_ms;
      if (waited_ms > API_PATIENCE_MS) throw failure;
      options.on_retry?.({
        request: `${failure.parts.op} ${failure.parts.subject}`,
        because: failure.parts.cause,
        wait_ms,
      });
      await clock.sleep(wait_ms, ended).catch((error: unknown) => {
        throw connectionFailure(call, endedEarly(error) === undefined ? error : ended.reason);
      });
    }
  };
}

/** A response that has arrived to its end: one that is cut off is a broken connection, not a result. */
async function whole(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  const response = await fetch(url, {
    ...init,
    signal: AbortSignal.any([init.signal, AbortSignal.timeout(API_TIMEOUT_MS)]),
  });
  const body = Buffer.from(await response.arrayBuffer());
  const { status, statusText, headers } = response;
  const isJson = headers.get("content-type")?.includes("application/json") ?? false;
  // Cloudflare's answers are one object; a proxy that gives up half-way ends them without saying so.
  if (isJson && status < 300 && body.at(-1) !== CLOSING_BRACE && !body.toString("utf8").trimEnd().endsWith("}"))
    throw new TypeError("fetch failed", { cause: new Error(`the answer ends after ${body.length} bytes`) });
  return new Response(body.length === 0 ? null : body, { status, statusText, headers });
}
const CLOSING_BRACE = 0x7d;
