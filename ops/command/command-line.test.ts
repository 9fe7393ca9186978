import { expect, test } from "vitest";
import { pathIn } from "./command-line.ts";

test.each([
  ["unblock 203.0.113.7", "unblock"],
  ["--stack local backup create --full", "backup create"],
  ["keys create drill", "keys create"],
  ["block drill", "block"],
  ["backup", undefined],
  ["audit export vacuum", "audit export"],
])("of the words %j the first that name a command count", (line, path) => {
  expect(pathIn(line.split(" "))).toBe(path);
});
