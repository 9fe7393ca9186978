import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Service, startService } from "./callers.fixture.ts";

const FEEDBACK = "/api/v1/feedback";
const VERIFY = "/api/v1/auth/verify";
const ORIGIN = "https://app.example.com";

let service: Service;
let key: string;
beforeAll(async () => {
  service = await startService({ faults: true, variables: { CORS_ORIGINS: ORIGIN, LOG_LEVEL: "DEBUG" } });
  ({ key } = await service.newKey());
});
afterAll(() => service.close());

const post = (body: string | Uint8Array, headers: Record<string, string> = {}, chunked = false) =>
  service.call("POST", FEEDBACK, { key, body, headers: { "content-type": "application/json", ...headers }, chunked });

describe("headers", () => {
  test("successes, refusals, unknown paths, wrong methods and defects all carry them", async () => {
    const { faults } = service.platform;
    await service.call("POST", VERIFY, { key });
    if (faults) faults.rules = [{ binding: "DB", method: "prepare", error: "a defect" }];
    const defect = await post(JSON.stringify({ request_id: "12345678", rating: 1 }));
    if (faults) faults.rules = [];
    const answers: Record<number, Answer> = {
      200: await service.call("POST", VERIFY, { key }),
      401: await service.call("POST", VERIFY),
      404: await service.call("GET", "/no/such/path"),
      405: await service.call("DELETE", VERIFY),
      415: await post("a=b", { "content-type": "application/x-www-form-urlencoded" }),
      500: defect,
    };
    for (const [status, { headers, ...answer }] of Object.entries(answers)) {
      expect(answer.status).toBe(Number(status));
      expect(headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
      expect(headers.get("x-worker-version")).toBeTruthy();
      expect(headers.get("x-edge-location")).toBeTruthy();
      expect(headers.get("server-timing")).toMatch(/total;dur=\d/);
      expect(headers.get("strict-transport-security")).toMatch(/^max-age=\d{8}/);
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("x-frame-options")).toBe("DENY");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      if (status === "200") continue;
      expect(headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
      expect(answer.json).toMatchObject({ status: Number(status), request_id: headers.get("x-request-id") });
    }
    expect(answers[405]?.headers.get("allow")).toBe("POST");
    expect(answers[500]?.text).not.toContain("a defect");
  });

  test("a caller's request id and trace are taken over when they are valid, and replaced when not", async () => {
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const taken = await service.call("GET", "/", {
      headers: { "x-request-id": "order-4711", traceparent: `00-${trace}-b7ad6b7169203331-01` },
    });
    expect(taken.headers.get("x-request-id")).toBe("order-4711");
    expect(taken.headers.get("traceparent")).toMatch(new RegExp(`^00-${trace}-[\\da-f]{16}-01$`));
    const replaced = await service.call("GET", "/", { headers: { "x-request-id": "<b>", traceparent: "00-0-0-0" } });
    expect(replaced.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
    expect(replaced.headers.get("traceparent")).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
  });

  test("only origins on the list get CORS headers, and caches are told that it matters", async () => {
    const preflight = { "access-control-request-method": "POST" };
    const allowed = await service.call("OPTIONS", FEEDBACK, { headers: { origin: ORIGIN, ...preflight } });
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    const allowedHeaders = allowed.headers.get("access-control-allow-headers")?.split(",") ?? [];
    // Whatever a route heeds, a page may send.
    for (const name of ["authorization", "idempotency-key", "if-match", "if-none-match", "x-request-id"])
      expect(allowedHeaders).toContain(name);
    for (const origin of ["https://evil.example.com", `${ORIGIN}.evil.com`, "null"]) {
      const refused = await service.call("POST", VERIFY, { key, headers: { origin } });
      expect(refused.headers.get("access-control-allow-origin")).toBeNull();
    }
    expect((await service.call("GET", "/docs")).headers.get("vary")).toContain("Origin");
  });

  test("a page of a listed origin may send every header that the API takes, and read every one that it answers with", async () => {
    const { json: spec } = await service.call("GET", "/openapi.json");
    const operations = Object.values(spec.paths as object).flatMap((item) => Object.values(item)) as {
      parameters?: { in: string; name: string }[];
    }[];
    const taken = operations.flatMap(({ parameters = [] }) =>
      parameters.flatMap((parameter) => (parameter.in === "header" ? [parameter.name.toLowerCase()] : [])),
    );
    const preflight = { origin: ORIGIN, "access-control-request-method": "PUT" };
    const allowed = (await service.call("OPTIONS", FEEDBACK, { headers: preflight })).headers;
    const mayBeSent = (allowed.get("access-control-allow-headers") ?? "").split(",");
    expect(taken).toContain("if-none-match");
    expect(mayBeSent).toEqual(expect.arrayContaining([...taken, "traceparent", "x-request-id"]));

    const from = { origin: ORIGIN };
    const document = { title: "A page reads it", text: "Every header of it." };
    const put = { key, headers: { ...from, "content-type": "application/json" }, body: JSON.stringify(document) };
    const headers = { ...from, "idempotency-key": "from-a-page" };
    const repeated = () =>
      service.call("POST", "/api/v1/keys", { key, headers, body: { name: "a page's", scopes: ["read"] } });
    const answers = [
      await service.call("PUT", "/api/v1/documents/read-by-a-page", put),
      await service.call("GET", "/api/v1/documents/read-by-a-page?debug=1", { key, headers: from }),
      await repeated(),
      await repeated(),
      await service.call("GET", VERIFY, { headers: from }),
      await service.call("POST", VERIFY, { headers: from }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 201, 201, 405, 401]);
    /** What pages may always read, what is an order to the browser, and what is the connection's. */
    const others =
      /^(cache-control|content-(language|length|type|security-policy)|expires|last-modified|pragma|access-control-.*|cross-origin-.*|strict-transport-security|x-(frame|content-type)-options|referrer-policy|permissions-policy|vary|date|connection|keep-alive|transfer-encoding|content-encoding)$/;
    for (const { headers, status } of answers) {
      const readable = (headers.get("access-control-expose-headers") ?? "").split(",");
      const unreadable = [...headers.keys()].filter((name) => !others.test(name) && !readable.includes(name));
      expect(unreadable, String(status)).toEqual([]);
    }
  });

  test("a debug-scoped key sees how many queries an answer took", async () => {
    const answer = await service.call("GET", "/api/v1/keys?debug=1", { key });
    expect(Number(answer.headers.get("x-database-queries"))).toBeGreaterThan(0);
    expect((await service.call("GET", "/api/v1/keys", { key })).headers.get("x-database-queries")).toBeNull();
  });
});

describe("bodies", () => {
  test.each([
    ["truncated JSON", '{"request_id":"12345678","rating":5', {}, 400],
    ["broken UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), {}, 400],
    ["a key given twice", '{"rating":1,"r\\u0061ting":5,"request_id":"12345678"}', {}, 400],
    ["deep nesting", `{"comment":${"[".repeat(5000)}${"]".repeat(5000)}}`, {}, 400],
    ["an empty body", "", {}, 400],
    ["another content type", "rating=5", { "content-type": "text/plain" }, 415],
    ["another character set", "{}", { "content-type": "application/json; charset=utf-16" }, 415],
    ["a compressed body", "{}", { "content-encoding": "gzip" }, 415],
  ])("%s is refused", async (_, body, headers, status) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  });

  test.each([
    "application/json ; charset=utf-8",
    'Application/JSON;charset="UTF-8"',
    "application/json;",
    "application/json;; charset=utf-8",
    'application/json; profile="a;b"; x_y=1',
  ])("JSON may be called so, as HTTP allows: %s", async (type) => {
    const valid = JSON.stringify({ request_id: "12345678", rating: 5 });
    expect((await post(valid, { "content-type": type })).status).toBe(201);
    const refused = await post("{", { "content-type": type });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("not valid JSON")]);
  });

  test("a body over the limit is refused, whether its length is announced or not", async () => {
    const large = `{"comment":"${"x".repeat(1024 * 1024)}"}`;
    expect((await post(large)).status).toBe(413);
    expect((await post(large, {}, true)).status).toBe(413);
    const small = JSON.stringify({ request_id: "12345678", rating: 5 });
    expect((await post(small, {}, true)).status).toBe(201);
  });

  test("where every field is optional the body may be absent, and one without its type is refused", async () => {
    const path = "/api/v1/audit-export/verify-integrity";
    // Neither a type nor a length, as `curl -X POST` sends it.
    const headers = { "transfer-encoding": "chunked" };
    expect((await service.call("POST", path, { key, headers })).json).toMatchObject({ ok: true });
    expect((await service.call("POST", path, { key, body: "{}" })).status).toBe(415);
    // What is optional keeps its default, once the meter has heard of the requests before.
    const update = () => service.call("POST", "/monitoring/baseline-update", { key, headers });
    await expect.poll(async () => (await update()).json, { timeout: 20_000 }).toMatchObject({ period: "24h" });
    const lacking = await service.call("POST", FEEDBACK, { key, headers });
    expect([lacking.status, lacking.text]).toEqual([400, expect.stringContaining("`request_id`")]);
  });

  test("fields that do not fit, unknown ones included, are named with their path", async () => {
    const answer = await post('{"request_id":"12345678","rating":9,"colour":"red"}');
    const paths = (answer.json.errors as { path: string }[]).map(({ path }) => path);
    expect(answer.status).toBe(400);
    expect(paths.toSorted()).toEqual(["colour", "rating"]);
    const query = await service.call("GET", "/api/v1/keys?limit=0&colour=red", { key });
    expect(query.status).toBe(400);
    expect(query.text).toContain("query.limit");
    expect(query.text).toContain("query.colour");
  });

  test("no body makes the service fail, and none that is refused leaves anything behind", async () => {
    const before = await service.sql("SELECT COUNT(*) AS count FROM feedback");
    const body = fc.oneof(
      fc.json(),
      fc.string({ unit: "binary" }),
      fc.uint8Array(),
      fc.record({ request_id: fc.anything(), rating: fc.anything() }).map((value) => `${JSON.stringify(value)} `),
    );
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        const { status } = await post(bytes);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    expect(await service.sql("SELECT COUNT(*) AS count FROM feedback")).toEqual(before);
  });
});

