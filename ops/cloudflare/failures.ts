/** Failures of Cloudflare's API as errors that name the request, give Cloudflare's own words once, and say what to do. Pure. */
import Cloudflare from "cloudflare";
import { endedEarly, OpsError } from "../errors.ts";

/** A request, for its error message. */
export interface Call {
  method: string;
  url: string;
  api_url: string;
  account_id: string;
}

/** First path segment below an account → what Cloudflare calls its permission, without Read or Write. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  ai: "Workers AI",
  alerting: "Notifications",
  analytics_engine: "Account Analytics",
  d1: "D1",
  logpush: "Logs",
  queues: "Queues",
  r2: "Workers R2 Storage",
  storage: "Workers KV Storage",
  subscriptions: "Billing",
  tokens: "Account API Tokens",
  vectorize: "Vectorize",
  workers: "Workers Scripts",
};
const STATUS_PAGE = "https://www.cloudflarestatus.com";
/** Says that Cloudflare does not know the credentials: https://developers.cloudflare.com/fundamentals/api/troubleshooting/ */
const UNKNOWN_TOKEN: ReadonlySet<number> = new Set([1000, 6003, 9106]);
const NO_SUCH_ACCOUNT = 7003;
const NO_SUCH_WORKER = 10007;

/** Cloudflare answered, and the answer is no. */
export function refusal(call: Call, status: number, body: string, headers: Headers): OpsError {
  const parsed = envelope(body);
  const error = Cloudflare.APIError.generate(status, parsed, parsed === undefined ? body : undefined, headers);
  const said = error.errors.map(({ code, message }) => `${message} (code ${code})`).join("; ") || body.slice(0, 200);
  const codes = error.errors.map(({ code }) => Number(code));
  return new OpsError(
    { op: call.method, subject: pathOf(call), cause: `${status} ${said}`.trimEnd(), hint: remedy(call, status, codes) },
    { status, error },
  );
}

/** No answer, or none that arrived whole. */
export function connectionFailure(call: Call, error: unknown): OpsError {
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  const lost = {
    cause: `no answer: ${reason || "the connection was closed"}`,
    hint: `check the network, that ${new URL(call.api_url).origin} is Cloudflare's API, and ${STATUS_PAGE}; then repeat the command`,
  };
  return new OpsError({ op: call.method, subject: pathOf(call), ...(endedEarly(error) ?? lost) }, { error });
}

/** Whether a failed request cannot have reached anybody, so that sending it again is sending it once. */
export function neverSent(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const { code = "" } = (cause ?? {}) as { code?: string };
  return ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"].includes(code);
}

/** Cloudflare's own error codes of a refusal; empty for any other error. */
export function refusalCodes(error: unknown): number[] {
  const cause: unknown = error instanceof OpsError ? error.cause : error;
  return cause instanceof Cloudflare.APIError ? cause.errors.map(({ code }) => Number(code)) : [];
}

function remedy(call: Call, status: number, codes: readonly number[]): string {
  if (status === 401 || codes.some((code) => UNKNOWN_TOKEN.has(code)))
    return "set CLOUDFLARE_API_TOKEN to a token that is neither expired nor revoked (npm run ops -- bootstrap makes one)";
  if (status === 403)
    return `give the token the permission "${permission(call)}" on account ${call.account_id}, or use one that has it (npm run ops -- bootstrap)`;
  if (status === 429)
    return "the budget of 1200 requests in five minutes is spent: wait five minutes, then repeat the command";
  if (status >= 500) return `look at ${STATUS_PAGE}, then repeat the command`;
  if (codes.includes(NO_SUCH_ACCOUNT))
    return `check that the account ${call.account_id} exists and that the token belongs to it`;
  if (codes.includes(NO_SUCH_WORKER)) return "npm run ops -- deploy puts the Worker there";
  if (status === 404) return "npm run ops -- drift shows what is missing; npm run ops -- deploy makes it again";
  return "change what the message names, then repeat the command";
}

function permission(call: Call): string {
  const [product = ""] = pathOf(call).split("/");
  const known = PERMISSIONS[product];
  if (known === undefined) return product === "" ? "Account Settings Read" : `${product}, as far as its name goes`;
  return `${known} ${call.method === "GET" ? "Read" : "Write"}`;
}

/** The path below the account, e.g. `d1/database/…/query`; the query is left out. */
function pathOf({ url, api_url, account_id }: Call): string {
  const { pathname } = new URL(url);
  const base = new URL(api_url).pathname.replace(/\/$/, "");
  const below = pathname.startsWith(base) ? pathname.slice(base.length) : pathname;
  return below.replace(`/accounts/${account_id}/`, "").replace(/^\//, "");
}

function envelope(body: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
