/** When something is a finding, and how bad. That the sources are looked at is shown by `audit.test.ts`. */
import { expect, test } from "vitest";
import { tokenGrants } from "../../infra/token-grants.ts";
import { judgeKeys, judgeSecrets, judgeTokens } from "./credential-rules.ts";
import { judgeAccess, judgeBlocks, judgeFailures, judgeHeaders, judgeOrigins } from "./security-rules.ts";

const now = "2026-11-01T00:00:00.000Z";
const now_ms = Date.parse(now);
const daysAgo = (days: number) => new Date(now_ms - days * 86_400_000).toISOString();
const brief = (findings: readonly { severity: string; subject: string }[]) =>
  findings.map(({ severity, subject }) => `${severity} ${subject}`);

test("a key is stale after 90 days without use, noted ones only; one that may administrate is worse", () => {
  const key = (id: string, scopes: string[], expires_at: string | null = daysAgo(-90)) => ({
    id,
    name: id,
    scopes,
    created_at: daysAgo(400),
    expires_at,
    revoked_at: null,
  });
  const keys = [key("used", ["read"]), key("idle", ["read"]), key("root", ["admin"]), key("endless", ["read"], null)];
  const gone = [{ ...key("revoked", ["admin"]), revoked_at: daysAgo(1) }, key("expired", ["admin"], daysAgo(1))];
  const last_used = { used: daysAgo(89).slice(0, 10), endless: now.slice(0, 10) };
  const since = daysAgo(90).slice(0, 10);
  expect(brief(judgeKeys([...keys, ...gone], { since, last_used }, now_ms))).toEqual([
    "medium idle (idle)",
    "high root (root)",
    "low endless (endless)",
  ]);
  const lately = { since: daysAgo(89).slice(0, 10), last_used };
  expect(brief(judgeKeys(keys, lately, now_ms))).toEqual(["low endless (endless)"]);
  expect(brief(judgeKeys(keys, { since: null, last_used: {} }, now_ms))).toEqual(["low endless (endless)"]);
});

test("a secret ages from its rotation, or from the Worker's making; an open overlap is told", () => {
  const set = { API_SECRET: true, JWT_SECRET: true, JWT_SECRET_PREVIOUS: true, KEY_PEPPER: true, ERROR_WEBHOOK: false };
  const rotated = new Map([["secret-jwt-secret", daysAgo(1)]]);
  expect(brief(judgeSecrets({ set, rotated, born: daysAgo(181) }, now_ms))).toEqual([
    "medium API_SECRET",
    "low JWT_SECRET",
  ]);
  expect(brief(judgeSecrets({ set, rotated, born: daysAgo(361) }, now_ms))[0]).toBe("high API_SECRET");
  expect(brief(judgeSecrets({ set, rotated, born: daysAgo(179) }, now_ms))).toEqual(["low JWT_SECRET"]);
});

test("a token of the service may do what infra declares for its job, has an end, and is of a job", () => {
  const { reports } = tokenGrants({ logpush: false });
  const groups = [...reports.account, "Workers R2 Storage Bucket Item Read"];
  const token = (name: string, more: string[] = [], expires_on: string | null = daysAgo(-60)) => ({
    name,
    status: "active",
    expires_on,
    groups: [...groups, ...more],
  });
  expect(judgeTokens([token("prism reports"), token("somebody else's", ["DNS Write"], null)], "local", now_ms)).toEqual(
    [],
  );
  expect(judgeTokens([token("prism reports", ["DNS Write"])], "local", now_ms)).toMatchObject([
    { severity: "high", evidence: "may do more than declared: DNS Write" },
  ]);
  expect(brief(judgeTokens([token("prism reports", [], null), token("prism old job")], "local", now_ms))).toEqual([
    "medium prism reports",
    "medium prism old job",
  ]);
  expect(brief(judgeTokens([token("prism reports", [], daysAgo(-13))], "local", now_ms))).toEqual([
    "medium prism reports",
  ]);
});

test("a header that is missing or weaker is high, a stricter one is fine", () => {
  const good = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
  };
  expect(judgeHeaders(new Headers(good))).toEqual([]);
  const { "x-frame-options": _, ...bare } = { ...good, "strict-transport-security": "max-age=300" };
  expect(brief(judgeHeaders(new Headers(bare)))).toEqual(["high strict-transport-security", "high x-frame-options"]);
});

test("answers to any origin, or without a key, are high", () => {
  const origin = "https://audit.invalid";
  const told = (allowed: string) => new Headers({ "access-control-allow-origin": allowed });
  expect(judgeAccess({ origin, stranger: new Headers(), anonymous_status: 401 })).toEqual([]);
  for (const allowed of ["*", origin])
    expect(brief(judgeAccess({ origin, stranger: told(allowed), anonymous_status: 401 }))).toEqual([`high ${origin}`]);
  expect(brief(judgeAccess({ origin, stranger: new Headers(), anonymous_status: 200 }))).toEqual([
    "high /api/v1/documents",
  ]);
  expect(brief(judgeOrigins("https://a.example, http://b.example,http://localhost:3000,*"))).toEqual([
    "medium http://b.example",
    "medium *",
  ]);
  expect(judgeOrigins("")).toEqual([]);
});

test("failed authentications by the hundred are a finding, by the thousand an attack; a mode that was left is told", () => {
  const seen = (total: number, mode: "normal" | "emergency" = "normal") =>
    judgeFailures({
      period: "24h",
      mode,
      blocks: 0,
      auth_failures: { total, by_kind: { "unknown key": total } },
      blocked: 0,
      throttled: 0,
      refusals: {},
      anomalous_keys: [],
      key_use: { since: null, last_used: {} },
    });
  expect(seen(99)).toEqual([]);
  expect(brief(seen(100))).toEqual(["medium failed authentications"]);
  expect(brief(seen(1_000, "emergency"))).toEqual(["high failed authentications", "medium emergency"]);
});

test("a block without an end is looked at again", () => {
  const block = { network: "203.0.113.7", reason: "brute force", expires_at: null };
  const old = { ...block, blocked_at: daysAgo(91) };
  expect(
    brief(judgeBlocks([{ ...block, blocked_at: daysAgo(89) }, old, { ...old, expires_at: daysAgo(-1) }], now_ms)),
  ).toEqual(["low 203.0.113.7"]);
});
