/**
 * Cloudflare's API for everything in ops: the official client, within the request budget, patient where repeating is safe, with
 * failures as errors that say what to do.
 *
 * Every failure reaches the caller as an `OpsError` with the HTTP status, if there was one; `refusalCodes` gives Cloudflare's own.
 */
import { counted } from "../../worker/ground/counted.ts";
import { OpsError } from "../command/errors.ts";
import { shownTime } from "../command/quantities.ts";
import { API_PATIENCE_MS, API_RATE_PAUSE_MS, API_RETRIES_MAX, API_TIMEOUT_MS, RETRY_PAUSE_MS } from "../limits.ts";
import { patiently } from "../patience.ts";
import { whileWaiting } from "../waits.ts";
import { connectionFailure, neverSent, pathOf, refusalOf } from "./failures.ts";
import type { Cloudflare } from "./official.ts";
import { type Clock, RequestBudget, systemClock } from "./request-budget.ts";
import { cloudflareSdk } from "./sdk.ts";

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

/** As a line of news. A spent budget is waited for for five minutes, which nobody reads from milliseconds. */
export function retryTold({ request, because, wait_ms }: Retry): string {
  return `${request}: ${because}; again in ${shownTime(Math.ceil(wait_ms / 1_000) * 1_000)}`;
}

interface CloudflareOptions {
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
  const send = patientSend(address, options);

  class PatientCloudflare extends cloudflareSdk() {
    readonly #answers = new WeakMap<RequestInit, Response>();

    /**
     * Sends the request, repetitions and all. Not in the client's `fetch`: what that throws comes out as a lost connection, and a
     * deadline even without its cause. What this hook throws reaches the caller as it is.
     */
    protected override async prepareRequest(request: RequestInit, { url }: { url: string }): Promise<void> {
      this.#answers.set(request, await send(url, request));
    }

    override async fetchWithTimeout(_url: RequestInfo, request: RequestInit = {}): Promise<Response> {
      const answer = this.#answers.get(request);
      if (answer === undefined) throw new Error("the official client sends another request than it prepared");
      return answer;
    }
  }

  return new PatientCloudflare({
    apiToken: address.token,
    // Other credentials and log settings of the environment are not read.
    apiKey: null,
    apiEmail: null,
    userServiceKey: null,
    logLevel: "off",
    baseURL: address.api_url,
    maxRetries: 0,
  });
}

/** One logical request: every try within the budget. @throws OpsError when it was refused or patience ended. */
function patientSend(address: CloudflareAddress, options: CloudflareOptions) {
  const { signal, clock = systemClock, budget = new RequestBudget(clock) } = options;

  return async (url: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    const method = (init.method ?? "GET").toUpperCase();
    const repeatable =
      IDEMPOTENT.has(method) || headers.has(REPEATABLE_HEADER) || IDEMPOTENT_POSTS.test(new URL(url).pathname);
    headers.delete(REPEATABLE_HEADER);
    const call = { method, url, ...address };
    const ended = AbortSignal.any([signal, ...(init.signal ? [init.signal] : [])]);
    const lost = (error: unknown) => connectionFailure(call, ended.aborted ? ended.reason : error);

    let tries = 0;
    const once = async (): Promise<Response> => {
      tries += 1;
      let response: Response;
      let body = "";
      try {
        await budget.take(ended);
        const wait = {
          for: `Cloudflare: ${method} ${pathOf(call)}, try ${tries} of ${API_RETRIES_MAX + 1}`,
          limit_ms: API_TIMEOUT_MS,
        };
        response = await whileWaiting(wait, () => whole(url, { ...init, method, headers, signal: ended }));
        if (response.ok) return response;
        body = await response.text();
      } catch (error) {
        throw lost(error);
      }
      throw refusalOf(call, response.status, body, response.headers);
    };

    return patiently(once, {
      signal: ended,
      mayPass: ({ status, is_unclear, cause }) =>
        status === 429 || ((is_unclear || status === undefined) && (repeatable || neverSent(cause))),
      retries_max: API_RETRIES_MAX,
      pause_ms: ({ status }) => (status === 429 ? API_RATE_PAUSE_MS : RETRY_PAUSE_MS),
      wait_max_ms: API_PATIENCE_MS,
      waits_max_ms: API_PATIENCE_MS,
      on_retry: ({ status, parts: { op, subject, cause } }, wait_ms) => {
        if (status === 429) budget.block(wait_ms);
        options.on_retry?.({ request: `${op} ${subject}`, because: cause, wait_ms });
      },
      sleep: (ms, until) => clock.sleep(ms, until),
    }).catch((error: unknown) => {
      throw error instanceof OpsError ? error : lost(error);
    });
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
    throw new TypeError("fetch failed", { cause: new Error(`the answer ends after ${counted(body.length, "byte")}`) });
  return new Response(body.length === 0 ? null : body, { status, statusText, headers });
}
const CLOSING_BRACE = 0x7d;
