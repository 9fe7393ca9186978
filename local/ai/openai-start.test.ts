/** What the platform says at its start of the OpenAI-compatible server that its variables name. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startService } from "../../worker/service.fixture.ts";
import { type OpenAiServer, startOpenAiServer } from "./openai-server.fixture.ts";
import { AiService } from "./service.ts";

let upstream: OpenAiServer;
beforeAll(async () => {
  upstream = await startOpenAiServer();
});
afterAll(() => upstream.close());

test("a base URL without model names is refused with the variables to set", () => {
  expect(() => AiService.fromEnvironment({ PRISM_AI_BASE_URL: "http://127.0.0.1:1" })).toThrow(
    /PRISM_AI_EMBEDDING_MODEL and PRISM_AI_CHAT_MODEL/,
  );
});

test("an address or a limit that cannot be one is refused with its variable", () => {
  const good = { ...upstream.environment, PRISM_AI_BASE_URL: "http://127.0.0.1:1/v1" };
  expect(() => AiService.fromEnvironment({ ...good, PRISM_AI_BASE_URL: "localhost" })).toThrow(
    /PRISM_AI_BASE_URL.*localhost/,
  );
  expect(() => AiService.fromEnvironment({ ...good, PRISM_AI_TIMEOUT_S: "5 min" })).toThrow(
    /PRISM_AI_TIMEOUT_S.*5 min/,
  );
});

test("an address that holds more than one is refused, and no credentials in it are repeated", () => {
  for (const url of [
    "http://user:hush@127.0.0.1:1/v1",
    "http://127.0.0.1:1/v1?key=hush",
    "http://127.0.0.1:1/v1#hush",
  ]) {
    const start = () => AiService.fromEnvironment({ ...upstream.environment, PRISM_AI_BASE_URL: url });
    expect(start).toThrow(/PRISM_AI_BASE_URL.*PRISM_AI_API_KEY/);
    expect(start).not.toThrow(/hush/);
  }
});

test("what a file of variables leaves around their values is not part of them", async () => {
  const entries = Object.entries(upstream.environment).map(([name, value]) => [name, ` ${value}\r`]);
  const ai = AiService.fromEnvironment({ ...Object.fromEntries(entries), PRISM_AI_API_KEY: "sk-1\n" });
  expect(ai.embeddingModel).toBe("@openai/nomic-embed-text");
  expect(await ai.embeddingDimensions()).toBe(8);
  expect(AiService.fromEnvironment({ PRISM_AI_BASE_URL: " " }).embeddingModel).toMatch(/^@prism/);
});

test("a model that embedded here before is not answered for by another", async () => {
  const ask = async (model: string) => {
    const body = JSON.stringify({ model, inputs: { text: ["weevil"] } });
    const request = new Request("http://ai/run", { method: "POST", body });
    return (await AiService.fromEnvironment(upstream.environment).handle(request)).text();
  };
  expect(await ask("@openai/another-model")).toMatch(/@openai\/another-model is not what embeds here now.*nomic/);
  expect(await ask("@prism/lexical-384-v1")).toMatch(/not what embeds here now/);
  expect(JSON.parse(await ask("@openai/nomic-embed-text"))).toMatchObject({ shape: [1, 8] });
  expect(JSON.parse(await ask("@cf/baai/bge-small-en-v1.5"))).toMatchObject({ shape: [1, 8] });
});

describe("the start", () => {
  const UNREACHABLE = "http://127.0.0.1:9/v1";
  afterEach(() => {
    upstream.broken = null;
    Object.assign(process.env, upstream.environment);
  });

  test("a server that is not there stops it with variable and address, where there is no data to serve", async () => {
    process.env.PRISM_AI_BASE_URL = UNREACHABLE;
    await expect(startService()).rejects.toThrow(/PRISM_AI_BASE_URL http:\/\/127\.0\.0\.1:9/);
  });

  test("a server that answers with HTML stops it with variable, address and what is wrong", async () => {
    upstream.broken = (outgoing) => void outgoing.setHeader("content-type", "text/html").end("<html>");
    await expect(startService()).rejects.toThrow(
      /PRISM_AI_BASE_URL http:.*\/embeddings did not answer with JSON.*text\/html/,
    );
  });

  test("over data, full text serves while the server is not there, and another model's vectors are not mixed in", async () => {
    const data_dir = await mkdtemp(join(tmpdir(), "prism-upstream-"));
    try {
      const first = await startService({ data_dir });
      await first.call("PUT", "/api/v1/documents/weevil", { text: "The granary weevil eats stored grain." });
      await first.platform.vectorize.flush();
      await first.close();

      process.env.PRISM_AI_BASE_URL = UNREACHABLE;
      const logs: string[] = [];
      const second = await startService({ data_dir, on_log: (line) => logs.push(line) });
      const { json } = await second.call("POST", "/api/v1/search", { query: "granary weevil" });
      expect(json.results[0].document_id).toBe("weevil");
      expect(json.degraded.join()).toMatch(/full text/);
      expect(logs.join()).toMatch(/PRISM_AI_BASE_URL http:\/\/127\.0\.0\.1:9/);
      await second.close();

      Object.assign(process.env, { ...upstream.environment, PRISM_AI_EMBEDDING_MODEL: "another-model" });
      await expect(startService({ data_dir })).rejects.toThrow(
        /@openai\/nomic-embed-text after "search_document: ", not of @openai\/another-model/,
      );
    } finally {
      await rm(data_dir, { recursive: true });
    }
  });
});
