/** What every response carries, whatever it is: identification, timing, and orders to browsers. */
import type { Context, MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { secureHeaders } from "hono/secure-headers";
import { allows } from "../ground/principal.ts";
import { formatTraceparent } from "../telemetry/trace.ts";
import type { App } from "./context.ts";

/** Pages are static HTML with one stylesheet of ours: no scripts, no frames, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", "data:"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Orders to browsers. A page that needs another policy sets the header itself and wins. */
export const browserHeaders = secureHeaders({
  contentSecurityPolicy: CONTENT_SECURITY_POLICY,
  strictTransportSecurity: "max-age=31536000; includeSubDomains",
  xFrameOptions: "DENY",
  referrerPolicy: "no-referrer",
  // Of no use to an API without scripts; a header costs on every answer.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
  overwrite: false,
});

const CORS_MAX_AGE_S = 600;

/** What the clients of other protocols send beside our own: OpenAI's says what it runs on, MCP's what it asks for. */
const OTHER_CLIENTS = [
  ...[
    "lang",
    "package-version",
    "os",
    "arch",
    "runtime",
    "runtime-version",
    "retry-count",
    "timeout",
    "helper-method",
  ].map((what) => `x-stainless-${what}`),
  ...["user-agent", "mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "last-event-id"],
];

const answerCors = cors({
  origin: (origin, c: Context<App>) => (allowedOrigins(c.env.CORS_ORIGINS).includes(origin) ? origin : null),
  allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  allowHeaders: [
    ...["authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "traceparent", "x-api-key"],
    ...["x-d1-bookmark", "x-request-id"],
    ...OTHER_CLIENTS,
  ],
  exposeHeaders: [
    ...[
      "allow",
      "content-disposition",
      "etag",
      "idempotency-replayed",
      "location",
      "ratelimit",
      "ratelimit-policy",
      "retry-after",
    ],
    ...["server-timing", "traceparent", "www-authenticate", "x-cache-status", "x-d1-bookmark", "x-database-queries"],
    ...["x-edge-location", "x-request-id", "x-worker-version"],
  ],
  maxAge: CORS_MAX_AGE_S,
});

/** CORS by allow-list. Requests without an `Origin` do not pay for it. */
export const allowListedOrigins: MiddlewareHandler<App> = async (c, next) => {
  if (c.req.header("origin") !== undefined) return answerCors(c, next);
  await next();
  // A shared cache must not hand this answer to a browser that asks from another origin.
  if (c.env.CORS_ORIGINS !== "") c.res.headers.append("vary", "Origin");
};

/** `CORS_ORIGINS` is a comma-separated list of origins, e.g. `https://app.example.com`. */
export function allowedOrigins(list: string): string[] {
  return list.split(",").map((origin) => origin.trim());
}

/** Sets what identifies the answer and where its time went. Answers are private unless a route says otherwise. */
export function identify(c: Context<App>): void {
  const { work } = c.var;
  const fields: [string, string][] = [
    ["x-request-id", work.request_id],
    ["x-worker-version", c.env.VERSION.id],
    ["x-edge-location", work.colo ?? ""],
    ["server-timing", work.timings.header(performance.now())],
    ["traceparent", formatTraceparent(work.trace)],
  ];
  if (!c.res.headers.has("cache-control")) fields.push(["cache-control", "no-store"]);
  const { principal, bookmark } = work;
  if (bookmark !== null) fields.push(["x-d1-bookmark", bookmark]);
  if (principal && allows(principal, "debug") && c.req.query("debug") === "1") {
    fields.push(["x-database-queries", String(work.timings.counts.database_queries)]);
    fields.push(["x-cache-status", work.cache_status ?? "none"]);
  }
  try {
    for (const [name, value] of fields) c.res.headers.set(name, value);
  } catch {
    // Responses from `fetch` and the Cache API have immutable headers.
    c.res = new Response(c.res.body, c.res);
    for (const [name, value] of fields) c.res.headers.set(name, value);
  }
}
