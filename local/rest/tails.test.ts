import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { line, logged, trace } from "../telemetry/trace.fixture.ts";
import type { Trace } from "../telemetry/trace.ts";
import { type RestUnderTest, startRest } from "./rest-server.fixture.ts";

let rest: RestUnderTest;
beforeAll(async () => {
  rest = await startRest();
  const form = new FormData();
  form.set("metadata", JSON.stringify({ main_module: "a.js", compatibility_date: "2026-11-01" }));
  const type = "application/javascript+module";
  form.set("a.js", new File(["export default { fetch: () => new Response() }"], "a.js", { type }));
  const { url, account_id } = rest;
  const headers = { Authorization: "Bearer test-token" };
  await fetch(`${url}/accounts/${account_id}/workers/scripts/prism`, { method: "PUT", headers, body: form });
});
afterAll(() => rest?.close());

/** Opens a tail and its websocket. */
async function watch(filters: object[], protocol = "trace-v1") {
  const { status, body } = await rest.call("POST", "/workers/scripts/prism/tails", { filters });
  expect({ status, ...body }).toMatchObject({ status: 200, success: true });
  const socket = new WebSocket(body.result.url, protocol);
  const received: { outcome: string }[] = [];
  socket.on("message", (data) => received.push(JSON.parse(String(data))));
  await once(socket, "open");
  return { id: body.result.id, expires_at: body.result.expires_at, socket, received };
}

/** What a tail with these filters is told of a trace. */
async function told(filters: object[], one: Trace): Promise<boolean> {
  const { id, socket, received } = await watch(filters);
  rest.tails.tell(line(one), 0);
  await ended(id, socket);
  return received.length > 0;
}

/** Ends a tail: what it was told has arrived by then. */
async function ended(id: string, socket: WebSocket): Promise<void> {
  await rest.call("DELETE", `/workers/scripts/prism/tails/${id}`);
  if (socket.readyState !== WebSocket.CLOSED) await once(socket, "close");
}

const failed = trace({
  outcome: "exception",
  version_id: "v2",
  logs: [logged({ words: "in an object" }), logged("a line of text")],
  exceptions: [{ name: "Error", message: "boom", timestamp: 0 }],
  event: {
    request: {
      url: "https://p/",
      method: "PUT",
      headers: { "x-team": "blue whales", "cf-connecting-ip": "127.0.0.1" },
    },
    response: { status: 500 },
  },
});

test("a watcher gets traces of its script in the shape of a Tail Worker, until the tail is ended", async () => {
  const { id, expires_at, socket, received } = await watch([]);
  expect(Date.parse(expires_at)).toBeGreaterThan(Date.now());
  // As wrangler does it, against RFC 6455.
  socket.send(JSON.stringify({ debug: false }), { mask: false });
  socket.ping("still there?");
  const [pong] = await once(socket, "pong");
  expect(String(pong)).toBe("still there?");
  rest.tails.tell(line(trace({ script_name: "other" })), 0);
  rest.tails.tell(line({ ...failed, begun_ms: 1000 }), 500);
  const deleted = await rest.call("DELETE", `/workers/scripts/prism/tails/${id}`);
  const [code] = socket.readyState === WebSocket.CLOSED ? [1000] : await once(socket, "close");
  expect([deleted.status, code]).toEqual([200, 1000]);
  expect(received).toEqual([
    expect.objectContaining({
      scriptName: "prism",
      scriptVersion: { id: "v2" },
      outcome: "exception",
      eventTimestamp: 1500,
      event: expect.objectContaining({ response: { status: 500 } }),
      logs: [expect.objectContaining({ message: [{ words: "in an object" }] }), expect.anything()],
      exceptions: [expect.objectContaining({ message: "boom" })],
    }),
  ]);
  expect((await rest.call("DELETE", `/workers/scripts/prism/tails/${id}`)).status).toBe(404);
});

test.each<[string, object, boolean]>([
  ["its outcome", { outcome: ["exception", "exceededCpu"] }, true],
  ["another outcome", { outcome: ["ok"] }, false],
  ["its method, in any case", { method: ["post", "put"] }, true],
  ["another method", { method: ["GET"] }, false],
  ["a header that it has", { header: { key: "X-Team" } }, true],
  ["a header that contains", { header: { key: "x-team", query: "whale" } }, true],
  ["a header with other text", { header: { key: "x-team", query: "red" } }, false],
  ["the caller's own address", { client_ip: ["self"] }, true],
  ["another address", { client_ip: ["192.0.2.1"] }, false],
  ["words of a line", { query: "line of" }, true],
  ["words of an object", { query: "an object" }, true],
  ["words of an exception", { query: "boom" }, true],
  ["words that are nowhere", { query: "silence" }, false],
  ["its version", { scriptVersion: "v2" }, true],
  ["another version", { scriptVersion: "v1" }, false],
])("an invocation is filtered by %s", async (_, filter, expected) => {
  expect(await told([filter], failed)).toBe(expected);
  expect(await told([filter, { query: "silence" }], failed)).toBe(false);
});

test("a cron task passes filters of any invocation, and none of a request", async () => {
  const cron = trace({ event: { cron: "* * * * *", scheduledTime: 0 } });
  expect(await told([{ outcome: ["ok"] }], cron)).toBe(true);
  expect(await told([{ method: ["GET"] }], cron)).toBe(false);
});

test("a rate lets about its share through", async () => {
  const { id, socket, received } = await watch([{ sampling_rate: 0.25 }]);
  for (let n = 0; n < 400; n++) rest.tails.tell(line(failed), 0);
  await ended(id, socket);
  expect(received.length).toBeGreaterThan(50);
  expect(received.length).toBeLessThan(160);
});

test("refused: an unknown filter, a script that does not exist, more tails than a script may have, a wrong address", async () => {
  const open = (path: string, filters: object[]) => rest.call("POST", `/workers/scripts/${path}/tails`, { filters });
  expect((await open("prism", [{ colour: "red" }])).status).toBe(400);
  expect((await open("nobody", [])).status).toBe(404);
  let status = 200;
  for (let n = 0; n < 11 && status === 200; n++) ({ status } = await open("prism", []));
  expect(status).toBe(429);
  const socket = new WebSocket(
    `${rest.url.replace("http", "ws").replace("/client/v4", "")}/local/tails/${"0".repeat(32)}`,
  );
  const [error] = await once(socket, "error");
  expect(String(error)).toContain("404");
});
