import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Service, startService } from "./callers.fixture.ts";

const VERIFY = "/api/v1/auth/verify";
const TOKEN = "/api/v1/auth/token";
const KEYS = "/api/v1/keys";
const SECOND_MS = 1000;
const DAY_MS = 86_400 * SECOND_MS;

let service: Service;
beforeAll(async () => {
  service = await startService({ faults: true });
});
afterAll(() => service.close());
beforeEach(() => {
  setFaults([]);
});

function setFaults(rules: { binding: string; error: string }[]): void {
  if (service.platform.faults) service.platform.faults.rules = rules;
}
function pass(duration_ms: number): void {
  if (service.platform.faults) service.platform.faults.clock_offset_ms += duration_ms;
}
describe("credentials", () => {
  test("a call without one is told how to authenticate", async () => {
    const answer = await service.call("POST", VERIFY);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="prism"');
    expect(answer.json).toMatchObject({ type: "/docs#problem-not-authenticated", status: 401 });
  });

  test("an answer to a wrong one does not tell what is wrong with it; the log does", async () => {
    const { key, id } = await service.newKey();
    const from = "127.0.0.2";
    const forged = `prism_${id}_${"0".repeat(40)}`;
    const unknown = `prism_${"0".repeat(12)}_${"0".repeat(40)}`;
    const details = new Set<unknown>();
    for (const wrong of ["", "nonsense", key.slice(0, -1), `${key}0`, forged, unknown, "a.b.c", "x".repeat(5000)]) {
      const answer = await service.call("POST", VERIFY, { headers: { "x-api-key": wrong }, from });
      expect(answer.status).toBe(401);
      details.add(answer.json.detail);
    }
    expect(details.size).toBe(1);
    const logged = service.logs.join("\n");
    for (const reason of ["wrong secret", "unknown key", "neither a key nor a token", "malformed"]) {
      expect(logged).toContain(reason);
    }
  });

  test("a key works in both headers, and says what it may do", async () => {
    const { key, id } = await service.newKey({ scopes: ["chat", "read"], tenant: "acme", rate_tier: "standard" });
    const expected = { key_id: id, via: "key", tenant: "acme", scopes: ["read", "chat"], rate_tier: "standard" };
    const byBearer = await service.call("POST", VERIFY, { key });
    expect(byBearer).toMatchObject({ status: 200, json: expected });
    const byHeader = await service.call("POST", VERIFY, { headers: { "x-api-key": key } });
    expect(byHeader).toMatchObject({ status: 200, json: expected });
  });

  test("a key without the scope of a route gets a 403 that names it", async () => {
    const { key } = await service.newKey({ scopes: ["read"] });
    const answer = await service.call("GET", KEYS, { key });
    expect(answer.status).toBe(403);
    expect(answer.json.detail).toContain("`admin`");
  });

  test("a key that was revoked elsewhere stops working within 10 s, and so do its tokens", async () => {
    const { key, id } = await service.newKey();
    const token = String((await service.call("POST", TOKEN, { key })).json.token);
    expect((await service.call("POST", VERIFY, { key: token })).json).toMatchObject({ key_id: id, via: "token" });
    await service.sql("UPDATE api_keys SET revoked_at_ms = 1 WHERE id = ?1", id);
    pass(10 * SECOND_MS);
    expect((await service.call("POST", VERIFY, { key, from: "127.0.0.3" })).status).toBe(401);
    expect((await service.call("POST", VERIFY, { key: token, from: "127.0.0.3" })).status).toBe(401);
  });

  test("a key stops working when it expires", async () => {
    const expires_at = new Date(Date.now() + (service.platform.faults?.clock_offset_ms ?? 0) + DAY_MS).toISOString();
    const { key } = await service.newKey({ expires_at });
    expect((await service.call("POST", VERIFY, { key })).status).toBe(200);
    pass(DAY_MS);
    expect((await service.call("POST", VERIFY, { key, from: "127.0.0.3" })).status).toBe(401);
  });

  test("a token lasts 15 minutes, and only a key can be exchanged for one", async () => {
    const { key } = await service.newKey({ scopes: ["chat"] });
    const issued = (await service.call("POST", TOKEN, { key })).json;
    expect(issued).toMatchObject({ token_type: "Bearer", expires_in: 900 });
    const token = String(issued.token);
    expect((await service.call("POST", TOKEN, { key: token })).status).toBe(403);
    expect((await service.call("POST", TOKEN, { key: service.platform.api_secret })).status).toBe(403);
    expect((await service.call("GET", KEYS, { key: token })).status).toBe(403);
    pass(900 * SECOND_MS);
    expect((await service.call("POST", VERIFY, { key: token, from: "127.0.0.3" })).status).toBe(401);
  });

  test("while the database fails, a key in memory works for 10 minutes and others get 503, not 401", async () => {
    const { key } = await service.newKey();
    const { key: unseen } = await service.newKey();
    expect((await service.call("POST", VERIFY, { key })).status).toBe(200);
    setFaults([{ binding: "DB", error: "D1_ERROR: internal error" }]);
    pass(60 * SECOND_MS);
    expect((await service.call("POST", VERIFY, { key })).status).toBe(200);
    const refused = await service.call("POST", VERIFY, { key: unseen });
    expect(refused.json).toMatchObject({ type: "/docs#problem-keys-unavailable", status: 503 });
    pass(600 * SECOND_MS);
    expect((await service.call("POST", VERIFY, { key })).status).toBe(503);
  });
});

