/** Failures of Cloudflare's API as errors that name the request, give Cloudflare's own words once, and say what to do. Pure. */
import { remedyOf } from "../../infra/refusals.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { certificateTold, SET_THE_CLOCK, skewTold } from "../clock.ts";
import { endedEarly, OpsError } from "../command/errors.ts";
import { retryAfter_ms } from "../patience.ts";
import { cloudflareSdk } from "./sdk.ts";

/** A request, for its error message. */
interface Call {
  method: string;
  url: string;
  api_url: string;
  account_id: string;
}

const STATUS_PAGE = "https://www.cloudflarestatus.com";
const NO_SUCH_ACCOUNT = 7003;
const NO_SUCH_WORKER = 10007;

/** Cloudflare on its own side, or between it and the service behind it; whether the work was done stays open. */
const UNCLEAR: ReadonlySet<number> = new Set([500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** Cloudflare answered, and the answer is no. */
export function refusalOf(call: Call, status: number, body: string, headers: Headers): OpsError {
  const parsed = envelope(body);
  const error = cloudflareSdk().APIError.generate(status, parsed, parsed === undefined ? body : undefined, headers);
  const said = error.errors.map(({ code, message }) => `${message} (code ${code})`).join("; ") || body.slice(0, 200);
  const codes = error.errors.map(({ code }) => Number(code));
  // A token may begin or end at a time.
  const skew = status === 401 || status === 403 ? skewTold(headers.get("date"), Date.now()) : null;
  const cause = `${status} ${said}`.trimEnd();
  return new OpsError(
    {
      op: call.method,
      subject: pathOf(call),
      cause: skew === null ? cause : `${cause}: ${skew}`,
      hint: skew === null ? remedy(call, status, codes, said) : SET_THE_CLOCK,
    },
    { status, is_unclear: UNCLEAR.has(status), retry_after_ms: retryAfter_ms(headers.get("retry-after")), error },
  );
}

/** No answer, or none that arrived whole. */
export function connectionFailure(call: Call, error: unknown): OpsError {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  const dated = certificateTold(error instanceof Error ? error.cause : undefined, Date.now());
  const lost = {
    cause: `no answer: ${reason || "the connection was closed"}${dated === null ? "" : `: ${dated}`}`,
    hint:
      dated !== null
        ? SET_THE_CLOCK
        : `check the network, that ${new URL(call.api_url).origin} is Cloudflare's API, and ${STATUS_PAGE}; then repeat the command`,
    reason: "unreachable" as const,
  };
  const ended = endedEarly(error);
  return new OpsError(
    { op: call.method, subject: pathOf(call), ...(ended ?? lost) },
    { is_unclear: ended === undefined, error },
  );
}

/** Whether a failed request cannot have reached anybody, so that sending it again is sending it once. */
export function neverSent(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const { code = "" } = (cause ?? {}) as { code?: string };
  return ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"].includes(code);
}

/** What Cloudflare answers; null where it has no such thing. */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof OpsError && error.status === 404) return null;
    throw error;
  }
}

/** Cloudflare's own error codes of a refusal; empty for any other error. */
export function refusalCodes(error: unknown): number[] {
  const cause: unknown = error instanceof OpsError ? error.cause : error;
  return cause instanceof cloudflareSdk().APIError ? cause.errors.map(({ code }) => Number(code)) : [];
}

function remedy(call: Call, status: number, codes: readonly number[], said: string): string {
  if (codes.includes(NO_SUCH_ACCOUNT))
    return `check that the account ${call.account_id} exists and that the token belongs to it`;
  if (codes.includes(NO_SUCH_WORKER)) return "npm run ops -- deploy puts the Worker there";
  if (status === 404) return "npm run ops -- drift shows what is missing; npm run ops -- deploy makes it again";
  return remedyOf({ method: call.method, path: pathOf(call), status, codes, said });
}

/** The path below the account, e.g. `d1/database/…/query`; the query is left out. */
export function pathOf({ url, api_url, account_id }: Call): string {
  const { pathname } = new URL(url);
  const base = new URL(api_url).pathname.replace(/\/$/, "");
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  return below.replace(`/accounts/${account_id}/`, "").replace(/^\//, "");
}

function envelope(body: string): object | undefined {
  const parsed = jsonIn(body);
  return typeof parsed === "object" && parsed !== null ? parsed : undefined;
}
