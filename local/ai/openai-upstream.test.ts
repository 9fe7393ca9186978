/** The whole platform over a server that speaks OpenAI's protocol, as Ollama, LM Studio and vLLM do. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BREAKER_OPEN_MS } from "../../worker/limits.ts";
import { eventsOf, type Service, startService } from "../../worker/service.fixture.ts";
import { AiService } from "./service.ts";

const DIMENSIONS = 8;
const requests: { path: string; authorization: string | undefined; body: Record<string, unknown> }[] = [];
let broken: ((outgoing: ServerResponse) => void) | null = null;
let upstream: Server;
let service: Service;
const environment: Record<string, string> = {};

/** Letters counted into a few buckets: near enough to a meaning for a test. */
function embedding(text: string): number[] {
  const vector = Array<number>(DIMENSIONS).fill(0.01);
  for (const letter of text.toLowerCase())
    vector[letter.charCodeAt(0) % DIMENSIONS] = (vector[letter.charCodeAt(0) % DIMENSIONS] ?? 0) + 1;
  return vector;
}

function serve(path: string, body: Record<string, unknown>, outgoing: ServerResponse): void {
  const json = (value: unknown) => outgoing.setHeader("content-type", "application/json").end(JSON.stringify(value));
  if (path === "/v1/embeddings") {
    return void json({ data: (body.input as string[]).map((text, index) => ({ index, embedding: embedding(text) })) });
  }
  const prompt = (body.messages as { content: string }[]).at(-1)?.content ?? "";
  const [, id] = /<(\d+)>/.exec(prompt) ?? [];
  const answer = `It eats grain [${id}]. Also [31337] says so.`;
  const usage = { prompt_tokens: 111, completion_tokens: 22, total_tokens: 133 };
  if (!body.stream) return void json({ choices: [{ message: { role: "assistant", content: answer } }], usage });
  outgoing.setHeader("content-type", "text/event-stream");
  for (const piece of answer.match(/.{1,3}/gs) ?? []) {
    outgoing.write(`data: ${JSON.stringify({ choices: [{ delta: { content: piece } }] })}\n\n`);
  }
  outgoing.write(`data: ${JSON.stringify({ choices: [], usage })}\n\n`);
  outgoing.end("data: [DONE]\n\n");
}

