import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "answers-"));
});
afterAll(() => rm(dir, { recursive: true }));

const paragraph = (context: string, question: string, text: string) => ({
  context,
  qas: [{ question, answers: [{ text, answer_start: context.indexOf(text) }] }],
});

test("the optimised context of the running service is scored beside whole articles and top-k", async () => {
  const data = [
    {
      title: "Deep_sea",
      paragraphs: [
        paragraph(
          "The Mariana Trench is 10,935 metres deep. It lies east of the Philippines.",
          "How deep is the Mariana Trench?",
          "10,935 metres",
        ),
        paragraph(
          "Anglerfish lure their prey with a glowing organ. Their males are tiny.",
          "With what do anglerfish lure their prey?",
          "a glowing organ",
        ),
      ],
    },
    {
      title: "Bees",
      paragraphs: [
        paragraph(
          "A queen bee lays up to 2,000 eggs a day. Workers feed her.",
          "How many eggs does a queen bee lay a day?",
          "2,000",
        ),
      ],
    },
  ];
  const path = join(dir, "squad.json");
  await writeFile(path, JSON.stringify({ data }));
  const { code, stdout } = await runCommand(["eval", "answers", path, "--json"]);
  expect(code).toBe(0);
  const { questions, policies, optimizer, leaving_out } = JSON.parse(stdout);
  expect(questions).toBe(3);
  expect(policies.map(({ name }: { name: string }) => name)).toEqual([
    "documents",
    "top-1",
    "top-2",
    "top-3",
    "top-5",
    "top-10",
  ]);
  expect(optimizer.answer_recall).toBe(1);
  expect(optimizer.tokens_mean).toBeGreaterThan(20);
  expect(optimizer.saving_vs_top5).toBeGreaterThan(0);
  expect(optimizer.smallest_equal_k).toBe(1);
  expect(leaving_out).toMatchObject({ articles: 2, recall_below_top3: { min: 0, max: 0 } });
});
