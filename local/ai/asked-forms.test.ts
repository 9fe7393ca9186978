/** What the form of a question asks of an answer beside its words. */
import { describe, expect, test } from "vitest";
import { NOT_FOUND, renderMessages } from "../../worker/rag/answer/prompt.ts";
import { answerExtractively } from "./extractive-answerer.ts";

const ask = (question: string, ...texts: string[]): string => {
  const passages = texts.map((text, place) => ({ mark: place + 1, title: "Ferry", heading: "", text }));
  return answerExtractively(renderMessages({ question, passages }).messages).text;
};

describe("what a question asks for", () => {
  test("a default, or a count, of something else is no answer", () => {
    const crates = "A ferry takes 12 crates. The default colour of the crates of a ferry is red.";
    expect(ask("What is the default colour of the crates of a ferry?", crates)).toContain("is red. [1]");
    expect(ask("What is the default weight of the crates of a ferry?", crates)).toBe(NOT_FOUND);
    expect(ask("How many crates does a ferry take?", crates)).toContain("12 crates. [1]");
    expect(ask("How many oars does a ferry take?", crates)).toBe(NOT_FOUND);
  });

  test.each(["Which colour has a ferry unless I choose another?", "Which colour has a ferry out of the box?"])(
    "%s asks for a default",
    (question) => {
      const painted = "A ferry has the colour that its owner has chosen. Any of nine is sold. The default is red.";
      expect(ask(question, painted)).toContain("The default is red. [1]");
      expect(ask(question, "A ferry has the colour that its owner has chosen. Any of nine is sold.")).toBe(NOT_FOUND);
    },
  );

  test("a name of which no passage has every word is not the one that a passage has in part", () => {
    const towed = "The ferry is towed by a Kelm engine, which is fed with coal, on days without wind.";
    expect(ask("How is the ferry towed by the Kelm engine?", towed)).toContain("towed by a Kelm engine");
    expect(ask("How do I moor the ferry with a Kelm Tractor?", towed)).toBe(NOT_FOUND);
  });

  test("a quotation stands below the heading that names what it speaks of, and below no other", () => {
    const reference = "### keel-depth\n\nHow deep the ferry lies in the water. Default: 3 feet.";
    expect(ask("How do I set how deep the ferry lies in the water?", reference)).toMatch(
      /^### keel-depth\nHow deep the ferry/,
    );
    const chapter = "### The keel\n\nHow deep the ferry lies in the water. Default: 3 feet.";
    expect(ask("How do I set how deep the ferry lies in the water?", chapter)).toMatch(/^How deep the ferry/);
  });

  test.each([
    [
      "How do I see whether the ferry leaks?",
      "A ferry may leak at the keel. You can see this with `ferry keel --dry`.",
    ],
    [
      "What happens if the rope of the ferry breaks?",
      "The rope of the ferry breaks at 4 tons. It will then be replaced.",
    ],
  ])("%s is answered with what comes of it, too", (question, text) => {
    const others = Array.from({ length: 30 }, (_, day) => `On day ${day} one may see a ferry cross.`);
    expect(ask(question, `${text} ${others.join(" ")}`)).toContain(text.split(". ")[1]);
  });

  test("what an example shows is explained behind it", () => {
    const told = `The ferry may print:\n\n\`\`\`\nerror 64: mast not set\n\`\`\`\n\n
This error comes from the winch. It means that the rope is worn. Ferries leave at nine. Boats are green.`;
    const answer = ask('What does "error 64: mast not set" of the ferry mean?', told);
    expect(answer).toContain("It means that the rope is worn.");
    expect(answer).not.toContain("leave at nine");
  });
});
