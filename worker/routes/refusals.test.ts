/** Requests that were taken for others, or broke something, before they were refused. */
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

describe("long arrays and objects", () => {
  const wrongFields = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, null]));
  const bodies: [string, string, unknown][] = [
    [
      "a filter of 130 000 numbers",
      "/api/v1/search",
      { query: "q", filter: { author: { $in: Array(130_000).fill(1) } } },
    ],
    ["130 000 scopes", "/api/v1/keys", { name: "k", scopes: Array(130_000).fill(1) }],
    [
      "1000 documents of 500 wrong fields",
      "/api/v1/documents/batch",
      { documents: Array.from({ length: 1_000 }, (_, i) => ({ id: `d${i}`, text: "t", metadata: wrongFields })) },
    ],
    [
      "1000 documents of 64 wrong fields",
      "/api/v1/documents/batch",
      {
        documents: Array.from({ length: 1_000 }, (_, i) => ({
          id: `d${i}`,
          text: "t",
          metadata: Object.fromEntries(Object.entries(wrongFields).slice(0, 64)),
        })),
      },
    ],
  ];
  const wrongOutline = Array(1_000).fill(0);
  bodies.push(
    [
      "1000 documents of 1000 wrong entries of an outline",
      "/api/v1/documents/batch",
      { documents: Array.from({ length: 1_000 }, (_, i) => ({ id: `d${i}`, text: "t", outline: wrongOutline })) },
    ],
    [
      "1000 messages of 400 wrong parts",
      "/v1/chat/completions",
      { model: "balanced", messages: Array(1_000).fill({ role: "user", content: Array(400).fill(0) }) },
    ],
  );
  test.each(bodies)("%s are refused", async (_, path, body) => {
    expect((await service.call("POST", path, body)).status).toBe(400);
  });
});

test("an outline of more than a thousand declarations is taken", async () => {
  const lines = Array.from({ length: 1_500 }, (_, at) => `export const name${at} = ${at};`);
  const outline = lines.map((_, at) => ({ line: at + 1, symbol: `name${at}` }));
  const body = { text: lines.join("\n"), format: "code", outline };
  expect((await service.call("PUT", "/api/v1/documents/generated.ts", body)).status).toBe(201);
});

describe("ids and paths", () => {
  test("an id that no URL can name is refused", async () => {
    for (const id of [".", ".."]) {
      expect((await service.call("POST", "/api/v1/documents", { id, text: "t" })).status).toBe(400);
    }
  });

  test("a path or query that is not percent-encoded UTF-8 is refused, for every method", async () => {
    for (const target of [
      "documents/%ff",
      "documents/a%",
      "documents/%zz",
      "documents/%ed%a0%80",
      "documents?cursor=%ff",
    ]) {
      expect((await service.call("GET", `/api/v1/${target}`)).status, target).toBe(400);
    }
    expect((await service.call("PUT", "/api/v1/documents/%ff", { text: "t" })).status).toBe(400);
    expect((await service.call("PUT", "/api/v1/documents/%25ff", { text: "t" })).json.id).toBe("%ff");
  });
});

describe("what would have been changed in silence", () => {
  test("what may be one thing or another says which, where it is neither", async () => {
    for (const owner of [{ a: 1 }, ["a"], null]) {
      const { json } = await service.call("PUT", "/api/v1/documents/m", { text: "t", metadata: { owner } });
      expect(json.detail).toBe("`metadata.owner`: must be a string, a number or a boolean: nothing nested, no null.");
    }
    for (const language of [["en"], null, 5]) {
      const { json } = await service.call("POST", "/api/v1/search", { query: "q", filter: { language } });
      expect(json.detail).toMatch(/^`filter\.language`: must be a string, or an object of \$eq, \$ne, \$in, .*\$gte/);
    }
  });

  test("metadata named __proto__ is refused", async () => {
    const body = '{"text": "t", "metadata": {"__proto__": "v", "a": "b"}}';
    expect((await service.call("PUT", "/api/v1/documents/proto", body)).status).toBe(400);
  });

  test("a number in a query is decimal digits", async () => {
    for (const limit of ["0x10", "1e2", "+5", " 5", "5.0", "", "0", "99999999999"]) {
      for (const path of ["documents", "keys"]) {
        const answer = await service.call("GET", `/api/v1/${path}?limit=${encodeURIComponent(limit)}`);
        expect(answer.status, `${path} ${limit}`).toBe(400);
      }
    }
    expect((await service.call("GET", "/api/v1/documents?limit=5")).status).toBe(200);
    const twice = await service.call("GET", "/api/v1/documents?limit=5&limit=6");
    expect(twice).toMatchObject({ status: 400, json: { detail: "`query.limit`: must be given once." } });
  });

  test("a repetition with another query is another request", async () => {
    const headers = { "idempotency-key": "once-only" };
    const body = { id: "once", text: "t" };
    expect((await service.call("POST", "/api/v1/documents", body, { headers })).status).toBe(201);
    expect((await service.call("POST", "/api/v1/documents", body, { headers })).status).toBe(201);
    expect((await service.call("POST", "/api/v1/documents?x=1", body, { headers })).status).toBe(422);
  });
});