beforeAll(async () => {
  upstream = createServer(async (incoming, outgoing) => {
    let text = "";
    for await (const piece of incoming) text += piece;
    const path = incoming.url ?? "";
    const body = JSON.parse(text);
    requests.push({ path, authorization: incoming.headers.authorization, body });
    if (broken) broken(outgoing);
    else serve(path, body, outgoing);
  }).listen(0, "127.0.0.1");
  await once(upstream, "listening");
  Object.assign(environment, {
    PRISM_AI_BASE_URL: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1/`,
    PRISM_AI_API_KEY: "upstream-secret",
    PRISM_AI_EMBEDDING_MODEL: "nomic-embed-text",
    PRISM_AI_CHAT_MODEL: "qwen3:8b",
  });
  Object.assign(process.env, environment);
  service = await startService({ faults: true });
  const text = "The granary weevil eats stored grain.";
  await service.call("PUT", "/api/v1/documents/weevil", { text });
  await service.platform.vectorize.flush();
});
afterAll(async () => {
  for (const name of Object.keys(environment)) delete process.env[name];
  await service.close();
  upstream.closeAllConnections();
  upstream.close();
});
afterEach(() => {
  broken = null;
  if (service.platform.faults) service.platform.faults.clock_offset_ms += BREAKER_OPEN_MS + 60_000;
});

const ask = (message: string, more: object = {}) => service.call("POST", "/api/v1/chat", { message, ...more });

describe("an OpenAI-compatible upstream", () => {
  test("embeds with its model; the index has its dimensions, and vector search finds by them", async () => {
    const [index] = service.platform.vectorize.listIndexes();
    expect(index?.config.dimensions).toBe(DIMENSIONS);
    const { json } = await service.call("POST", "/api/v1/search", { query: "granary weevil", mode: "vector" });
    expect(json.results[0]).toMatchObject({ document_id: "weevil", scores: { vector: expect.any(Number) } });
    const embedded = requests.filter(({ path }) => path === "/v1/embeddings");
    for (const { body, authorization } of embedded) {
      expect(body.model).toBe("nomic-embed-text");
      expect(authorization).toBe("Bearer upstream-secret");
    }
  });

  test("answers as JSON, billed by its own usage, without the citation that it made up", async () => {
    const { json } = await ask("What does the granary weevil eat?");
    expect(json).toMatchObject({ found: true, degraded: [], usage: { tokens_in: 111, tokens_out: 22 } });
    expect(json.answer).toMatch(/^It eats grain \[\d+\]\. Also says so\.$/);
    expect(json.citations).toHaveLength(1);
    expect(requests.at(-1)).toMatchObject({ path: "/v1/chat/completions", body: { model: "qwen3:8b" } });
  });

  test("streams its own pieces as typed events", async () => {
    const answer = await ask("What does the granary weevil eat?", { stream: true, top_k: 5 });
    const events = eventsOf(answer.text);
    const text = events.flatMap(({ event, data }) => (event === "token" ? [data.text] : [])).join("");
    expect(text).toMatch(/^It eats grain \[\d+\]\. Also says so\.$/);
    expect(events.at(-1)).toMatchObject({ event: "usage", data: { tokens_in: 111, tokens_out: 22 } });
  });

  test.each([
    ["an error status", (outgoing: ServerResponse) => outgoing.writeHead(500).end("out of memory in secret place")],
    ["an answer that is no JSON", (outgoing: ServerResponse) => outgoing.end("<html>")],
    ["a connection that breaks off", (outgoing: ServerResponse) => outgoing.destroy()],
    ["an answer without choices", (outgoing: ServerResponse) => outgoing.end('{"choices":[]}')],
  ])("%s degrades the answer to passages, in both forms, and search to full text", async (name, failure) => {
    broken = failure;
    const { status, json, text } = await ask(`What does the granary weevil eat? (${name})`);
    expect(status).toBe(200);
    expect(json.answer).toBeNull();
    expect(json.sources[0].text).toContain("grain");
    expect(json.degraded.length).toBeGreaterThan(0);
    expect(text).not.toContain("secret place");
    const events = eventsOf((await ask(`Does the granary weevil eat grain? (${name})`, { stream: true })).text);
    expect(events.map(({ event }) => event)).toEqual(["sources", "usage"]);
    const found = await service.call("POST", "/api/v1/search", { query: `granary weevil ${name}` });
    expect(found.json.results[0].document_id).toBe("weevil");
    expect(found.json.degraded.join()).toMatch(/full text/);
  });

  test("a stream that breaks off in the middle keeps what was said and says that it is not whole", async () => {
    broken = (outgoing) => {
      outgoing.setHeader("content-type", "text/event-stream");
      outgoing.write(`data: ${JSON.stringify({ choices: [{ delta: { content: "It eats half a " } }] })}\n\n`, () =>
        setImmediate(() => outgoing.destroy()),
      );
    };
    const events = eventsOf((await ask("What does the weevil eat, granary or not?", { stream: true })).text);
    const text = events.flatMap(({ event, data }) => (event === "token" ? [data.text] : [])).join("");
    expect("It eats half a ").toContain(text);
    expect(events.at(-1)?.data.degraded.length).toBeGreaterThan(0);
  });
});

test("a base URL without model names is refused with the variables to set", () => {
  expect(() => AiService.fromEnvironment({ PRISM_AI_BASE_URL: "http://127.0.0.1:1" })).toThrow(
    /PRISM_AI_EMBEDDING_MODEL and PRISM_AI_CHAT_MODEL/,
  );
});

test("a server that is not there stops the start with its address", async () => {
  process.env.PRISM_AI_BASE_URL = "http://127.0.0.1:9";
  await expect(startService()).rejects.toThrow(/127\.0\.0\.1:9|PRISM_AI_BASE_URL/);
  Object.assign(process.env, environment);
});
