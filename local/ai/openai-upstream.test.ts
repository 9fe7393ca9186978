/** The whole platform over a server that speaks OpenAI's protocol, as Ollama, LM Studio and vLLM do. */
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { BREAKER_OPEN_MS } from "../../worker/limits.ts";
import { eventsOf, type Service, startService } from "../../worker/service.fixture.ts";
import { hangUps } from "./hang-ups.fixture.ts";
import {
  citing,
  DIMENSIONS,
  delta,
  IMPATIENT,
  type OpenAiServer,
  startOpenAiServer,
  streaming,
  whole,
} from "./openai-server.fixture.ts";

const lines: string[] = [];
let upstream: OpenAiServer;
let service: Service;
beforeAll(async () => {
  upstream = await startOpenAiServer();
  service = await startService({
    faults: true,
    variables: { ...IMPATIENT, LOG_LEVEL: "INFO" },
    on_log: (line) => void (line.startsWith("{") && lines.push(line)),
  });
  const text = "The granary weevil eats stored grain.";
  await service.call("PUT", "/api/v1/documents/weevil", { text });
  await service.platform.vectorize.flush();
});
afterAll(async () => {
  await service.close();
  upstream.close();
});
afterEach(() => {
  upstream.broken = null;
  upstream.brokenChat = null;
  if (service.platform.faults) service.platform.faults.clock_offset_ms += BREAKER_OPEN_MS + 60_000;
});

const ask = (message: string, more: object = {}) => service.call("POST", "/api/v1/chat", { message, ...more });

