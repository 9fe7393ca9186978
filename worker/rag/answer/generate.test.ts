import fc from "fast-check";
import { expect, test } from "vitest";
import { AnswerBrokeOff, generate } from "./generate.ts";

const TEXT = "Grüner Tee: 80 °C [481731].";
const event = (piece: object) => `data: ${JSON.stringify(piece)}\n\n`;
const OPENAI = [
  ...Array.from(TEXT, (content) => event({ model: "m", choices: [{ delta: { content }, finish_reason: null }] })),
  event({ choices: [{ delta: {}, finish_reason: "stop" }] }),
  event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } }),
].join("");
const WORKERS_AI = `${Array.from(TEXT, (response) => event({ response })).join("")}data: [DONE]\n\n`;

async function read(bytes: Uint8Array, cuts: readonly number[]) {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const pieces = at.slice(1).map((end, place) => bytes.slice(at[place], end));
  const run = async () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) if (piece.length > 0) controller.enqueue(piece);
        controller.close();
      },
    });
  const asked = { model: "@cf/any", messages: [], stream: true, tokens_max: 600, idle_ms: 10_000 };
  const answering = generate({ run } as unknown as Pick<Ai, "run">, asked);
  let text = "";
  for (;;) {
    const next = await answering.next();
    if (next.done) return { text, ...next.value };
    text += next.value;
  }
}

test("it does not matter how the bytes of a stream are cut, also inside a character", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(OPENAI, WORKERS_AI), fc.array(fc.nat(), { maxLength: 9 }), async (whole, cuts) => {
      const { text, cut_short } = await read(new TextEncoder().encode(whole), cuts);
      expect([text, cut_short]).toEqual([TEXT, false]);
    }),
  );
});

test("a stream that ends early anywhere is told from one that is whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(OPENAI, WORKERS_AI), fc.nat(), async (whole, at) => {
      const bytes = new TextEncoder().encode(whole);
      const end = at % bytes.length;
      // Up to here nobody has said that the answer is finished.
      const finished = whole.indexOf(whole === OPENAI ? '"stop"}]}\n\n' : "[DONE]\n\n");
      fc.pre(end <= new TextEncoder().encode(whole.slice(0, finished)).length);
      await expect(read(bytes.slice(0, end), [])).rejects.toThrow(AnswerBrokeOff);
    }),
  );
});
