import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCli } from "../../command/run-cli.fixture.ts";
import { directoryStorage } from "../../storage/directory-storage.ts";
import { initRepository } from "../repository/key-administration.ts";
import { formatKey, parseKey } from "../repository/key-file.ts";
import { openRepository } from "../repository/open-repository.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-key-"));
  const { signal } = new AbortController();
  const keys = await initRepository(directoryStorage(join(dir, "vault")), { escrow: "safe", writer: "w" }, 0, signal);
  await writeFile(join(dir, "escrow.json"), formatKey(keys.escrow));
  await writeFile(join(dir, "writer.json"), formatKey(keys.writer));
});
afterEach(() => rm(dir, { recursive: true }));

async function key(with_key: string, ...words: string[]) {
  const on = ["--repository", join(dir, "vault"), "--key-file", join(dir, with_key), "--data", join(dir, "data")];
  const { code, stdout } = await runCli(["backup", "key", ...words, ...on, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

test("the escrowed key lets writers and readers in and out; a writer's key lets nobody in", {
  timeout: 60_000,
}, async () => {
  const ci = join(dir, "ci.json");
  expect((await key("writer.json", "add-writer", "ci", "--out", ci)).error.hint).toMatch(/escrowed key file/);
  expect(await key("escrow.json", "add-writer", "ci", "--out", ci)).toMatchObject({ code: 0, name: "ci", file: ci });
  expect((await stat(ci)).mode & 0o777).toBe(0o600);
  const made = parseKey(await readFile(ci, "utf8"), ci);
  const repository = await openRepository(directoryStorage(join(dir, "vault")), made);
  expect(repository.can).toEqual({ read: false, write: true, administer: false });
  await repository.close();

  const auditor = join(dir, "auditor.json");
  expect((await key("escrow.json", "add-reader", "auditor", "--out", auditor)).code).toBe(0);
  const { readers, writers } = await key("auditor.json", "list");
  expect([readers, writers].map((names) => names.map(({ name }: { name: string }) => name))).toEqual([
    ["safe", "auditor"],
    ["w", "ci"],
  ]);
  expect((await key("escrow.json", "remove-reader", "auditor")).error.hint).toMatch(/--yes/);
  expect((await key("escrow.json", "remove-reader", "auditor", "--yes")).code).toBe(0);
  expect((await key("escrow.json", "list")).readers).toHaveLength(1);
});
