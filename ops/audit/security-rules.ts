/** What makes a finding of what the live service does and says. Pure: what was seen goes in, `now_ms` is given; who looks is `security-look.ts`. */
import type { SecurityMetrics } from "../../worker/schemas/defence.ts";
import { AUTH_FAILURES_HIGH, AUTH_FAILURES_MEDIUM, BLOCK_AGE_MAX_MS } from "../limits.ts";
import { days, type Finding, OPS, one } from "./finding.ts";

export function judgeFailures({ auth_failures, anomalous_keys, mode }: SecurityMetrics): Finding[] {
  const { total, by_kind } = auth_failures;
  const kinds = Object.entries(by_kind).map(([kind, count]) => `${count} ${kind}`);
  const severity = total >= AUTH_FAILURES_HIGH ? "high" : "medium";
  return [
    ...(total < AUTH_FAILURES_MEDIUM
      ? []
      : [
          one(
            severity,
            "authentication",
            "failed authentications",
            `${total} in 24 h: ${kinds.join(", ")}`,
            `${OPS} logs query --since 24h, then ${OPS} block ADDRESS`,
          ),
        ]),
    ...anomalous_keys.map(({ key_id, sign, requests_last_hour, mean_requests_an_hour, errors_last_hour }) =>
      sign === "burst"
        ? one(
            "medium",
            "keys",
            key_id,
            `${requests_last_hour} requests in the last hour, ${Math.round(mean_requests_an_hour)} in a usual one`,
            `ask its owner; leaked: ${OPS} keys revoke ${key_id}`,
          )
        : one(
            "low",
            "keys",
            key_id,
            `${errors_last_hour} of its requests failed in the last hour`,
            `${OPS} logs errors --since 1h`,
          ),
    ),
    ...(mode === "normal"
      ? []
      : [
          one(
            "medium",
            "mode",
            mode,
            "the service is not in its normal mode",
            `${OPS} mode show; when it is over: ${OPS} mode set normal`,
          ),
        ]),
  ];
}

interface Block {
  network: string;
  reason: string;
  blocked_at: string;
  expires_at: string | null;
}

/** Blocks that nobody has looked at since: whoever has the address now is refused. */
export function judgeBlocks(blocks: readonly Block[], now_ms: number): Finding[] {
  return blocks.flatMap(({ network, reason, blocked_at, expires_at }) => {
    const age_ms = now_ms - Date.parse(blocked_at);
    return expires_at === null && age_ms > BLOCK_AGE_MAX_MS
      ? [
          one(
            "low",
            "blocks",
            network,
            `blocked for ${days(age_ms)} days without an end: ${reason}`,
            `${OPS} unblock ${network}`,
          ),
        ]
      : [];
  });
}

/** Of a public answer of the service. Values are those that `worker/security/headers.ts` sets, or stricter. */
const HEADERS: Readonly<Record<string, RegExp>> = {
  "strict-transport-security": /max-age=(3153600\d|315360\d\d+|[4-9]\d{7,})/,
  "x-content-type-options": /^nosniff$/,
  "content-security-policy": /default-src 'none'/,
  "x-frame-options": /^DENY$/,
  "referrer-policy": /^no-referrer$/,
};

export function judgeHeaders(headers: Headers): Finding[] {
  return Object.entries(HEADERS).flatMap(([name, wanted]) => {
    const value = headers.get(name);
    if (value !== null && wanted.test(value)) return [];
    const evidence = value === null ? "is missing" : `is "${value.slice(0, 80)}"`;
    return [
      one(
        "high",
        "headers",
        name,
        evidence,
        `${OPS} drift, then ${OPS} deploy: something in front of the Worker, or a foreign version, changes answers`,
      ),
    ];
  });
}

/** `stranger`: what a page of a strange origin was told. `anonymous_status`: of a request for documents without a key. */
export function judgeAccess({
  origin,
  stranger,
  anonymous_status,
}: {
  origin: string;
  stranger: Headers;
  anonymous_status: number;
}): Finding[] {
  const allowed = stranger.get("access-control-allow-origin");
  return [
    ...(allowed === "*" || allowed === origin
      ? [
          one(
            "high",
            "cors",
            origin,
            `a page of any origin may read answers: access-control-allow-origin is ${allowed}`,
            `set CORS_ORIGINS in prism:variables of the stack's file, then ${OPS} deploy`,
          ),
        ]
      : []),
    ...(anonymous_status === 401
      ? []
      : [
          one(
            "high",
            "authentication",
            "/api/v1/documents",
            `answers ${anonymous_status} without a key, not 401`,
            `${OPS} mode set emergency, then ${OPS} rollback`,
          ),
        ]),
  ];
}

/** `CORS_ORIGINS` of the version that serves. */
export function judgeOrigins(list: string): Finding[] {
  const origins = list.split(",").map((origin) => origin.trim());
  const open = origins.filter(
    (origin) =>
      origin === "*" ||
      origin === "null" ||
      (origin.startsWith("http://") && !/^http:\/\/(localhost|127\.0\.0\.1)(:|$)/.test(origin)),
  );
  return open.map((origin) =>
    one(
      "medium",
      "cors",
      origin,
      "an allowed origin that anybody on the way can pretend to be",
      `correct CORS_ORIGINS in prism:variables, then ${OPS} deploy`,
    ),
  );
}
