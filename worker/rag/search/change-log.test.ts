import { expect, test } from "vitest";
import { changeLogShare } from "./change-log.ts";

test.each(["change log", "changelog", "release notes", "what's new in harbours"])(
  "%s keeps less of its score than a page that tells how things are",
  (title) => {
    expect(changeLogShare("How do I moor a boat?")(title)).toBeLessThan(1);
    expect(changeLogShare("How do I moor a boat?")("mooring")).toBe(1);
  },
);

test.each(["When was mooring added?", "Which release has moorings?", "What is in 2.1?", "Is mooring still free?"])(
  "%s asks of changes, whose list keeps all of its score",
  (query) => {
    expect(changeLogShare(query)("change log")).toBe(1);
  },
);

test("documents that only begin like a list of changes are none", () => {
  expect(changeLogShare("How do I moor a boat?")("changes of the tide")).toBe(1);
});
