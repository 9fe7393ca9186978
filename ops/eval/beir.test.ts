import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isItsOwnDocument, readBeir } from "./beir.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "beir-"));
});
afterAll(() => rm(dir, { recursive: true }));

async function dataSet(name: string, files: Record<string, string>): Promise<string> {
  const folder = join(dir, name);
  await mkdir(join(folder, "qrels"), { recursive: true });
  const defaults = {
    "corpus.jsonl": '{"_id":"d1","title":"T","text":"one"}\n{"_id":"d2","text":"two"}\n',
    "queries.jsonl": '{"_id":"q1","text":"first"}\n{"_id":"q2","text":"not judged"}\n',
  };
  for (const [path, text] of Object.entries({ ...defaults, ...files })) await writeFile(join(folder, path), text);
  return folder;
}

test("reads corpus, queries and judgements, and keeps only judged queries", async () => {
  const set = await readBeir(
    await dataSet("plain", { "qrels.tsv": "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\n" }),
  );
  expect(set.name).toBe("plain");
  expect(set.documents).toEqual([
    { id: "d1", title: "T", text: "one" },
    { id: "d2", title: "", text: "two" },
  ]);
  expect(set.queries).toEqual([{ id: "q1", text: "first" }]);
  expect(set.judgements.get("q1")).toEqual(
    new Map([
      ["d1", 2],
      ["d2", 0],
    ]),
  );
});

test("qrels/test.tsv goes before qrels.tsv", async () => {
  const set = await readBeir(await dataSet("both", { "qrels/test.tsv": "q1\td2\t1\r\n", "qrels.tsv": "q1\td1\t1\n" }));
  expect(set.judgements.get("q1")).toEqual(new Map([["d2", 1]]));
});

test("a damaged line is refused by its number", async () => {
  const folder = await dataSet("damaged", {
    "corpus.jsonl": '{"_id":"d1","text":"x"}\n{"_id":\n',
    "qrels.tsv": "q1\td1\t1\n",
  });
  await expect(readBeir(folder)).rejects.toThrow(/corpus\.jsonl: line 2/);
  await expect(readBeir(await dataSet("scores", { "qrels.tsv": "q1\td1\tmany\n" }))).rejects.toThrow(/qrels line 1/);
});

test("a query taken from the corpus is recognised as its own document by id and text", () => {
  const argument = { id: "x", title: "Claim", text: "because of this" };
  expect(isItsOwnDocument({ id: "x", text: "because of this" }, argument)).toBe(true);
  expect(isItsOwnDocument({ id: "x", text: "another question" }, argument)).toBe(false);
  expect(isItsOwnDocument({ id: "y", text: "because of this" }, argument)).toBe(false);
});
