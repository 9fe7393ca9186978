import { expect, test } from "vitest";
import { waitLine } from "../waits.ts";
import { createProgress, progressLine } from "./progress.ts";
import { newsIn } from "./run-cli.fixture.ts";

function screen(isTTY: boolean) {
  let now_ms = 0;
  const written: string[] = [];
  const progress = createProgress({ isTTY, write: (text) => written.push(text) }, () => now_ms);
  return { progress, written, after: (ms: number) => (now_ms += ms) };
}

test("a line says how far, how fast and how long still", () => {
  expect(progressLine({ label: "docs", done: 50, total: 200, elapsed_ms: 1000 })).toBe(
    "docs: 50/200 (25 %), 50/s, 3 s left",
  );
  expect(progressLine({ label: "docs", done: 3, total: 3, elapsed_ms: 2000 })).toBe("docs: 3/3 (100 %), 1.5/s");
  expect(progressLine({ label: "docs", done: 0, total: 0, elapsed_ms: 0 })).toBe("docs: 0/0 (100 %)");
});

test("tests know how far a command is, and what it waits for, from its news", () => {
  const far = progressLine({ label: "docs", done: 50, total: 200, elapsed_ms: 1000 });
  const waits = [5_000, null].map((limit_ms) => waitLine({ for: "the storage", limit_ms }, 0, 2_000));
  expect(newsIn(["Watching prism", far, ...waits, "Copied 3/4 (75 %)", ""].join("\n"))).toEqual([
    "Watching prism",
    "Copied 3/4 (75 %)",
  ]);
});

test("where there is no terminal, plain lines come now and then and nothing is redrawn", () => {
  const { progress, written, after } = screen(false);
  progress.start("docs", 10);
  progress.update(1);
  after(6000);
  progress.update(2);
  progress.update(3);
  progress.stop("10 docs");
  expect(written).toEqual(["docs: 2/10 (20 %), 0.3/s, 24 s left\n", "10 docs\n"]);
});

test("on a terminal a bar is redrawn and removed at the end", () => {
  const { progress, written, after } = screen(true);
  progress.start("docs", 2);
  after(200);
  progress.update(1);
  progress.stop();
  expect(written[0]).toContain(`\r\u001b[2K${"█".repeat(12)}${"░".repeat(12)} docs: 1/2`);
  expect(written.at(-1)).toBe("\r\u001b[2K");
});
