import { expect, test } from "vitest";
import { harmlessJson, harmlessLines, harmlessScreen, table, usesColour, verdict } from "./output.ts";

const ROWS = [
  { name: "a", ms: 1.5 },
  { name: "b", ms: 20 },
];
const COLUMNS = [
  { title: "name", value: (row: (typeof ROWS)[number]) => row.name },
  { title: "ms", value: (row: (typeof ROWS)[number]) => row.ms, align: "right" as const },
];

test("a pipe gets tab-separated lines under their titles", () => {
  expect(table(false, ROWS, COLUMNS)).toBe("name\tms\na\t1.5\nb\t20");
});

test("a terminal gets a drawn table with numbers to the right", () => {
  expect(table(true, ROWS, COLUMNS)).toMatch(/│ a {4}│ 1\.5 │/);
});

test("colours need a terminal and no NO_COLOR", () => {
  expect(usesColour({ isTTY: true }, {})).toBe(true);
  expect(usesColour({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
  expect(usesColour({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
  expect(usesColour({}, {})).toBe(false);
  expect(verdict(true, false)).toBe("pass");
  expect(verdict(false, true)).toBe("\u001b[31mFAIL\u001b[39m");
});

test("what others wrote can neither forge a row or a line nor command the terminal", () => {
  const forged = "a\u001b[2K\r\nb\tc\u009b1m\u2028\u202e";
  const escaped = "a\\u001b[2K\\r\\nb\\tc\\u009b1m\\u2028\\u202e";
  const rows = [{ name: forged, ms: 1 }];
  expect(table(false, rows, COLUMNS)).toBe(`name\tms\n${escaped}\t1`);
  expect(table(true, rows, COLUMNS)).toContain(escaped);
  expect(harmlessLines("read x: bad\nError: \u001b[1mforged")).toBe("read x: bad\n  Error: \\u001b[1mforged");
});

test("whatever a command shows keeps its lines, columns and colours, and nothing else that commands a terminal", () => {
  expect(harmlessScreen("a\tb\r\nc\n\u001b[31mred\u001b[39m\u001b[2K\u001b]0;x\u0007\r\u009b\u2028\u202e")).toBe(
    "a\tb\r\nc\n\u001b[31mred\u001b[39m\\u001b[2K\\u001b]0;x\\u0007\\r\\u009b\\u2028\\u202e",
  );
  const data = { title: "a\u001b\u007f\u009b\u2028\u202e\n" };
  expect(harmlessJson(data)).toMatch(/^[\x20-\x7e]*$/);
  expect(JSON.parse(harmlessJson(data))).toEqual(data);
});

test("a table is no wider than the terminal where a column of it may be broken into lines", () => {
  const rows = [{ name: "database", detail: "a detail of many words ".repeat(20) }];
  const drawn = table(true, rows, [
    { title: "name", value: ({ name }) => name },
    { title: "detail", value: ({ detail }) => detail, wraps: true },
  ]);
  const lines = drawn.split("\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(process.stdout.columns || 100);
  expect(drawn.match(/many/g)).toHaveLength(20);
});

test("where no column is named for it, the widest is broken whose words stay whole", () => {
  const id = "3fa9".repeat(12);
  const rows = [{ id, alerts: Array.from({ length: 20 }, (_, index) => `slo-latency-${index}`).join(", ") }];
  const drawn = table(true, rows, [
    { title: "id", value: (row) => row.id },
    { title: "alerts", value: (row) => row.alerts },
  ]);
  const lines = drawn.split("\n");
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(process.stdout.columns || 100);
  expect(drawn).toContain(id);
  expect(drawn.match(/slo-latency-\d+/g)).toHaveLength(20);
  const alone = table(true, [{ id: id.repeat(3) }], [{ title: "id", value: (row) => row.id }]);
  expect(alone).toContain(id.repeat(3));
});
