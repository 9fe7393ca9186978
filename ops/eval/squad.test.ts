import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSquad } from "./squad.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "squad-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("paragraphs get ids of their own, and questions without an answer are left out", async () => {
  const qas = [
    { question: "How many?", answers: [{ text: "308", answer_start: 3 }, { text: "308 points" }] },
    { question: "Unanswerable?", answers: [], is_impossible: true },
  ];
  const path = join(dir, "squad.json");
  await writeFile(path, JSON.stringify({ data: [{ title: "Super_Bowl_50", paragraphs: [{ context: "Text", qas }] }] }));
  expect(await readSquad(path)).toEqual({
    paragraphs: [{ id: "article-0-0", title: "Super Bowl 50", text: "Text" }],
    questions: [{ question: "How many?", article: "Super Bowl 50", answers: ["308", "308 points"] }],
  });
});

test("a file of another layout is refused as wrong usage", async () => {
  const path = join(dir, "other.json");
  await writeFile(path, JSON.stringify({ questions: [] }));
  await expect(readSquad(path)).rejects.toMatchObject({ exit_code: 2, parts: { subject: path } });
  await expect(readSquad(join(dir, "absent.json"))).rejects.toThrow("ENOENT");
});
