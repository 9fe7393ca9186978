/**
 * Two thousand malformed requests over every route of `/openapi.json`: each is refused with a problem document (on
 * `/v1/` with an error as OpenAI has them, on `/mcp` as JSON-RPC has them), none is a 5xx, and the stores are the same afterwards. `PRISM_TEST_SEED` repeats a run.
 */
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BUCKETS } from "../infra/inventory.ts";
import { DEFECTS, malformedRequests, type Sent } from "./malformed.fixture.ts";
import { type OpenApiOperation, type Operation, operationOf, VALID_BODIES } from "./operation.fixture.ts";
import { type Service, startService } from "./service.fixture.ts";

const REQUESTS = 2_000;
const PARALLEL = 16;
const SEED = Number(process.env.PRISM_TEST_SEED ?? Date.now() % 2 ** 31);

let service: Service;
let operations: Operation[];
beforeAll(async () => {
  service = await startService();
  await service.call("PUT", "/api/v1/documents/kept", {
    text: "The weevil eats grain.",
    metadata: { collection: "c" },
  });
  const batch = await service.call("POST", "/api/v1/documents/batch", { documents: [{ id: "kept2", text: "Kept." }] });
  await service.job(batch.json.job_id);
  await service.key({ scopes: ["read"] });
  const [key] = (await service.call("GET", "/api/v1/keys")).json.keys;
  const { json: spec } = await service.call("GET", "/openapi.json", undefined, { key: null });
  const incident = await service.call("POST", "/api/v1/incidents", VALID_BODIES["POST /api/v1/incidents"]);
  const window = await service.call("POST", "/api/v1/maintenance", VALID_BODIES["POST /api/v1/maintenance"]);
  const ids: Record<string, string> = {
    documents: "kept",
    models: "balanced",
    jobs: batch.json.job_id,
    keys: key.id,
    blocklist: "203.0.113.7",
    incidents: String(incident.json.id),
    maintenance: String(window.json.id),
    alerts: "error-rate",
    heartbeats: "backup",
  };
  operations = Object.entries<Record<string, OpenApiOperation>>(spec.paths).flatMap(([path, described]) => {
    const methods = Object.keys(described).map((method) => method.toUpperCase());
    return Object.entries(described).map(([method, operation]) =>
      operationOf(method.toUpperCase(), path, operation, ids, methods),
    );
  });
});
afterAll(() => service.close());

const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
afterAll(() => agent.destroy());

function send({
  method,
  path,
  headers,
  body,
}: Sent): Promise<{ status: number; type: string; id: string; text: string }> {
  const { hostname, port } = new URL(service.platform.url);
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, method, path, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (piece: string) => {
        text += piece;
      });
      incoming.on("error", reject).on("end", () => {
        const { "content-type": type = "", "x-request-id": id } = incoming.headers;
        resolve({ status: incoming.statusCode ?? 0, type, id: String(id), text });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body ?? undefined);
  });
}

/** What is wrong with an answer, or null. */
async function fault(sent: Sent): Promise<string | null> {
  const { status, type, id, text } = await send(sent);
  if (status >= 200 && status < 400) return sent.may_succeed ? null : `was accepted with ${status}`;
  if (status >= 500 || status < 400) return `got ${status} ${text.slice(0, 300)}`;
  if (sent.path.split("?")[0] === "/mcp") {
    const { jsonrpc, error } = JSON.parse(text) as { jsonrpc?: unknown; error?: Record<string, unknown> };
    const whole = jsonrpc === "2.0" && typeof error?.code === "number" && typeof error.message === "string";
    return type.startsWith("application/json") && whole ? null : `got no JSON-RPC error: ${type} ${text.slice(0, 300)}`;
  }
  if (sent.path.startsWith("/v1/")) {
    const { error } = JSON.parse(text) as { error?: Record<string, unknown> };
    const whole = [error?.message, error?.type, error?.code].every((part) => typeof part === "string" && part !== "");
    return type.startsWith("application/json") && whole
      ? null
      : `got an incomplete error: ${type} ${text.slice(0, 300)}`;
  }
  if (!type.startsWith("application/problem+json")) return `got ${status} as ${type}`;
  const problem = JSON.parse(text) as Record<string, unknown>;
  const whole =
    problem.status === status &&
    problem.request_id === id &&
    [problem.type, problem.title, problem.detail].every((part) => typeof part === "string" && part !== "");
  return whole ? null : `got an incomplete problem document: ${text.slice(0, 300)}`;
}

/** Hashes of all that a request could have changed: D1 (keys of repeated requests and counts apart) and the packs. */
async function contents(): Promise<Record<string, string>> {
  const { runtime } = service.platform;
  const database = runtime.registry.list("d1")[0]?.uuid ?? "";
  const query = async (sql: string) => (await runtime.queryD1(database, [{ sql }]))[0]?.rows ?? [];
  const hash = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");
  const tables = await query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf*' ORDER BY name",
  );
  const state: Record<string, string> = {};
  for (const [table] of tables) {
    if (table === "idempotency") continue;
    state[String(table)] = hash(await query(`SELECT * FROM "${table}"`));
  }
  const bucket = await runtime.r2(BUCKETS.vectors.name);
  state.packs = hash((await bucket.list()).objects.map(({ key, etag }) => [key, etag]));
  return state;
}

test(`${REQUESTS} malformed requests get a problem document, never a 5xx, and change nothing`, async () => {
  const before = await contents();
  expect(Object.keys(before)).toEqual(expect.arrayContaining(["documents", "chunks", "api_keys", "jobs", "packs"]));
  const requests = fc.sample(malformedRequests(operations, service.platform.admin_key), {
    numRuns: REQUESTS,
    seed: SEED,
  });
  expect(new Set(requests.map(({ defect }) => defect))).toEqual(new Set(Object.keys(DEFECTS)));
  const faults: string[] = [];
  const queue = requests.values();
  const worker = async () => {
    for (const sent of queue) {
      const problem = await fault(sent).catch((error: unknown) => `broke: ${error}`);
      if (problem) {
        const { authorization: _, ...headers } = sent.headers;
        const shown = sent.body?.toString("latin1").slice(0, 200);
        faults.push(
          `${sent.defect}: ${sent.method} ${sent.path.slice(0, 200)} ${JSON.stringify(headers)} ${shown} ${problem}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  expect(faults.slice(0, 20), `repeat with PRISM_TEST_SEED=${SEED}`).toEqual([]);
  expect(await contents()).toEqual(before);
});
