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

type Piece = Record<string, unknown>;

async function answerOf(run: () => Promise<unknown>, patience = { generate_ms: 10_000, idle_ms: 10_000 }) {
  const asked = { model: "@cf/any", messages: [], stream: true, tokens_max: 600, patience };
  const answering = generate({ run } as unknown as Pick<Ai, "run">, asked);
  let text = "";
  for (;;) {
    const next = await answering.next();
    if (next.done) return { text, ...next.value };
    // A client may show each piece by itself.
    expect(next.value.isWellFormed()).toBe(true);
    text += next.value;
  }
}

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
  return answerOf(run);
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

/** The same as one stream of events, and as one answer. */
const bothWays = (...pieces: Piece[]) => {
  const stream = [...pieces.map(event), event({ choices: [{ delta: {}, finish_reason: "stop" }] })].join("");
  return [() => read(new TextEncoder().encode(stream), []), () => answerOf(async () => Object.assign({}, ...pieces))];
};
const saying = (content: unknown, choice: Piece = {}) => ({ choices: [{ delta: { content }, ...choice }] });

test.each([
  [
    "a list of parts",
    [{ type: "text", text: "It is " }, { type: "image_url" }, { type: "text", text: "4." }],
    "It is 4.",
  ],
  ["a number", 4, "4"],
  ["null", null, ""],
])("text may come as %s", async (_, content, text) => {
  for (const way of bothWays(saying(content))) expect(await way()).toMatchObject({ text });
});

test("a sign that comes in two halves is shown whole, and half a one as what stands for it", async () => {
  const first = event(saying("It eats \ud83c"));
  const second = event(saying("\udf3e grain."));
  const done = "data: [DONE]\n\n";
  const text = async (stream: string) => (await read(new TextEncoder().encode(stream), [])).text;
  expect(await text(first + second + done)).toBe("It eats 🌾 grain.");
  expect(await text(first + event(saying("")) + second + done)).toBe("It eats 🌾 grain.");
  expect(await text(first + done)).toBe("It eats \ufffd");
  expect(await text(second + first + done)).toBe("\ufffd grain.It eats \ufffd");
  const whole = { choices: [{ message: { content: "It eats \ud83c." } }] };
  expect((await answerOf(async () => whole)).text).toBe("It eats \ufffd.");
});

test("what is no text is no answer: nothing of it is shown", async () => {
  for (const content of [{ text: "It is 4." }, true])
    for (const way of bothWays(saying(content))) await expect(way()).rejects.toThrow(AnswerBrokeOff);
});

test("counts of tokens are counts, and a model's name is a name: anything else is as if it had not been said", async () => {
  const usages = [
    ["12", "3"],
    [-1, 2],
    [1.5, 2],
    [1, 1e300],
    [1, null],
  ].map(([prompt_tokens, completion_tokens]) => ({
    ...{ prompt_tokens, completion_tokens },
  }));
  for (const usage of [...usages, "many", null])
    for (const way of bothWays({ ...saying("It is 4."), usage })) expect(await way()).toMatchObject({ usage: null });
  for (const model of [{ name: "m" }, 5, "m".repeat(201), "\u001b[31mm", ""])
    for (const way of bothWays({ ...saying("It is 4."), model })) expect(await way()).toMatchObject({ model: null });
});

test.each([
  [{ error: "out of memory" }],
  [{ object: "error", message: "out of memory" }],
  [{ detail: "out of memory" }],
  [saying("", { finish_reason: "function_call" })],
  [saying("", { finish_reason: "SAFETY" })],
  [saying("", { finish_reason: "content_filtered" })],
  [saying("", { finish_reason: "network_error" })],
  [saying("", { finish_reason: "sensitive" })],
  [saying("", { finish_reason: "tool_use" })],
])("an answer with %j in it broke off, and what was told before is kept", async (piece) => {
  const stream = [{ model: "m", ...saying("It is") }, piece].map(event).join("");
  const broken = await read(new TextEncoder().encode(`${stream}data: [DONE]\n\n`), []).catch((error) => error);
  expect(broken).toBeInstanceOf(AnswerBrokeOff);
  expect(broken.told).toMatchObject({ model: "m" });
});

test.each([
  ...["length", "MAX_TOKENS", "max_output_tokens", "model_length", "model_context_window_exceeded"].map((name) => [
    name,
    true,
  ]),
  ...["stop", "end_turn", "eos_token", "STOP", "complete", "stop_sequence", "normal"].map((name) => [name, false]),
])("an answer that ends with %s is cut short: %s", async (finish_reason, cut_short) => {
  const stream = [saying("It is 4."), saying("", { finish_reason })].map(event).join("");
  expect(await read(new TextEncoder().encode(stream), [])).toMatchObject({ text: "It is 4.", cut_short });
});

test("a last piece that repeats the whole message beside what it adds says it once", async () => {
  const whole = { choices: [{ delta: {}, message: { content: "It is 4." }, finish_reason: "stop" }] };
  const stream = [saying("It is "), saying("4."), whole].map(event).join("");
  expect(await read(new TextEncoder().encode(stream), [])).toMatchObject({ text: "It is 4." });
});