describe("an OpenAI-compatible upstream", () => {
  test("embeds with its model; the index has its dimensions, and vector search finds by them", async () => {
    const [index] = service.platform.vectorize.listIndexes();
    expect(index?.config.dimensions).toBe(DIMENSIONS);
    const { json } = await service.call("POST", "/api/v1/search", { query: "granary weevil", mode: "vector" });
    expect(json.results[0]).toMatchObject({ document_id: "weevil", scores: { vector: expect.any(Number) } });
    const embedded = upstream.requests.filter(({ path }) => path === "/v1/embeddings");
    for (const { body, authorization } of embedded) {
      expect(body.model).toBe("nomic-embed-text");
      expect(authorization).toBe("Bearer upstream-secret");
    }
  });

  test("answers as JSON, billed by its own usage, without the citation that it made up", async () => {
    const { json } = await ask("What does the granary weevil eat?");
    expect(json).toMatchObject({
      found: true,
      grounded: true,
      degraded: [],
      model: "qwen3:8b",
      usage: { tokens_in: 111, tokens_out: 22, neurons: 0, cost_usd: 0 },
    });
    expect(json.answer).toMatch(/^It eats grain \[\d+\]\. Also says so, in R\[10\]\.$/);
    expect(json.citations).toHaveLength(1);
    expect(upstream.requests.at(-1)).toMatchObject({ path: "/v1/chat/completions", body: { model: "qwen3:8b" } });
  });

  test("writes the self-contained form of a follow-up, which is looked up, answered and kept, and bills for it", async () => {
    const history = [{ role: "user", content: "What does the granary weevil eat?" }];
    upstream.standalone = "Does the granary weevil eat stored bread?";
    const { json } = await ask("And bread?", { history });
    expect(json).toMatchObject({
      standalone_question: upstream.standalone,
      found: true,
      degraded: [],
      usage: { tokens_in: 222, tokens_out: 44, rewriting: { tokens_in: 111, tokens_out: 22 } },
    });
    expect(JSON.stringify(upstream.requests.at(-1)?.body)).not.toContain("And bread?");
    expect((await ask(upstream.standalone)).json).toMatchObject({ cached: true, usage: { tokens_in: 0 } });
    upstream.standalone = "Seven sacks.";
    const byRule = (await ask("And bread?", { history })).json;
    expect(byRule.standalone_question).toBe("What does the granary weevil eat? And bread?");
    expect(byRule.degraded.join()).toContain("a rule did");
  });

  test("streams its own pieces as typed events", async () => {
    const answer = await ask("What does the granary weevil eat?", { stream: true, top_k: 5 });
    const events = eventsOf(answer.text);
    const text = events.flatMap(({ event, data }) => (event === "token" ? [data.text] : [])).join("");
    expect(text).toMatch(/^It eats grain \[\d+\]\. Also says so, in R\[10\]\.$/);
    expect(events.at(-1)).toMatchObject({
      event: "usage",
      data: { tokens_in: 111, tokens_out: 22, model: "qwen3:8b", grounded: true },
    });
  });

  test.each([
    ["an error status", (outgoing: ServerResponse) => outgoing.writeHead(500).end("out of memory in secret place")],
    ["an answer that is a page", (outgoing: ServerResponse) => outgoing.end("<html>")],
    ["a connection that breaks off", (outgoing: ServerResponse) => outgoing.destroy()],
    ["an answer without choices", (outgoing: ServerResponse) => outgoing.end('{"choices":[]}')],
  ])("%s degrades the answer to passages, in both forms, and search to full text", async (name, failure) => {
    upstream.broken = failure;
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

  let questions = 0;
  /** A question that nobody asked before, as JSON or as a stream, and the same again. */
  const twice = async (stream: boolean) => {
    const message = `What does the granary weevil eat, number ${++questions}?`;
    const [first, second] = [await ask(message, { stream }), await ask(message, { stream })];
    const read = ({ text, json }: typeof first) => {
      if (!stream) return json;
      const events = eventsOf(text);
      const said = events.flatMap(({ event, data }) => (event === "token" ? [data.text] : [])).join("");
      return { ...events.at(-1)?.data, answer: said === "" ? null : said };
    };
    return { first: read(first), second: read(second) };
  };

  test.each([
    ["no finish reason and no [DONE]", streaming(delta("It eats grain."))],
    ["an error event", streaming(delta("It eats grain."), 'event: error\ndata: {"message":"out of memory"}\n\n')],
    ["an error in the data", streaming(delta("It eats grain."), 'data: {"error":{"message":"out of memory"}}\n\n')],
    ["data that is no JSON", streaming(delta("It eats grain."), "data: <html>\n\n")],
    [
      "a filter",
      streaming(delta("It eats grain."), delta(null, { finish_reason: "content_filter" }), "data: [DONE]\n\n"),
    ],
    [
      "a connection that breaks off",
      (outgoing: ServerResponse) => {
        outgoing.setHeader("content-type", "text/event-stream");
        outgoing.write(delta("It eats grain."), () => setImmediate(() => outgoing.destroy()));
      },
    ],
    [
      "silence in the middle",
      (outgoing: ServerResponse) => {
        outgoing.setHeader("content-type", "text/event-stream").write(delta("It eats grain."));
      },
    ],
  ])("a stream that ends with %s is told to have broken off, and is not cached", async (_, failure) => {
    upstream.brokenChat = failure;
    const { first, second } = await twice(true);
    for (const { degraded, cached, answer } of [first, second]) {
      expect("It eats grain.").toContain(answer ?? "");
      expect([degraded.length, cached]).toEqual([1, false]);
    }
  });

  test.each([
    ["blank pieces", streaming(delta(" \n\u200b\ufeff"), delta(null, { finish_reason: "stop" }), "data: [DONE]\n\n")],
    ["no piece", streaming("data: [DONE]\n\n")],
    ["nothing at all", streaming()],
    ["thoughts only", streaming(delta("<think>It eats"), delta("</think>"), "data: [DONE]\n\n")],
    [
      "HTML",
      (outgoing: ServerResponse) => void outgoing.setHeader("content-type", "text/html").end("<html>Sign in</html>"),
    ],
  ])("a stream of %s is no answer, and is not cached", async (_, failure) => {
    upstream.brokenChat = failure;
    const { first, second } = await twice(true);
    for (const { degraded, cached, answer, found, grounded } of [first, second]) {
      expect({ answer, found, grounded, cached }).toEqual({
        answer: null,
        found: false,
        grounded: false,
        cached: false,
      });
      expect(degraded).toHaveLength(1);
    }
  });

  test.each([
    ["content: null", whole({ content: null })],
    ["blank content", whole({ content: " \u200b\u2060" })],
    ["no content", whole({})],
  ])("a whole answer with %s is none, and is not cached", async (_, failure) => {
    upstream.brokenChat = failure;
    const { first, second } = await twice(false);
    expect(first).toMatchObject({ answer: null, found: false, grounded: false, cached: false });
    expect([first.degraded.length, second.cached]).toEqual([1, false]);
  });

  test.each([
    ["usage: null", { usage: null }],
    ["usage without a total", { usage: { prompt_tokens: 3, completion_tokens: 4 } }],
    ["usage of another shape", { usage: "much" }],
    ["a model of its own that is called like what every object has", { model: "constructor" }],
  ])("a good answer with %s is taken; one that cites nothing is not grounded", async (_, more) => {
    // One that does not stream answers whole.
    for (const stream of [false, true]) {
      upstream.brokenChat = whole({ content: "<think>Hm.</think>It eats grain." }, more);
      const { first, second } = await twice(stream);
      expect(first).toMatchObject({ answer: "It eats grain.", found: true, grounded: false, degraded: [] });
      expect(first.model).toBe("model" in more ? more.model : "qwen3:8b");
      if (!stream) expect(first.usage.neurons).toBe(0);
      expect(second.cached).toBe(true);
    }
  });

  test("an answer that was cut at its limit says so, in both forms; so does one that spent it on thoughts", async () => {
    const degraded = [expect.stringContaining("limit")];
    upstream.brokenChat = whole({ content: "It eats" }, {}, { finish_reason: "length" });
    expect((await twice(false)).second).toMatchObject({ answer: "It eats", degraded });
    upstream.brokenChat = streaming(delta("It eats"), delta(null, { finish_reason: "length" }), "data: [DONE]\n\n");
    expect((await twice(true)).second).toMatchObject({ answer: "It eats", degraded });
    upstream.brokenChat = whole({ content: "<think>It may eat" }, {}, { finish_reason: "length" });
    expect((await twice(false)).second).toMatchObject({ answer: null, degraded: [expect.anything(), ...degraded] });
  });

  test("a caller's limit of tokens reaches the model, on both faces, and each says how the answer ended", async () => {
    const message = "What does the granary weevil eat, briefly?";
    const requested = () => upstream.requests.at(-1)?.body.max_tokens;
    upstream.brokenChat = whole({ content: "It eats" }, {}, { finish_reason: "length" });
    expect((await ask(message, { max_answer_tokens: 2 })).json).toMatchObject({ ended: "cut_short" });
    expect(requested()).toBe(2);
    const completion = { model: "balanced", messages: [{ role: "user", content: message }], max_tokens: 3 };
    const { json } = await service.call("POST", "/v1/chat/completions", completion);
    expect(json.choices[0]).toMatchObject({ finish_reason: "length", message: { content: "It eats" } });
    expect(requested()).toBe(3);
    upstream.brokenChat = whole({ content: "It eats grain." });
    expect((await ask(message)).json).toMatchObject({ ended: "whole" });
    expect(requested()).toBe(600);
  });

  test("an answer that breaks off in the middle ends a stream of completions with an error", async () => {
    upstream.brokenChat = streaming(delta("It eats"));
    const completion = { model: "balanced", messages: [{ role: "user", content: "What breaks off?" }], stream: true };
    const { text } = await service.call("POST", "/v1/chat/completions", completion);
    expect(text).toContain('"content":"It eats"');
    expect(text).toMatch(/"code":"model_down"[^\n]*\n\n$/);
    expect(text).not.toContain("[DONE]");
  });

  test("a finish reason ends an answer as well as [DONE] does, also of a server that streams where no stream was asked for", async () => {
    upstream.brokenChat = streaming(delta("It eats grain."), delta(null, { finish_reason: "stop" }));
    for (const stream of [true, false])
      expect((await twice(stream)).first).toMatchObject({ answer: "It eats grain.", degraded: [], found: true });
  });

  test("the phrase of a refusal is one only where it is the answer's own", async () => {
    upstream.brokenChat = whole({ content: "Not found in the documents." });
    expect((await twice(false)).first).toMatchObject({ found: false, grounded: false });
    // With a mark behind it as well; a mark and nothing else is not even that.
    const marked = {
      "Not found in the documents [M].": { ended: "whole" },
      "[M].": { ended: "no_answer", answer: null },
    };
    for (const [content, ending] of Object.entries(marked)) {
      upstream.brokenChat = citing(upstream, content);
      for (const stream of [false, true])
        expect((await twice(stream)).first).toMatchObject({ found: false, grounded: false, ...ending });
    }
    const text = "The scanner prints: granary weevil not found in the documents.";
    await service.call("PUT", "/api/v1/documents/scanner", { text });
    upstream.brokenChat = whole({ content: "The scanner prints: granary weevil not found in the documents." });
    expect((await twice(false)).first).toMatchObject({ found: true, grounded: false });
    await service.call("DELETE", "/api/v1/documents/scanner");
  });

  hangUps(() => ({ service, upstream, lines }));

  test("vectors of zeros, too few of them, or none for an index are refused", async () => {
    const item = (index: number, value: number) => ({ index, embedding: Array<number>(DIMENSIONS).fill(value) });
    for (const data of [[item(0, 0)], [], [item(1, 1)], [item(0, 1), item(0, 1)]]) {
      upstream.broken = (outgoing) =>
        void outgoing.setHeader("content-type", "application/json").end(JSON.stringify({ data }));
      const { json } = await service.call("POST", "/api/v1/search", {
        query: `granary ${JSON.stringify(data)}`.slice(0, 99),
      });
      expect(json.degraded).toHaveLength(1);
      if (service.platform.faults) service.platform.faults.clock_offset_ms += BREAKER_OPEN_MS + 60_000;
    }
  });

  test("queries and passages carry the instructions of the model's card", async () => {
    await service.call("POST", "/api/v1/search", { query: "granary weevil" });
    const inputs = upstream.requests.flatMap(({ path, body }) =>
      path === "/v1/embeddings" ? (body.input as string[]) : [],
    );
    expect(inputs).toContain("search_query: granary weevil");
    expect(inputs.some((text) => text.startsWith("search_document: "))).toBe(true);
  });
});
