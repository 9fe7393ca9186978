import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "identifiers-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("public names are looked up whole and by their parts, beside plain FTS5 over the same chunks", async () => {
  const uses = "readPages(readPages(max_pages));\n".repeat(20);
  await writeFile(join(dir, "reader.ts"), "export function readPages(): void {}\nfunction hidden() {}\n");
  await writeFile(join(dir, "use.ts"), `import { readPages } from "./reader.ts";\n\n${uses}`);
  await writeFile(join(dir, "limits.py"), "# As many as there are.\nmax_pages = 3\n_hidden = 1\n");
  await writeFile(join(dir, "notes.md"), "# readPages\n\nNot code.\n");

  const { code, stdout } = await runCommand(["eval", "identifiers", dir, "--json"]);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ files: 3, chunks: 3, names: 2, failures: [] });
  expect(report.whole).toMatchObject({ questions: 2, top3: 1, mrr_at_10: 1, missed: [] });
  expect(report.parts).toMatchObject({ questions: 2, top3: 1, mrr_at_10: 1 });
  // FTS5 has no word "read" in the code, and cuts only the name with an underscore.
  expect(report.parts.baseline).toMatchObject({ top3: 0.5 });
});
