import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../command/run-cli.fixture.ts";
import { directoryStorage } from "../../storage/directory-storage.ts";
import { initRepository } from "../repository/key-administration.ts";
import { formatKey, parseKey } from "../repository/key-file.ts";
import { openRepository } from "../repository/open-repository.ts";
import { snapshotOf } from "../repository/repository.fixture.ts";

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
  const passphrase = { PRISM_BACKUP_PASSPHRASE: "correct horse battery staple" };
  const { code, stdout } = await runCommand(["backup", "key", ...words, ...on, "--json"], passphrase);
  return { code, ...JSON.parse(stdout) };
}

const names = (keys: { name: string }[]) => keys.map(({ name }) => name);

test("the escrowed key lets writers and readers in and out; a writer's key lets nobody in", async () => {
  const ci = join(dir, "ci.json");
  const add = ["add-writer", "ci", "--out", ci];
  expect((await key("writer.json", ...add, "--dry-run")).error.hint).toMatch(/escrowed key file/);
  expect(await key("escrow.json", ...add, "--dry-run")).toMatchObject({ code: 0, dry_run: true, name: "ci", file: ci });
  expect(await key("escrow.json", ...add)).toMatchObject({ code: 0, dry_run: false, name: "ci", file: ci });
  expect((await key("escrow.json", ...add)).error.cause).toBe("the file is there already");
  expect((await stat(ci)).mode & 0o777).toBe(0o600);
  const made = parseKey(await readFile(ci, "utf8"), ci);
  const repository = await openRepository(directoryStorage(join(dir, "vault")), made);
  expect(repository.can).toEqual({ read: false, write: true, administer: false });
  await repository.close();

  expect((await key("escrow.json", "add-reader", "auditor", "--out", join(dir, "auditor.json"))).code).toBe(0);
  const { readers, writers } = await key("auditor.json", "list");
  expect([readers, writers].map(names)).toEqual([
    ["safe", "auditor"],
    ["w", "ci"],
  ]);
  expect((await key("escrow.json", "remove-reader", "auditor")).error.hint).toMatch(/--yes/);
  expect(await key("escrow.json", "remove-reader", "auditor", "--dry-run")).toMatchObject({ code: 0, dry_run: true });
  expect((await key("escrow.json", "remove-reader", "auditor", "--yes")).code).toBe(0);
});

test("a writer that was removed backs up no more; what it had signed stays trusted unless --until says otherwise", async () => {
  const writer = async () =>
    openRepository(
      directoryStorage(join(dir, "vault")),
      parseKey(await readFile(join(dir, "writer.json"), "utf8"), ""),
    );
  const first = await writer();
  await snapshotOf(first, ["a"]);
  await first.close();
  expect((await key("escrow.json", "remove-writer", "w")).error.hint).toMatch(/--yes/);
  const remove = ["remove-writer", "w", "--yes"];
  const asked = { code: 0, change: "remove-writer", writers_left: 0 };
  expect(await key("escrow.json", ...remove, "--until", "1d", "--dry-run")).toMatchObject({ ...asked, distrusted: 1 });
  expect(await key("escrow.json", ...remove)).toMatchObject({ ...asked, trusted: 1, distrusted: 0 });
  expect(await key("escrow.json", "list")).toMatchObject({ writers: [], retired: [{ name: "w" }] });
  const second = await writer();
  await expect(second.beginSnapshot({ tool: "x" })).rejects.toThrow(/no longer/);
  expect(await second.listSnapshots()).toHaveLength(1);
  await second.close();
});

test("a passphrase goes into the repository and, asked for, out of it", async () => {
  expect((await key("escrow.json", "add-passphrase", "safe")).code).toBe(0);
  expect((await key("escrow.json", "remove-passphrase", "safe")).code).toBe(3);
  expect((await key("escrow.json", "remove-passphrase", "safe", "--yes")).code).toBe(0);
  expect((await key("escrow.json", "list")).passphrases).toEqual([]);
});
