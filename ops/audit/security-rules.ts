/** What makes a finding of what the live service does and says. Pure: what was seen goes in, `now_ms` is given; who looks is `security-look.ts`. */
import { counted } from "../../worker/ground/counted.ts";
import type { SecurityMetrics } from "../../worker/schemas/defence.ts";
import { AUTH_FAILURES_HIGH, AUTH_FAILURES_MEDIUM, BLOCK_AGE_MAX_MS } from "../limits.ts";
import { days, type Finding, OPS, one } from "./finding.ts";

export function judgeFailures({ auth_failures, anomalous_keys, mode }: SecurityMetrics): Finding[] {
  const { total, by_kind } = auth_failures;
  const kinds = Object.entries(by_kind).map(([kind, count]) => `${count} ${kind}`);
  const severity = total >= AUTH_FAILURES_HIGH ? "high" : "medium";
  const found: Finding[] = [];
  if (total >= AUTH_FAILURES_MEDIUM) {
    const evidence = `${total} in 24 h: ${kinds.join(", ")}`;
    const remedy = `${OPS} logs query --since 24h, then ${OPS} block ADDRESS`;
    found.push(one(severity, "authentication", "failed authentications", evidence, remedy));
  }
  for (const { key_id, sign, requests_last_hour, mean_requests_an_hour, errors_last_hour } of anomalous_keys) {
    if (sign === "burst") {
      const evidence = `${counted(requests_last_hour, "request")} in the last hour, ${Math.round(mean_requests_an_hour)} in a usual one`;
      found.push(one("medium", "keys", key_id, evidence, `ask its owner; leaked: ${OPS} keys revoke ${key_id}`));
    } else {
      const evidence = `${errors_last_hour} of its requests failed in the last hour`;
      found.push(one("low", "keys", key_id, evidence, `${OPS} logs errors --since 1h`));
    }
  }
  if (mode !== "normal") {
    const remedy = `${OPS} mode show; when it is over: ${OPS} mode set normal`;
    found.push(one("medium", "mode", mode, "the service is not in its normal mode", remedy));
  }
  return found;
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
    if (expires_at !== null || age_ms <= BLOCK_AGE_MAX_MS) return [];
    const evidence = `blocked for ${counted(days(age_ms), "day")} without an end: ${reason}`;
    return [one("low", "blocks", network, evidence, `${OPS} unblock ${network}`)];
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
    const remedy = `${OPS} drift, then ${OPS} deploy: something in front of the Worker, or a foreign version, changes answers`;
    return [one("high", "headers", name, evidence, remedy)];
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
  const found: Finding[] = [];
  if (allowed === "*" || allowed === origin) {
    const evidence = `a page of any origin may read answers: access-control-allow-origin is ${allowed}`;
    const remedy = `set CORS_ORIGINS in prism:variables of the stack's file, then ${OPS} deploy`;
    found.push(one("high", "cors", origin, evidence, remedy));
  }
  if (anonymous_status !== 401) {
    const evidence = `answers ${anonymous_status} without a key, not 401`;
    const remedy = `${OPS} mode set emergency, then ${OPS} rollback`;
    found.push(one("high", "authentication", "/api/v1/documents", evidence, remedy));
  }
  return found;
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
  const evidence = "an allowed origin that anybody on the way can pretend to be";
  const remedy = `correct CORS_ORIGINS in prism:variables, then ${OPS} deploy`;
  return open.map((origin) => one("medium", "cors", origin, evidence, remedy));
}
