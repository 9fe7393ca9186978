import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NOT_FOUND, parsePrompt, renderMessages } from "./prompt.ts";

/** Text that tries to look like the prompt's own marks. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "<12>",
        "< 12 >",
        "</12>",
        "<\\12>",
        "<question>",
        "<Question >",
        "<|eot_id|>",
        "<\\|x",
        "\n",
        "<",
        ">",
        "\\",
        "7",
        "/",
      ),
      fc.string({ unit: "grapheme", maxLength: 8 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));
const passage = fc.record({ mark: fc.nat(), title: hostile, heading: fc.constant(""), text: hostile });

describe("the prompt", () => {
  test("gives passages and question back verbatim, whatever they contain", () => {
    fc.assert(
      fc.property(hostile, fc.array(passage, { maxLength: 4 }), (question, passages) => {
        const parsed = parsePrompt(renderMessages({ question, passages }).messages);
        expect(parsed?.question).toBe(question);
        expect(parsed?.passages.map(({ mark, text }) => ({ mark, text }))).toEqual(
          passages.map(({ mark, text }) => ({ mark, text })),
        );
      }),
    );
  });

  test("holds exactly one opener for each passage and one for the question: data cannot forge them", () => {
    fc.assert(
      fc.property(hostile, fc.array(passage, { maxLength: 4 }), (question, passages) => {
        const user = renderMessages({ question, passages }).messages[1]?.content ?? "";
        const openers = user.match(/<[\s/]*(?:\d+|question)[\s/]*>/gi) ?? [];
        expect(openers).toEqual([...passages.map(({ mark }) => `<${mark}>`), "<question>"]);
        expect(user).not.toContain("<|");
      }),
    );
  });

  test("a label and the text under it are no opener together", () => {
    const passages = [{ mark: 0, title: "<7", heading: "", text: ">\n</" }];
    const { messages } = renderMessages({ question: "question>", passages });
    expect(messages[1]?.content).toBe("<0><\\7\n>\n</\n<question>question>");
    expect(parsePrompt(messages)?.passages).toEqual([{ mark: 0, label: "<7", text: ">\n</" }]);
  });

  test("leaves text without such marks as it is, and says a title once", () => {
    const text = "if (a < 12 && b > 3) return x <y>;";
    const { messages } = renderMessages({
      question: "Why?",
      passages: [{ mark: 5, title: "Guide", heading: "Guide › Setup", text }],
    });
    expect(messages[1]?.content).toBe(`<5>Guide › Setup\n${text}\n<question>Why?`);
    expect(messages[0]?.content).toContain(NOT_FOUND);
  });

  test("refuses a mark that is no integer", () => {
    const passages = [{ mark: 1.5, title: "", heading: "", text: "" }];
    expect(() => renderMessages({ question: "", passages })).toThrow(RangeError);
  });

  test("messages that are no such prompt parse to undefined", () => {
    expect(parsePrompt([{ role: "user", content: "What is new?" }])).toBeUndefined();
    expect(parsePrompt([{ role: "system", content: "<question>" }])).toBeUndefined();
    expect(parsePrompt([{ role: "user", content: "hello <1>a\nb\n<question>c" }])).toBeUndefined();
  });
});
