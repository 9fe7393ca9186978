/**
 * What to do about a refusal of Cloudflare's API, whoever met it: `pulumi up`, the stand-in provider or a command of ops. Pure.
 *
 * The official provider prints the request and the answer and leaves it at that; `refusalIn` reads them back from its words.
 */

/** A request that Cloudflare answered with no. */
export interface Refusal {
  method: string;
  /** Below the account or the zone, e.g. `d1/database`. */
  path: string;
  status: number;
  /** Cloudflare's own numbers for what is wrong. */
  codes: readonly number[];
  /** Cloudflare's own words. */
  said: string;
}

/** First part of a path below an account or a zone → the permission's name, without Read or Write. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  ai: "Workers AI",
  alerting: "Notifications",
  analytics_engine: "Account Analytics",
  d1: "D1",
  healthchecks: "Health Checks",
  logpush: "Logs",
  queues: "Queues",
  r2: "Workers R2 Storage",
  rulesets: "Zone WAF",
  storage: "Workers KV Storage",
  subscriptions: "Billing",
  tokens: "Account API Tokens",
  vectorize: "Vectorize",
  workers: "Workers Scripts",
};
/** https://developers.cloudflare.com/fundamentals/api/troubleshooting/ */
const UNKNOWN_TOKEN: ReadonlySet<number> = new Set([1000, 6003, 9106]);
/** The name is taken: in the order of D1, KV, R2, Queues, Workers, Vectorize, and a zone's entry point of a phase. */
const TAKEN: ReadonlySet<number> = new Set([7502, 10_014, 10_004, 11_009, 10_040, 3002, 20_217]);
const TOO_MANY_CRONS = 10_072;
/** Some accounts have to switch it on first: https://github.com/cloudflare/cloudflare-docs/issues/29844 */
const NO_ANALYTICS_ENGINE = 10_089;
/** What a plan lacks has a code of its own in every product; the words are alike. */
const NOT_IN_PLAN = /\b(free|paid|pro|business|enterprise) plan\b|not entitled|plan is free|available to this account/i;

/** What to do about it, as the end of "Try: …". */
export function remedyOf({ method, path, status, codes, said }: Refusal): string {
  const has = (known: ReadonlySet<number>) => codes.some((code) => known.has(code));
  if (status === 401 || has(UNKNOWN_TOKEN))
    return "set CLOUDFLARE_API_TOKEN to a token that is neither expired nor revoked (npm run ops -- bootstrap makes one)";
  if (codes.includes(NO_ANALYTICS_ENGINE))
    return "open https://dash.cloudflare.com/?to=/:account/workers/analytics-engine and enable Analytics Engine once; then repeat";
  if (codes.includes(TOO_MANY_CRONS))
    return "remove Cron Triggers of other Workers of the account in Cloudflare's dashboard, or subscribe to Workers Paid; then repeat";
  if (NOT_IN_PLAN.test(said))
    return "say what the account has (pulumi config set prism:plan free), so that it is not asked for, or subscribe in Cloudflare's dashboard; then repeat";
  if (status === 403)
    return `give the token the permission "${permission(method, path)}", or use one that has it (npm run ops -- bootstrap); then repeat`;
  if (has(TAKEN))
    return "take over what exists (npm run ops -- adopt --stack STACK writes the pulumi import command), or delete it if it is nobody's; then repeat";
  if (status === 429)
    return "wait five minutes, for the budget of 1200 requests in five minutes is spent; then repeat: what was done stays done";
  if (status === 507) return "free space where the message says, then repeat: what was done stays done";
  if (status >= 500) return "look at https://www.cloudflarestatus.com, then repeat: what was done stays done";
  return "correct what the message names, then repeat: what was done stays done";
}

/** `POST "https://api.cloudflare.com/client/v4/accounts/…/d1/database": 400 Bad Request {…}` */
const PROVIDER_WORDS = /\b(GET|POST|PUT|PATCH|DELETE) "?(https?:\/\/[^"\s]+?)"?: (\d{3}) [\w -]+(\{.*)?/s;

/** The refusal that a failure of the official provider tells of; null when it is about something else. */
export function refusalIn(text: string): Refusal | null {
  const [, method = "", url = "", status, answer = ""] = PROVIDER_WORDS.exec(text) ?? [];
  if (status === undefined) return null;
  const path = new URL(url).pathname.replace(/^.*\/(accounts|zones)\/[^/]+\//, "");
  const codes = [...answer.matchAll(/"code":\s*(\d+)/g)].map(([, code]) => Number(code));
  const said = [...answer.matchAll(/"message":\s*"((?:[^"\\]|\\.)*)"/g)].map(([, words = ""]) => words).join("; ");
  return { method, path, status: Number(status), codes, said };
}

function permission(method: string, path: string): string {
  const [product = ""] = path.split("/");
  return `${PERMISSIONS[product] ?? product} ${method === "GET" ? "Read" : "Write"}`;
}