test("a model that does not stop where it was told to is cut, and what it says after its end is not its answer", async () => {
  for (const way of bothWays(saying("y ".repeat(500_000)))) {
    const { text, cut_short } = await way();
    expect([cut_short, text.length]).toEqual([true, 600 * 64]);
  }
  const [streamed] = bothWays(saying("It is 4."), saying("", { finish_reason: "stop" }), saying(" Or 5."));
  expect((await streamed?.())?.text).toBe("It is 4.");
});

test("events of nothing, and blanks around one, are no part of an answer and do not end it", async () => {
  const keptAlive = WORKERS_AI.replaceAll("\n\n", "\n\n: alive\n\ndata:\n\ndata: \n\n").replace("[DONE]", "[DONE] ");
  expect(await read(new TextEncoder().encode(keptAlive.replaceAll("\n", "\r\n")), [])).toMatchObject({
    text: TEXT,
    cut_short: false,
  });
});

test("a model may be silent for longer before its first text than after it", async () => {
  const begun = [event({ choices: [{ delta: { role: "assistant", content: "" } }] }), ": reading\n\n"];
  const said = event(saying("It is 4."));
  const patience = { generate_ms: 10_000, idle_ms: 0 };
  const streaming = (...later: string[]) =>
    answerOf(async () => {
      const pieces = [...begun, ...later].map((piece) => new TextEncoder().encode(piece));
      return new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          // Longer than the silence that it may keep later, each time.
          for (const begun_ms = Date.now(); Date.now() - begun_ms < 5; ) await new Promise(setImmediate);
          const piece = pieces.shift();
          if (piece) controller.enqueue(piece);
          else await new Promise(() => {});
        },
      });
    }, patience);
  expect((await streaming(`${said}data: [DONE]\n\n`)).text).toBe("It is 4.");
  await expect(streaming(said)).rejects.toThrow("nothing came for 0 ms");
});

const FINISHED = event(saying("It is 4.")) + event(saying("", { finish_reason: "stop" }));
/** A stream of these pieces, one each time it is asked; null: it breaks off. It stays open behind them. */
const streamOf = (pieces: Iterable<string | null>, onCancel = () => {}) => {
  const queue = pieces[Symbol.iterator]();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      // As bytes arrive: timers have their turn between two of them.
      await new Promise(setImmediate);
      const { done, value } = queue.next();
      if (done) await new Promise(() => {});
      else if (value === null) controller.error(new Error("reset"));
      else controller.enqueue(new TextEncoder().encode(value));
    },
    cancel: onCancel,
  });
};

test("the last event of a stream needs no blank line behind it", async () => {
  for (const end of ["", "\n", "\r\n"]) {
    const done = `${event(saying("It is 4."))}data: [DONE]${end}`;
    for (const whole of [done, FINISHED.trimEnd() + end])
      expect((await read(new TextEncoder().encode(whole), [])).text).toBe("It is 4.");
  }
});

test("what the model has finished is whole, whether its connection breaks off, stays open, or goes on with nothing", async () => {
  const patience = { generate_ms: 10_000, idle_ms: 50 };
  const nothing = function* () {
    yield FINISHED;
    for (;;) yield event(saying(""));
  };
  for (const pieces of [[FINISHED, null], [FINISHED], nothing()])
    expect((await answerOf(async () => streamOf(pieces), patience)).text).toBe("It is 4.");
});

test("pieces that say nothing are no sign of life, and thoughts told apart are not without end either", async () => {
  const cancelled = Promise.withResolvers<void>();
  const patience = { generate_ms: 50, idle_ms: 10_000 };
  const endless = function* (delta: object) {
    for (;;) yield event({ choices: [{ delta }] });
  };
  const silent = async () => streamOf(endless({ content: "" }), cancelled.resolve);
  await expect(answerOf(silent, patience)).rejects.toThrow("nothing came for 50 ms");
  await cancelled.promise;
  for (const name of ["reasoning_content", "reasoning"]) {
    const thinking = async () => streamOf(endless({ content: null, [name]: "Hm. ".repeat(1_000) }));
    expect(await answerOf(thinking)).toMatchObject({ text: "", cut_short: true });
  }
  const answered = [event({ choices: [{ delta: { reasoning: "4?" } }] }), FINISHED];
  expect((await answerOf(async () => streamOf([...answered, null]))).text).toBe("It is 4.");
});

test("one event is not without end: what never becomes one is given up", async () => {
  const line = function* () {
    yield "data: ";
    for (;;) yield "x".repeat(100_000);
  };
  await expect(answerOf(async () => streamOf(line()))).rejects.toThrow(AnswerBrokeOff);
});

test("of several answers the first is the answer, also where their pieces come mixed", async () => {
  const pieces = ["It is 5.", "It is ", "4."].map((content, place) => saying(content, { index: place === 0 ? 1 : 0 }));
  const end = event(saying("", { index: 0, finish_reason: "stop" }));
  expect((await read(new TextEncoder().encode(pieces.map(event).join("") + end), [])).text).toBe("It is 4.");
  const whole = async () => ({ choices: [1, 0].map((index) => ({ index, message: { content: `It is ${index}.` } })) });
  expect((await answerOf(whole)).text).toBe("It is 0.");
});
