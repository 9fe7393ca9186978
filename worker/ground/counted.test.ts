import { expect, test } from "vitest";
import { counted } from "./counted.ts";

test("one is one, and all others are many, zero and parts as well", () => {
  expect([0, 1, 2, 0.5].map((count) => counted(count, "row"))).toEqual(["0 rows", "1 row", "2 rows", "0.5 rows"]);
  expect(["entry", "day", "dead letter", "match"].map((noun) => counted(2, noun))).toEqual([
    "2 entries",
    "2 days",
    "2 dead letters",
    "2 matches",
  ]);
  expect([counted(1_000_000, "token", "1 M"), counted(1, "token", "1.0")]).toEqual(["1 M tokens", "1.0 token"]);
});