describe("limits", () => {
  test("failed authentications of an address are throttled, but valid keys behind it are not", async () => {
    const { key } = await service.newKey();
    const from = "127.0.0.4";
    const statuses: number[] = [];
    while (statuses.length < 45 && statuses.at(-1) !== 429) {
      statuses.push((await service.call("POST", VERIFY, { key: "guess", from })).status);
    }
    expect(statuses.at(-1)).toBe(429);
    expect((await service.call("POST", VERIFY, { key, from })).status).toBe(200);
  });

  test("a key has the requests a minute of its tier, and a refusal says when to come back", async () => {
    const { key } = await service.newKey({ rate_tier: "low" });
    let answer = await service.call("POST", VERIFY, { key });
    let allowed = 0;
    // Twice the limit, should the minute turn meanwhile.
    for (; answer.status === 200 && allowed < 120; allowed++) answer = await service.call("POST", VERIFY, { key });
    expect(answer.json).toMatchObject({ type: "/docs#problem-rate-limited", status: 429 });
    expect(allowed).toBeGreaterThanOrEqual(60);
    expect(answer.headers.get("ratelimit-policy")).toBe('"low";q=60;w=60');
    expect(Number(answer.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  });

  test("anonymous calls are limited by address; a key that proved itself is not bound by that", async () => {
    const { key } = await service.newKey();
    const from = "127.0.0.5";
    expect((await service.call("POST", VERIFY, { key, from })).status).toBe(200);
    let status = 200;
    for (let calls = 0; status === 200 && calls < 1200; calls += 40) {
      const answers = await Promise.all(Array.from({ length: 40 }, () => service.call("GET", "/", { from })));
      status = Math.max(...answers.map((answer) => answer.status));
    }
    expect(status).toBe(429);
    expect((await service.call("POST", VERIFY, { key, from })).status).toBe(200);
  });

  test("a key's daily quota ends with 429 and starts again the next day", async () => {
    const { key } = await service.newKey({ daily_quota: 3 });
    for (const left of [2, 1, 0]) {
      const answer = await service.call("POST", VERIFY, { key });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("ratelimit")).toMatch(new RegExp(`^"daily";r=${left};t=\\d+$`));
    }
    const refused = await service.call("POST", VERIFY, { key });
    expect(refused.json).toMatchObject({ type: "/docs#problem-quota-exceeded", status: 429 });
    pass(DAY_MS);
    expect((await service.call("POST", VERIFY, { key })).status).toBe(200);
  });

  test("of simultaneous requests a quota admits exactly what it has left", async () => {
    const { key } = await service.newKey({ daily_quota: 25 });
    const answers = await Promise.all(Array.from({ length: 60 }, () => service.call("POST", VERIFY, { key })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(25);
  });

  test("a blocked address is refused, with or without a key", async () => {
    await service.block("127.0.0.6");
    const key = service.platform.admin_key;
    expect((await service.call("GET", "/", { from: "127.0.0.6" })).status).toBe(403);
    expect((await service.call("POST", VERIFY, { key, from: "127.0.0.6" })).status).toBe(403);
    expect((await service.call("GET", "/")).status).toBe(200);
  });

  test("while the blocklist cannot be read, nobody is blocked", async () => {
    setFaults([{ binding: "CONFIG", error: "KV GET failed: 500" }]);
    expect((await service.call("GET", "/", { from: "127.0.0.7" })).status).toBe(200);
  });
});

describe("managing keys", () => {
  test("an admin key manages the keys of its own tenant only", async () => {
    const acme = await service.newKey({ tenant: "acme", scopes: ["admin"] });
    const other = await service.newKey({ tenant: "other", scopes: ["read"] });
    const listed = (await service.call("GET", KEYS, { key: acme.key })).json.keys as { tenant: string }[];
    expect(new Set(listed.map(({ tenant }) => tenant))).toEqual(new Set(["acme"]));
    const foreign = { name: "x", tenant: "other", scopes: ["read"] };
    expect((await service.call("POST", KEYS, { key: acme.key, body: foreign })).status).toBe(403);
    const own = await service.call("POST", KEYS, { key: acme.key, body: { name: "x", scopes: ["read"] } });
    expect(own).toMatchObject({ status: 201, json: { tenant: "acme" } });
    expect((await service.call("PATCH", `${KEYS}/${other.id}`, { key: acme.key, body: { name: "y" } })).status).toBe(
      404,
    );
    expect((await service.call("DELETE", `${KEYS}/${other.id}`, { key: acme.key })).status).toBe(404);
    expect((await service.call("POST", VERIFY, { key: other.key })).status).toBe(200);
  });

  test("the pages of the list hold every key once, newest first, and no secret", async () => {
    const seen: string[] = [];
    let cursor: unknown = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await service.call("GET", `${KEYS}?limit=3${query}`, { key: service.platform.api_secret });
      expect(page.text).not.toMatch(/hash|prism_/);
      const keys = page.json.keys as { id: string; created_at: string }[];
      seen.push(...keys.map(({ id, created_at }) => `${created_at} ${id}`));
      cursor = page.json.next_cursor;
    }
    const [row] = await service.sql("SELECT COUNT(*) AS count FROM api_keys");
    expect(seen).toHaveLength(Number(row?.count));
    expect(seen).toEqual(seen.toSorted().reverse());
  });

  test("a changed key acts by its change at once, and a revoked one stays revoked since the first time", async () => {
    const { id, key } = await service.newKey({ scopes: ["read"], tenant: "acme" });
    const admin = service.platform.api_secret;
    const changed = await service.call("PATCH", `${KEYS}/${id}`, {
      key: admin,
      body: { scopes: ["chat"], daily_quota: 9 },
    });
    expect(changed).toMatchObject({ status: 200, json: { scopes: ["chat"], daily_quota: 9, tenant: "acme" } });
    expect((await service.call("POST", VERIFY, { key })).json).toMatchObject({ scopes: ["chat"], daily_quota: 9 });
    const first = await service.call("DELETE", `${KEYS}/${id}`, { key: admin });
    pass(SECOND_MS);
    const second = await service.call("DELETE", `${KEYS}/${id}`, { key: admin });
    expect(second.json.revoked_at).toBe(first.json.revoked_at);
    expect((await service.call("POST", VERIFY, { key, from: "127.0.0.3" })).status).toBe(401);
  });

  test.each([
    [{}, "name at least one field"],
    [{ tenant: "other" }, "tenant"],
    [{ scopes: ["root"] }, "scopes[0]"],
    [{ expires_at: "2020-01-01T00:00:00Z" }, "expires_at"],
    [{ daily_quota: 0 }, "daily_quota"],
  ])("the change %j is refused", async (body, named) => {
    const { id } = await service.newKey();
    const answer = await service.call("PATCH", `${KEYS}/${id}`, { key: service.platform.api_secret, body });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(named);
  });
});

describe("Idempotency-Key", () => {
  const make = (idempotencyKey: string, name: string) =>
    service.call("POST", KEYS, {
      key: service.platform.api_secret,
      headers: { "idempotency-key": idempotencyKey },
      body: { name, scopes: ["read"] },
    });

  test("a repeated request gets the first answer and acts once; another body is refused", async () => {
    const first = await make("once", "a");
    const again = await make("once", "a");
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect((await make("once", "b")).json).toMatchObject({ type: "/docs#problem-idempotency-key-reused", status: 422 });
  });

  test("of simultaneous requests one acts, and the others get its answer or 409", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => make("race", "racer")));
    const made = new Set(answers.filter(({ status }) => status === 201).map(({ json }) => json.id));
    expect(made.size).toBe(1);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(await service.sql("SELECT id FROM api_keys WHERE name = 'racer'")).toHaveLength(1);
  });

  test("the database does not know the secret of a key that it can replay", async () => {
    const { text } = await make("sealed", "a");
    const secret = /prism_\w+_(\w+)/.exec(text)?.[1] ?? "none";
    const rows = JSON.stringify(await service.sql("SELECT * FROM idempotency"));
    expect(rows).not.toContain(secret);
    expect(rows).not.toContain("prism_");
  });

  test("a request that failed may be sent again", async () => {
    const refused = { scopes: ["nothing"] };
    const headers = { "idempotency-key": "retry" };
    const key = service.platform.api_secret;
    expect((await service.call("POST", KEYS, { key, headers, body: refused })).status).toBe(400);
    expect(await service.sql("SELECT * FROM idempotency WHERE idempotency_key = 'retry'")).toEqual([]);
    expect((await make("retry", "a")).status).toBe(201);
  });
});
