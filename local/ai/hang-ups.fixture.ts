/** Tests of work that nobody waits for any more, over the platform and the upstream of the file that has them. */
import type { ServerResponse } from "node:http";
import { expect, test } from "vitest";
import type { Service } from "../../worker/service.fixture.ts";
import { delta, type OpenAiServer } from "./openai-server.fixture.ts";

interface Given {
  service: Service;
  upstream: OpenAiServer;
  /** JSON lines of the Worker's log so far. */
  lines: readonly string[];
}

export function hangUps(given: () => Given): void {
  test.each([true, false])("a request that is given up is aborted at the upstream (stream: %s)", async (stream) => {
    const { service, upstream } = given();
    const closed = Promise.withResolvers<void>();
    upstream.brokenChat = (outgoing) => {
      outgoing.once("close", () => closed.resolve());
    };
    const message = `What does a granary weevil eat in silence, ${stream}?`;
    const { text } = await service.call("POST", "/api/v1/chat", { message, stream });
    expect(text).toContain('"ended":"no_answer"');
    await closed.promise;
  });

  /** Asks, hangs up as soon as `until` resolves, and waits for the line of the log. */
  const askAndLeave = async (
    path: string,
    body: object,
    id: string,
    until: (answer: Promise<Response>) => Promise<unknown>,
  ) => {
    const { service, lines } = given();
    const caller = new AbortController();
    const asking = fetch(`${service.platform.url}${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${service.platform.admin_key}`,
        "content-type": "application/json",
        "x-request-id": id,
      },
      body: JSON.stringify(body),
      signal: caller.signal,
    });
    asking.catch(() => {});
    await until(asking);
    caller.abort();
    const isEnd = (line: Record<string, unknown>) => line.request_id === id && "status_code" in line;
    const end = () => lines.map((line) => JSON.parse(line)).find(isEnd);
    await expect.poll(end).toBeDefined();
    return end();
  };

  test.each([
    ["a whole answer", "/api/v1/chat", (message: string) => ({ message }), 200],
    ["the beginning of a stream", "/api/v1/chat", (message: string) => ({ message, stream: true }), 200],
    ["the vector of a query", "/api/v1/search", (query: string) => ({ query, mode: "vector" }), 499],
    ["vectors", "/v1/embeddings", (input: string) => ({ input, model: "@openai/nomic-embed-text" }), 499],
  ])("a caller who hangs up before %s stops the model's work, and is booked", async (name, path, body, status_code) => {
    const { service, upstream } = given();
    const closed: string[] = [];
    const asked: string[] = [];
    const silent = (outgoing: ServerResponse) => {
      const [who = ""] = /patient|hasty/.exec(JSON.stringify(upstream.requests.at(-1)?.body)) ?? [];
      asked.push(who);
      outgoing.once("close", () => closed.push(who));
    };
    // With this the circuit is closed: an open one lets one call through to try.
    const closing = { message: `What does a granary weevil eat, but for ${name}?` };
    expect((await service.call("POST", "/api/v1/chat", closing)).json.degraded).toEqual([]);
    if (path === "/api/v1/chat") upstream.brokenChat = silent;
    else upstream.broken = silent;
    const of = (who: string) => body(`What eats a granary weevil before ${name}, asks the ${who}?`);
    await askAndLeave(path, of("patient"), `patient-${closed.length}`, async () => {
      await expect.poll(() => asked).toEqual(["patient"]);
      const end = await askAndLeave(path, of("hasty"), `hasty-before-${status_code}`, () =>
        expect.poll(() => asked).toEqual(["patient", "hasty"]),
      );
      expect(end).toMatchObject({ level: "INFO", status_code });
      await expect.poll(() => closed).not.toEqual([]);
      // Begun before the other, it would have been given up before it.
      expect(closed).toEqual(["hasty"]);
    });
  });

  test("a caller who hangs up in the middle of a stream stops it, and pays for what was said", async () => {
    const closed = Promise.withResolvers<void>();
    given().upstream.brokenChat = (outgoing) => {
      // Would go on for minutes.
      const timer = setInterval(() => outgoing.write(delta("It eats grain. ")), 50);
      outgoing.setHeader("content-type", "text/event-stream").once("close", () => {
        clearInterval(timer);
        closed.resolve();
      });
    };
    const body = { message: "What does a granary weevil eat all day long?", stream: true };
    const end = await askAndLeave("/api/v1/chat", body, "left-in-the-middle", async (answer) => {
      let text = "";
      for await (const piece of (await answer).body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += piece;
        if (text.includes("It eats grain.")) break;
      }
    });
    await closed.promise;
    expect(end).toMatchObject({ status_code: 200, tokens: { output: expect.any(Number) } });
  });
}