describe("log lines", () => {
  test("each request leaves one line with its route pattern and no text of the caller", async () => {
    const secret = "planted4711";
    const { logs, platform } = service;
    const id = (call: number) => ({ "x-request-id": `logged-${call}`, "content-type": "application/json" });
    await post(JSON.stringify({ request_id: "12345678", rating: 5, comment: secret }), { ...id(0), "x-note": secret });
    await post(`{"${secret}": "${secret}`, id(1));
    await post(JSON.stringify({ [secret]: secret }), id(2));
    const headers = id(3);
    await service.call("PATCH", `/api/v1/keys/${secret}?q=${secret}`, { key, headers, body: { name: secret } });
    await service.call("GET", `/${secret}`, { key: secret, headers: id(4) });
    await service.call("POST", VERIFY, { key: `prism_000000000000_${secret}`, headers: id(5) });
    const linesOfCalls = () =>
      logs.map((line) => JSON.parse(line)).filter(({ request_id }) => String(request_id).startsWith("logged-"));
    await expect.poll(linesOfCalls).toHaveLength(6);
    const lines = linesOfCalls().toSorted((a, b) => a.request_id.localeCompare(b.request_id));
    expect(lines.map(({ endpoint }) => endpoint)).toEqual([
      FEEDBACK,
      FEEDBACK,
      FEEDBACK,
      "/api/v1/keys/:id",
      "unmatched",
      VERIFY,
    ]);
    expect(lines[0]).toMatchObject({
      level: "INFO",
      message: "request",
      service: "prism",
      environment: "local",
      method: "POST",
      status_code: 201,
      user_id: expect.any(String),
      request_id: expect.any(String),
      trace_id: expect.stringMatching(/^[\da-f]{32}$/),
      duration_ms: expect.any(Number),
    });
    for (const word of [secret, key, platform.api_secret]) expect(logs.join("\n")).not.toContain(word);
  });

  test("a defect is logged with its cause and stack", async () => {
    const { faults } = service.platform;
    if (faults) faults.rules = [{ binding: "DB", method: "prepare", error: "the database is on fire" }];
    await post(JSON.stringify({ request_id: "12345678", rating: 1 }));
    if (faults) faults.rules = [];
    await expect.poll(() => service.logs.join("\n")).toContain("the database is on fire");
    const line = service.logs.map((text) => JSON.parse(text)).findLast(({ level }) => level === "ERROR");
    expect(line).toMatchObject({ status_code: 500, error: { type: "Error", stack: expect.any(String) } });
  });
});
