/** What servers that call themselves OpenAI-compatible send, and no client of the protocol expects. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenAiServer, startOpenAiServer } from "./openai-server.fixture.ts";
import { OpenAiUpstream } from "./openai-upstream.ts";

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

test("a vector whose numbers do not fit one is refused: too large for it, or all too small", async () => {
  for (const [value, reason] of [
    [1e39, "too large"],
    [1e-60, "zeros"],
  ]) {
    const data = [{ index: 0, embedding: [value, value] }];
    server.broken = (outgoing) =>
      void outgoing.setHeader("content-type", "application/json").end(JSON.stringify({ data }));
    await expect(upstream.embed(["grain"])).rejects.toThrow(String(reason));
  }
});
