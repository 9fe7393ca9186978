/** For tests: a server that speaks OpenAI's protocol, as Ollama, LM Studio and vLLM do, and the platform's variables that name it. */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const DIMENSIONS = 8;

type Failure = (outgoing: ServerResponse) => void;

export interface OpenAiServer {
  requests: { path: string; authorization: string | undefined; body: Record<string, unknown> }[];
  /** What answers instead: every call, or chat only. */
  broken: Failure | null;
  brokenChat: Failure | null;
  /** What it writes when it is asked for a self-contained question. */
  standalone: string;
  /** As `process.env` has it until `close`. */
  environment: Record<string, string>;
  close(): void;
}

/** An event of a stream with this piece of an answer. */
export const delta = (content: string | null, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: null, ...more }] })}\n\n`;

/** Answers as a stream of these, or as one answer with this message. */
export const streaming =
  (...pieces: string[]) =>
  (outgoing: ServerResponse) =>
    void outgoing.setHeader("content-type", "text/event-stream").end(pieces.join(""));

export const whole =
  (message: object, more: object = {}, choice: object = {}) =>
  (outgoing: ServerResponse) =>
    void outgoing
      .setHeader("content-type", "application/json")
      .end(JSON.stringify({ choices: [{ message, ...choice }], ...more }));

/** Variables of a Worker that gives a silent server up soon. */
export const IMPATIENT = { AI_IDLE_TIMEOUT_MS: "500", AI_GENERATE_TIMEOUT_MS: "1500", AI_EMBED_TIMEOUT_MS: "1500" };

/** Answers with this text, where M stands for the mark of the first passage. */
export const citing =
  ({ requests }: OpenAiServer, content: string) =>
  (outgoing: ServerResponse) => {
    const [, mark = ""] = /<(\d+)>/.exec(JSON.stringify(requests.at(-1)?.body)) ?? [];
    whole({ content: content.replace("M", mark) })(outgoing);
  };

/** Letters counted into a few buckets: near enough to a meaning for a test. */
function embedding(text: string): number[] {
  const vector = Array<number>(DIMENSIONS).fill(0.01);
  for (const letter of text.toLowerCase())
    vector[letter.charCodeAt(0) % DIMENSIONS] = (vector[letter.charCodeAt(0) % DIMENSIONS] ?? 0) + 1;
  return vector;
}

function serve(path: string, body: Record<string, unknown>, outgoing: ServerResponse, standalone: string): void {
  const json = (value: unknown) => outgoing.setHeader("content-type", "application/json").end(JSON.stringify(value));
  if (path === "/v1/embeddings") {
    // In any order: `index` says whose each is.
    const data = (body.input as string[]).map((text, index) => ({ index, embedding: embedding(text) }));
    return void json({ data: data.toReversed() });
  }
  const [rules, prompt] = (body.messages as { content: string }[]).map(({ content }) => content);
  const [, id] = /<(\d+)>/.exec(prompt ?? "") ?? [];
  const answer = rules?.startsWith("Rewrite")
    ? standalone
    : `It eats grain [${id}]. Also [99${id?.slice(2, 5)}0] says so, in R[10].`;
  const usage = { prompt_tokens: 111, completion_tokens: 22, total_tokens: 133 };
  if (!body.stream) return void json({ choices: [{ message: { role: "assistant", content: answer } }], usage });
  outgoing.setHeader("content-type", "text/event-stream");
  for (const piece of answer.match(/.{1,3}/gs) ?? []) {
    outgoing.write(`data: ${JSON.stringify({ choices: [{ delta: { content: piece } }] })}\n\n`);
  }
  outgoing.write(`data: ${JSON.stringify({ choices: [], usage })}\n\n`);
  outgoing.end("data: [DONE]\n\n");
}

export async function startOpenAiServer(): Promise<OpenAiServer> {
  const server: OpenAiServer = {
    requests: [],
    broken: null,
    brokenChat: null,
    standalone: "",
    environment: {},
    close: () => {},
  };
  const listener = createServer(async (incoming, outgoing) => {
    let text = "";
    for await (const piece of incoming) text += piece;
    const path = incoming.url ?? "";
    const body = JSON.parse(text);
    server.requests.push({ path, authorization: incoming.headers.authorization, body });
    const failure = server.broken ?? (path === "/v1/chat/completions" ? server.brokenChat : null);
    if (failure) failure(outgoing);
    else serve(path, body, outgoing, server.standalone);
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  server.environment = {
    PRISM_AI_BASE_URL: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/v1/`,
    PRISM_AI_API_KEY: "upstream-secret",
    PRISM_AI_EMBEDDING_MODEL: "nomic-embed-text",
    PRISM_AI_CHAT_MODEL: "qwen3:8b",
  };
  Object.assign(process.env, server.environment);
  server.close = () => {
    for (const name of Object.keys(server.environment)) delete process.env[name];
    listener.closeAllConnections();
    listener.close();
  };
  return server;
}
