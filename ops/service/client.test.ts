import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { OpsError } from "../command/errors.ts";
import { type Client, createClient, decode } from "./client.ts";

interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A service that gives the answers in turn, the last one for good, and the requests it saw. */
async function serve(...answers: Answer[]): Promise<{ client: Client; seen: IncomingMessage[]; url: string }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(seen.push(request), answers.length) - 1];
    response.writeHead(answer?.status ?? 500, { "content-type": "application/json", ...answer?.headers });
    response.end(answer?.body === undefined ? undefined : JSON.stringify(answer.body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { client: createClient({ url, token: "secret", signal: new AbortController().signal }), seen, url };
}

const LATER = { "retry-after": "0" };

test("a good answer is its JSON, an empty one is undefined", async () => {
  const { client, seen } = await serve({ status: 200, body: { a: 1 } }, { status: 204 });
  expect(await client.get("/x")).toEqual({ a: 1 });
  expect(await client.delete("/x")).toBeUndefined();
  expect(seen[0]?.headers.authorization).toBe("Bearer secret");
});

test("a refused request is repeated, whatever its method", async () => {
  const { client, seen } = await serve({ status: 429, headers: LATER }, { status: 201, body: { ok: true } });
  expect(await client.post("/x", {})).toEqual({ ok: true });
  expect(seen).toHaveLength(2);
});

test("an unavailable service is asked again only for requests that may be repeated", async () => {
  const once = await serve({ status: 503, headers: LATER }, { status: 200, body: {} });
  await expect(once.client.post("/x", {})).rejects.toThrow("503");
  expect(once.seen).toHaveLength(1);

  const again = await serve({ status: 503, headers: LATER }, { status: 200, body: {} });
  await again.client.post("/x", {}, { repeatable: true });
  await again.client.get("/x");
  expect(again.seen).toHaveLength(3);
});

test("what the service refuses in the mode that somebody has set is not asked for again", async () => {
  const body = { type: "/docs#problem-maintenance", title: "Maintenance", status: 503, detail: "Not now." };
  const { client, seen } = await serve({ status: 503, headers: LATER, body });
  await expect(client.get("/x")).rejects.toMatchObject({
    reason: "mode-refuses",
    message: expect.stringMatching("503 Not now."),
  });
  expect(seen).toHaveLength(1);
});

test("a wait longer than any rate window is reported instead of waited for", async () => {
  const { client, seen } = await serve({ status: 429, headers: { "retry-after": "86400" } });
  await expect(client.get("/x")).rejects.toThrow("429");
  expect(seen).toHaveLength(1);
});

test("a problem document becomes an error with fields, request id, status and a hint", async () => {
  const body = {
    title: "Bad request",
    detail: "Nothing was stored",
    request_id: "r-1",
    errors: [{ path: "name", message: "too long" }],
  };
  const { client } = await serve({ status: 400, body });
  const error = await client.post("/api/v1/keys", {}).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OpsError);
  expect(error).toMatchObject({
    status: 400,
    parts: { op: "POST", subject: "/api/v1/keys", cause: "400 Nothing was stored; name: too long (request r-1)" },
  });
});

test.each([
  ["/api/v1/keys/nope", 400, "npm run ops -- keys list"],
  ["/api/v1/keys/000000000000", 404, "npm run ops -- keys list"],
  ["/api/v1/incidents/nope", 400, "npm run ops -- incident list"],
  ["/api/v1/alerts/nope/silence", 404, "npm run ops -- alerts list"],
  ["/api/v1/alerts/test", 404, "npm run ops -- alerts configure"],
])("%s, which names nothing (%i), is told with the command that lists what there is", async (path, status, command) => {
  const errors = status === 400 ? [{ path: "path.id", message: "twelve letters" }] : [];
  const { client } = await serve({ status, body: { title: "No.", detail: "No.", errors } });
  await expect(client.delete(path)).rejects.toMatchObject({ parts: { hint: expect.stringContaining(command) } });
});

test("a service that cannot be reached is named with its address", async () => {
  const client = createClient({ url: "http://127.0.0.1:1", token: "", signal: new AbortController().signal });
  await expect(client.post("/x", {})).rejects.toThrow(/127\.0\.0\.1:1: no connection/);
});

test("the end of the command ends a request that would be repeated", async () => {
  const { seen, url } = await serve({ status: 429, headers: { "retry-after": "60" } });
  const command = new AbortController();
  const answer = createClient({ url, token: "", signal: command.signal }).get("/x");
  await expect.poll(() => seen.length).toBe(1);
  command.abort(new DOMException("interrupted", "AbortError"));
  await expect(answer).rejects.toThrow("interrupted");
});

test("a service that does not answer within the deadline is reported as slow, not as absent", async () => {
  const { url } = await serve({ status: 429, headers: { "retry-after": "60" } });
  const impatient = createClient({ url, token: "", signal: AbortSignal.timeout(50) });
  await expect(impatient.get("/x")).rejects.toMatchObject({ parts: { cause: "no answer in time" } });
});

test("an answer of another shape names the field that differs", () => {
  expect(() => decode(z.object({ job_id: z.string() }), { job: 1 }, "POST /x")).toThrow(/POST \/x.*job_id/);
});
