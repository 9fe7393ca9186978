/** What servers that call themselves OpenAI-compatible send, and no client of the protocol expects. */
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenAiServer, startOpenAiServer } from "./openai-server.fixture.ts";
import { OpenAiUpstream, UpstreamUnreachable } from "./openai-upstream.ts";
import { AiService } from "./service.ts";

let server: OpenAiServer;
let upstream: OpenAiUpstream;
beforeAll(async () => {
  server = await startOpenAiServer();
  const made = OpenAiUpstream.fromEnvironment(server.environment);
  if (made === null) throw new Error("the server has no address");
  upstream = made;
});
afterAll(() => server.close());

test.each([
  ["a byte order mark before it", "text/event-stream", "\ufeff"],
  ["a type in capitals", "Text/Event-Stream; Charset=UTF-8", ""],
])("a stream with %s is the stream, from its first event on", async (_, type, mark) => {
  const first = `data: ${JSON.stringify({ choices: [{ delta: { content: "It eats grain." } }] })}`;
  server.broken = (outgoing) =>
    void outgoing.setHeader("content-type", type).end(`${mark}${first}\n\ndata: [DONE]\n\n`);
  const answer = await upstream.chat("@cf/any", { messages: [], stream: true });
  expect(await answer.text()).toContain(`\n\n${first}`);
});

test.each([true, false])(
  "a stream that is called JSON, or nothing, is one by how it begins (asked for: %s)",
  async (stream) => {
    for (const type of ["application/json", "text/plain", undefined]) {
      server.broken = (outgoing) =>
        void outgoing
          .writeHead(200, type ? { "content-type": type } : {})
          .end('\ufeff: hello\n\ndata: {"choices": []}\n\n');
      const answer = await upstream.chat("@cf/any", { messages: [], stream });
      expect(answer.headers.get("content-type")).toBe("text/event-stream");
      expect(await answer.text()).toContain('\n\n: hello\n\ndata: {"choices": []}\n\n');
    }
  },
);

test("a vector whose numbers do not fit one is refused: too large for it, or all too small", async () => {
  for (const [value, reason] of [
    [1e39, "too large"],
    [1e-60, "zeros"],
  ]) {
    const data = [{ index: 0, embedding: [value, value] }];
    server.broken = json({ data });
    await expect(upstream.embed(["grain"])).rejects.toThrow(String(reason));
  }
});

const json = (value: unknown) => (outgoing: ServerResponse) =>
  void outgoing.setHeader("content-type", "application/json").end(JSON.stringify(value));

test.each([301, 302, 303, 307, 308])(
  "a redirect (%i) is told with its address, and no text follows it",
  async (status) => {
    const asked = server.requests.length;
    server.broken = (outgoing) =>
      void outgoing.writeHead(status, { location: "https://ai.example/v1/embeddings" }).end();
    await expect(upstream.embed(["grain"])).rejects.toThrow("redirects to https://ai.example/v1/embeddings");
    expect(server.requests.length).toBe(asked + 1);
  },
);

test("a model of more dimensions than Vectorize takes is refused by its variable", async () => {
  server.broken = json({ data: [{ embedding: Array(1_537).fill(0.1) }] });
  const ai = AiService.fromEnvironment(server.environment);
  await expect(ai.embeddingDimensions()).rejects.toThrow(/PRISM_AI_EMBEDDING_MODEL.* 1537 dimensions.* 1536 at most/);
});

test.each<[string, RegExp, (outgoing: ServerResponse) => void]>([
  ["falls silent in it", /did not answer within 1 s/, (outgoing) => void outgoing.write("{")],
  ["breaks it off", /broke its answer off/, (outgoing) => void outgoing.write("{", () => outgoing.destroy())],
  [
    "has packed it wrongly",
    /broke its answer off/,
    (outgoing) => void outgoing.writeHead(200, { "content-encoding": "gzip" }).end("{}"),
  ],
])("an answer of a server that %s is told with the variable and the address", async (_, why, answer) => {
  server.broken = answer;
  const ai = AiService.fromEnvironment({ ...server.environment, PRISM_AI_TIMEOUT_S: "1" });
  const refusal = await ai.embeddingDimensions().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(UpstreamUnreachable);
  expect(String(refusal)).toMatch(/PRISM_AI_BASE_URL http:.*\/embeddings /);
  expect(String(refusal)).toMatch(why);
});

test("a server's refusal is repeated without the key that it repeats", async () => {
  server.broken = (outgoing) => void outgoing.writeHead(401).end('{"error": "no such key: upstream-secret"}');
  await expect(upstream.embed(["grain"])).rejects.toThrow(/answered 401: \{"error": "no such key: \[redacted\]"\}/);
});

test("a server that takes the question and says nothing counts as one that is not there", async () => {
  server.broken = () => {};
  const ai = AiService.fromEnvironment({ ...server.environment, PRISM_AI_TIMEOUT_S: "1" });
  const refusal = await ai.embeddingDimensions().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(UpstreamUnreachable);
  expect(String(refusal)).toMatch(/PRISM_AI_BASE_URL .* did not answer within 1 s/);
});