test("a Host that is no host gets a page or a refusal, never a failure", async () => {
  for (const host of ["a b", "x:99999", "[", "%"]) {
    for (const path of ["/", "/docs", "/api/v1/documents"]) {
      expect(await statusFor(path, host), `${host} ${path}`).toBeLessThan(500);
    }
  }
  // Whoever reads the request next may take the other one.
  expect(await statusFor("/", "a", "b")).toBe(400);
});

function statusFor(path: string, ...hosts: string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = ["Accept", "text/html", ...hosts.flatMap((host) => ["Host", host])];
  const sent = request(`${service.platform.url}${path}`, { headers }, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  sent.on("error", reject).end();
  return promise;
}

test.each([", ", " ,", ",\t", '"a" ', ' ,"a"', "W/", "\t "])(
  "a condition that goes on with %j and is no list of tags is refused, however long it is",
  async (piece) => {
    const almost = `"a"${piece.repeat(2_000)}x`;
    for (const name of ["if-match", "if-none-match"]) {
      const { status } = await service.call("GET", "/api/v1/documents/any", undefined, { headers: { [name]: almost } });
      expect([name, status]).toEqual([name, 404]);
      const put = await service.call("PUT", "/api/v1/documents/any", { text: "x" }, { headers: { [name]: almost } });
      expect([name, put.status]).toEqual([name, 400]);
    }
  },
);

test("an empty condition never arrives: the runtime drops it, as the description says, while a list of nothing is refused", async () => {
  const put = (condition: string, text: string) =>
    service.call("PUT", "/api/v1/documents/empty", { text }, { headers: { "if-match": condition } });
  expect((await put("", "One.")).status).toBe(201);
  expect((await put(" ", "Two.")).status).toBe(200);
  expect((await put(",", "Three.")).status).toBe(400);
  expect((await put('""', "Four.")).status).toBe(412);
  const { json } = await service.call("GET", "/openapi.json");
  expect(json.paths["/api/v1/documents/{id}"].put.description).toContain("without a value");
});

describe("keys", () => {
  test("a tenant's admin key gives no more than it has; the bootstrap secret does", async () => {
    const key = await service.key({ scopes: ["admin"], tenant: "limited", rate_tier: "low", daily_quota: 500 });
    const own = (await service.call("GET", "/api/v1/keys", undefined, { key })).json.keys[0].id;
    const change = async (body: object, by: string) =>
      (await service.call("PATCH", `/api/v1/keys/${own}`, body, { key: by })).status;
    for (const raised of [
      { daily_quota: 501 },
      { daily_quota: null },
      { rate_tier: "standard" },
      { rate_tier: "high" },
    ]) {
      expect(await change(raised, key), JSON.stringify(raised)).toBe(403);
    }
    const another = { name: "more", scopes: ["read"], rate_tier: "low", daily_quota: 500 };
    expect((await service.call("POST", "/api/v1/keys", another, { key })).status).toBe(403);
    expect(await change({ daily_quota: 400 }, key)).toBe(200);
    expect(await change({ daily_quota: null, rate_tier: "high" }, service.platform.api_secret)).toBe(200);
  });

  test("a key that ends makes none that outlives it, and does not outlive itself", async () => {
    const end = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * 86_400_000).toISOString();
    const wanted = { name: "guest", scopes: ["admin"], tenant: "guests", expires_at: end(1) };
    const { json } = await service.call("POST", "/api/v1/keys", wanted, { key: service.platform.api_secret });
    const { key, id, expires_at } = json;
    const make = (more: object) =>
      service.call("POST", "/api/v1/keys", { name: "k", scopes: ["admin"], ...more }, { key });
    for (const later of [null, end(2)]) {
      expect((await make({ expires_at: later })).status).toBe(403);
      expect((await service.call("PATCH", `/api/v1/keys/${id}`, { expires_at: later }, { key })).status).toBe(403);
    }
    expect((await make({})).json.expires_at).toBe(expires_at);
    const sooner = end(0.5);
    expect((await make({ expires_at: sooner })).json.expires_at).toBe(sooner);
  });

  test("a key made without a tier has no higher one than its maker", async () => {
    const key = await service.key({ scopes: ["admin"], tenant: "slow", rate_tier: "low" });
    const made = await service.call("POST", "/api/v1/keys", { name: "k", scopes: ["read"] }, { key });
    expect(made.json).toMatchObject({ rate_tier: "low", daily_quota: null });
  });

  test("a name that commands a terminal or forges a line is refused", async () => {
    for (const sign of ["\u001b[2K", "\r", "\n", "\u009b", "\u2028", "\u202e"]) {
      const body = { name: `a${sign}b`, scopes: ["read"] };
      expect((await service.call("POST", "/api/v1/keys", body)).status, JSON.stringify(sign)).toBe(400);
    }
    for (const name of ["\u200b", " \u00ad "])
      expect((await service.call("POST", "/api/v1/keys", { name, scopes: ["read"] })).status).toBe(400);
  });
});
