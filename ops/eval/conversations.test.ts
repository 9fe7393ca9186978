import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";

const SET = join(import.meta.dirname, "..", "..", "tests", "conversations");

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "conversations-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("conversations are held with the service; what is found is compared with the question asked by itself, and as it stands", async () => {
  await cp(join(SET, "de"), join(dir, "de"), { recursive: true });
  await writeFile(join(dir, "prism.config.json"), JSON.stringify({ sources: [{ folder: "de", collection: "de" }] }));
  const shared = {
    language: "de",
    earlier: ["Wo erzeuge ich einen Zugangsschlüssel?"],
    documents: ["de:schluessel.md"],
  };
  const lines = [
    {
      ...shared,
      half: "tuned",
      kind: "pronoun",
      question: "Wie lange gilt er?",
      self_contained: "Gilt ein Schlüssel?",
    },
    { ...shared, half: "unseen", kind: "switch", question: "Wer zahlt?", self_contained: "Wer zahlt?" },
  ];
  await writeFile(join(dir, "conversations.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));

  const { code, stdout } = await runCommand(["eval", "conversations", dir, "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ documents: 10, failures: [], rewriting_tokens: 0 });
  expect(report.judged[0]).toMatchObject({
    standalone_question: "Wie lange gilt er? (erzeuge Zugangsschlüssel)",
    follow_up: true,
    raw: false,
  });
  const names = ["all", "tuned", "unseen", "unseen, switch", "unseen, de"];
  expect(report.groups.map(({ name }: { name: string }) => name)).toEqual(names);
  expect(report.groups[1]).toMatchObject({ follow_up: { top3: 1, ndcg_at_10: 1 }, raw: { top3: 0 } });
});
