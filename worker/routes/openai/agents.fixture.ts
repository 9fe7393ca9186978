/** What agents send to the OpenAI-compatible face, and the tests of a client that other authors wrote for them, the AI SDK. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, jsonSchema, streamText, tool } from "ai";
import { describe, expect, test } from "vitest";
import type { Service } from "../../service.fixture.ts";

/** What an agent sends whose other models call tools. */
export const TOOLS = [
  { type: "function", function: { name: "price_of", parameters: { type: "object", properties: {} } } },
];
export const CALLED = [
  { role: "developer", content: [{ type: "text", text: "Call tools." }] },
  { role: "user", content: "What does grain cost?", name: "ann" },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "call_1", type: "function", function: { name: "price_of", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: "call_1", content: '{"price": 7}' },
];

export async function piecesOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const pieces: T[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

interface Given {
  service: Service;
  embedding_model: string;
}

export function aiSdk(given: () => Given, question: string): void {
  describe("a client of other authors, the AI SDK", () => {
    const provider = async () => {
      const apiKey = await given().service.key({ scopes: ["read", "chat"] });
      return createOpenAICompatible({ name: "prism", baseURL: `${given().service.platform.url}/v1`, apiKey });
    };

    test("gets an answer with its usage", async () => {
      const prompt = "Tell me what weevils do to grain that is stored.";
      const { text, finishReason, usage } = await generateText({ model: (await provider())("balanced"), prompt });
      expect({ text, finishReason }).toEqual({ text: expect.stringMatching(/weevil .+\[1\]/), finishReason: "stop" });
      expect(Math.min(usage.inputTokens ?? 0, usage.outputTokens ?? 0)).toBeGreaterThan(0);
    });

    test("gives it tools, which it does not call, and tells it of calls that others made", async () => {
      const toolName = "price_of";
      const output = { type: "json" as const, value: { price: 7 } };
      const { text, finishReason, steps } = await generateText({
        model: (await provider())("balanced"),
        tools: { price_of: tool({ inputSchema: jsonSchema({ type: "object", properties: {} }) }) },
        messages: [
          { role: "user", content: "What does grain cost?" },
          { role: "assistant", content: [{ type: "tool-call", toolCallId: "1", toolName, input: {} }] },
          { role: "tool", content: [{ type: "tool-result", toolCallId: "1", toolName, output }] },
          { role: "assistant", content: "7." },
          { role: "user", content: question },
        ],
      });
      expect({ text, finishReason, steps: steps.length }).toMatchObject({ finishReason: "stop", steps: 1 });
      expect(text).toContain("stored grain");
    });

    test("reads an answer from a stream", async () => {
      const prompt = "Which grain does a granary weevil eat?";
      const { textStream, finishReason } = streamText({ model: (await provider())("balanced"), prompt });
      const pieces = await piecesOf(textStream);
      expect(pieces.length).toBeGreaterThan(1);
      expect([pieces.join(""), await finishReason]).toEqual([expect.stringContaining("stored grain"), "stop"]);
    });

    test("gets embeddings", async () => {
      const { embedding } = await embed({
        model: (await provider()).embeddingModel(given().embedding_model),
        value: question,
      });
      expect(embedding.length).toBeGreaterThan(0);
    });
  });
}
