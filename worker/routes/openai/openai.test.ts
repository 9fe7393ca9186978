/** What programs get that were written for OpenAI: the unmodified `openai` package against the whole platform. */
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../../service.fixture.ts";
import { aiSdk, CALLED, piecesOf, TOOLS } from "./agents.fixture.ts";

const QUESTION = "What does the granary weevil eat?";
const ORIGIN = "https://app.example.com";

const lines: string[] = [];
let service: Service;
let client: OpenAI;
let embedding_model: string;
beforeAll(async () => {
  const on_log = (line: string) => lines.push(line);
  service = await startService({ faults: true, variables: { CORS_ORIGINS: ORIGIN, LOG_LEVEL: "INFO" }, on_log });
  const text = "# Weevils\n\nThe granary weevil eats stored grain. It cannot fly.";
  await service.call("PUT", "/api/v1/documents/weevils.md", { text });
  client = await clientWith(["read", "chat"]);
  embedding_model = (await client.models.list()).data.at(-1)?.id ?? "";
});
afterAll(() => service.close());

const clientOf = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${service.platform.url}/v1`, maxRetries: 0 });
const clientWith = async (scopes: string[], more: object = {}) => clientOf(await service.key({ scopes, ...more }));
const ask = (more: object = {}, as = client, content: string = QUESTION) =>
  as.chat.completions.create({ model: "balanced", messages: [{ role: "user", content }], ...more } as Params);
type Params = OpenAI.ChatCompletionCreateParamsNonStreaming;
type Extended<T> = T & {
  prism: { citations: { quote: string }[]; ignored: string[]; usage: { tokens_saved: number } };
};

/** The error that a call of the client ends with. */
async function refusalOf(call: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof OpenAI.APIError)) throw new Error(`expected a refusal, got ${error}`);
  return error;
}

describe("chat completions", () => {
  test("an answer has their shape, and its citations in the extension", async () => {
    const answer = (await ask()) as Extended<OpenAI.ChatCompletion>;
    expect(answer).toMatchObject({
      object: "chat.completion",
      model: "@prism/extractive-v1",
      choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", refusal: null } }],
      prism: { found: true, grounded: true, cached: false, degraded: [], ignored: [] },
    });
    expect(answer.choices[0]?.message.content).toMatch(/stored grain.*\[\d+\]/);
    expect(answer.prism.citations[0]?.quote).toContain("stored grain");
    const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = answer.usage ?? {};
    expect(Math.min(prompt_tokens, completion_tokens)).toBeGreaterThan(0);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  test("the same question costs nothing a second time, whichever face was asked first", async () => {
    const message = "Can the granary weevil fly?";
    await service.call("POST", "/api/v1/chat", { message, model: "balanced" });
    expect(await ask({}, undefined, message)).toMatchObject({ prism: { cached: true }, usage: { total_tokens: 0 } });
  });

  test("a stream is the same answer in pieces, with usage where it is wanted", async () => {
    const whole = await ask({ prism: { footnotes: true } });
    const params = { stream: true, stream_options: { include_usage: true }, prism: { footnotes: true, top_k: 9 } };
    const stream = (await ask(params)) as unknown as AsyncIterable<Extended<OpenAI.ChatCompletionChunk>>;
    const chunks = await piecesOf(stream);
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: "assistant", content: "" });
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    expect(chunks.length).toBeGreaterThan(5);
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(text).toMatch(/\n\n\[\d+\] Weevils, weevils\.md$/);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.at(-2)).toMatchObject({ choices: [{ finish_reason: "stop" }], prism: { grounded: true } });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
  });

  test("their helper for streams puts the message together", async () => {
    const messages = [{ role: "user" as const, content: QUESTION }];
    const runner = client.chat.completions.stream({ model: "quick", messages });
    expect(await runner.finalContent()).toContain("stored grain");
  });

  test("a stream that its reader leaves is metered all the same, and the service goes on", async () => {
    const headers = { "x-request-id": "left-in-the-middle" };
    const params = {
      model: "quality",
      messages: [{ role: "user" as const, content: QUESTION }],
      stream: true as const,
    };
    const stream = await client.chat.completions.create(params, { headers });
    // Before its first word there is nothing to pay for: the model is stopped at once.
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    stream.controller.abort();
    const isEnd = (one: Record<string, unknown>) => one.request_id === headers["x-request-id"] && "status_code" in one;
    const line = () => lines.map((text) => JSON.parse(text)).find(isEnd);
    await expect.poll(line).toMatchObject({ status_code: 200, tokens: { output: expect.any(Number) } });
    expect(line()?.tokens.output).toBeGreaterThan(0);
    expect(await ask()).toMatchObject({ object: "chat.completion" });
  });

  test("a question that stands by itself is asked as it is; what has no effect is named, what asks for nothing is taken", async () => {
    const messages = [
      { role: "system", content: "Speak like a pirate." },
      { role: "user", content: "What does the moth eat?" },
      { role: "assistant", content: null, refusal: null },
      { role: "user", content: [{ type: "text", text: QUESTION }] },
      { role: "system", content: "Be brief." },
    ];
    const nothing = { user: null, tools: [], tool_choice: "none", functions: [], function_call: "none", stop: [] };
    const sent = { messages, temperature: 0.7, seed: 1, logit_bias: {}, ...nothing };
    const answer = (await ask(sent)) as Extended<OpenAI.ChatCompletion>;
    expect(answer.choices[0]?.message.content).toContain("stored grain");
    expect(answer.prism.ignored).toEqual(["temperature", "seed", "messages[0]", "messages[4]"]);
  });

  test.each([
    ["tool_choice", { tools: TOOLS, tool_choice: "required" }],
    ["tool_choice", { tools: TOOLS, tool_choice: { type: "function", function: { name: "price_of" } } }],
    ["function_call", { function_call: { name: "price_of" } }],
    ["stop", { stop: ["\n"] }],
    ["n", { n: 2 }],
    ["response_format.type", { response_format: { type: "json_object" } }],
    ["stream_options", { stream_options: { include_usage: true } }],
    ["temperature", { temperature: 3 }],
    ["colour", { colour: "red" }],
    ["messages", { messages: [{ role: "assistant", content: "Yes?" }] }],
    ["messages[0].content", { messages: [{ role: "user", content: " " }] }],
    ["messages[0].content", { messages: [{ role: "user", content: "x".repeat(4001) }] }],
    ["messages", { messages: CALLED }],
    ["messages[0].role", { messages: [{ role: "critic", content: "7" }] }],
    [
      "messages[0].content",
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
    ],
    ["prism.top_k", { prism: { top_k: 0 } }],
  ])("%s: what would change the meaning of a request is refused by its name", async (param, more) => {
    const error = await refusalOf(ask(more));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ param, type: "invalid_request_error", code: "invalid_request" });
    expect(error.message.length).toBeGreaterThan(10);
  });

  test("tools that it may call, and what others have answered, change nothing and are named", async () => {
    const answered = [
      { role: "assistant", content: [{ type: "refusal", refusal: "I must not say." }] },
      { role: "function", name: "price_of", content: null },
      { role: "user", content: QUESTION },
    ];
    for (const tool_choice of [undefined, null, "auto", "none"]) {
      const sent = { messages: [...CALLED, ...answered], tools: TOOLS, tool_choice, parallel_tool_calls: false };
      const answer = (await ask(sent)) as Extended<OpenAI.ChatCompletion>;
      expect(answer.choices[0]).toMatchObject({
        finish_reason: "stop",
        message: { content: expect.stringContaining("stored grain") },
      });
      const ignored = ["parallel_tool_calls", "tools", "messages[0]", "messages[2]", "messages[3]", "messages[5]"];
      expect(answer.prism.ignored).toEqual(ignored);
    }
    const legacy = { functions: [{ name: "price_of" }], function_call: "auto" };
    expect(await ask(legacy)).toMatchObject({ prism: { ignored: ["functions"] } });
  });

  test("without a model there is no answer in their shape, but an error", async () => {
    const { faults } = service.platform;
    if (faults) faults.rules = [{ binding: "AI", error: "3040: capacity" }];
    const error = await refusalOf(ask({ prism: { top_k: 7 } }));
    const streaming = (await ask({ prism: { top_k: 7 }, stream: true })) as unknown as AsyncIterable<unknown>;
    const broken = await refusalOf(piecesOf(streaming));
    const embedding = await refusalOf(client.embeddings.create({ model: embedding_model, input: "grain" }));
    if (faults) faults.rules = [];
    for (const refusal of [error, broken, embedding])
      expect(refusal).toMatchObject({ type: "server_error", code: "model_down" });
    expect([error.status, embedding.status]).toEqual([503, 503]);
  });
});

describe("models", () => {
  test("any key lists them, and looks one up by its name", async () => {
    const anybody = await clientWith(["metrics"]);
    const ids = (await anybody.models.list()).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["quick", "balanced", "quality", embedding_model]));
    for (const id of ids) expect(await anybody.models.retrieve(id)).toMatchObject({ id, object: "model" });
  });

  test("an unknown one is not found, wherever it is named", async () => {
    const calls = [
      () => client.models.retrieve("gpt-9"),
      () => ask({ model: "gpt-9" }),
      () => client.embeddings.create({ model: "gpt-9", input: "x" }),
    ];
    for (const call of calls) {
      const error = await refusalOf(call());
      expect(error).toBeInstanceOf(OpenAI.NotFoundError);
      expect(error).toMatchObject({ code: "model_not_found", param: "model" });
    }
  });
});

describe("embeddings", () => {
  const embed = (more: object = {}) =>
    client.embeddings.create({ model: embedding_model, input: ["stored grain", "wool"], ...more });

  test("floats and base64 are the same vectors, in the order of the texts", async () => {
    const floats = await embed({ encoding_format: "float" });
    const base64 = await embed({ encoding_format: "base64" });
    const preset = await embed();
    expect(floats.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(floats.usage.prompt_tokens).toBeGreaterThan(2);
    for (const [index, { embedding }] of floats.data.entries()) {
      expect(embedding).toHaveLength(384);
      const bytes = Buffer.from(base64.data[index]?.embedding as unknown as string, "base64");
      const decoded = new Float32Array(Uint8Array.from(bytes).buffer);
      expect(Array.from(decoded)).toEqual(embedding.map(Math.fround));
      expect(preset.data[index]?.embedding).toEqual(Array.from(decoded));
    }
    expect((await embed({ input: "stored grain", encoding_format: "float" })).data[0]).toEqual(floats.data[0]);
  });

  test.each([
    ["input", { input: [1, 2, 3] }],
    ["input", { input: [[1, 2], [3]] }],
    ["input", { input: [] }],
    ["input", { input: Array.from({ length: 101 }, () => "x") }],
    ["dimensions", { dimensions: 256 }],
  ])("%s: what the model cannot do is refused: %j", async (param, more) => {
    const error = await refusalOf(embed(more));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error.param).toBe(param);
  });

  test("the model's own number of dimensions may be said", async () => {
    expect((await embed({ dimensions: 384 })).data).toHaveLength(2);
  });
});

describe("guards speak their language", () => {
  test("a wrong key, a missing scope, a busy key and a used-up one have the client's error classes", async () => {
    const wrong = await refusalOf(clientOf("sk-wrong").models.list());
    expect(wrong).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(wrong).toMatchObject({ code: "invalid_api_key", requestID: expect.any(String) });

    const reader = await clientWith(["read"]);
    const refused = await refusalOf(ask({}, reader));
    expect(refused).toBeInstanceOf(OpenAI.PermissionDeniedError);
    expect(refused.message).toContain("`chat`");

    const quota = await clientWith(["read"], { daily_quota: 1 });
    await quota.models.list();
    const used = await refusalOf(quota.models.list());
    expect(used).toBeInstanceOf(OpenAI.RateLimitError);
    expect(used).toMatchObject({ type: "insufficient_quota", code: "insufficient_quota" });

    const busy = await clientWith(["read"], { rate_tier: "low" });
    let last: unknown = null;
    // Twice the limit, should the minute turn meanwhile.
    for (let calls = 0; calls < 120 && last === null; calls++)
      last = await busy.models.list().then(
        () => null,
        (e) => e,
      );
    expect(last).toBeInstanceOf(OpenAI.RateLimitError);
    expect(last).toMatchObject({ code: "rate_limit_exceeded" });
  });

  test.each([
    ["GET", "/v1/chat/completions", undefined, {}, 405],
    ["POST", "/v1/completions", {}, {}, 404],
    ["POST", "/v1/chat/completions", "a=b", { "content-type": "text/plain" }, 415],
    ["POST", "/v1/chat/completions", `{"model":"${"x".repeat(1024 * 1024)}"}`, {}, 413],
    ["POST", "/v1/embeddings", "{", {}, 400],
  ])("%s %s is refused in their shape", async (method, path, body, headers, status) => {
    const answer = await service.call(method, path, body, { headers });
    expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/json; charset=utf-8"]);
    expect(answer.json.error).toMatchObject({ message: expect.any(String), type: "invalid_request_error" });
  });

  test("a browser of an allowed origin may send what their client sends", async () => {
    const wanted = "authorization,content-type,x-stainless-lang,x-stainless-retry-count,user-agent";
    const answer = await service.call("OPTIONS", "/v1/chat/completions", undefined, {
      headers: { origin: ORIGIN, "access-control-request-method": "POST", "access-control-request-headers": wanted },
    });
    expect(answer.status).toBe(204);
    const allowed = (answer.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(",");
    for (const name of wanted.split(",")) expect(allowed).toContain(name);
  });

  test("another tenant's documents answer nothing", async () => {
    const stranger = await clientWith(["chat"], { tenant: "strangers" });
    expect(await ask({}, stranger)).toMatchObject({ prism: { found: false, citations: [], sources: [] } });
  });
});

aiSdk(() => ({ service, embedding_model }), QUESTION);
