/** What `backup export --salvage` takes out of a snapshot that lacks a part, whichever: read back by SQLite itself. */
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";
import { serviceDatabase } from "./snapshot/snapshot-rig.fixture.ts";
import { Vault } from "./torture/vault.fixture.ts";

let whole: Vault;
let older: string;
let newest: string;
beforeAll(async () => {
  whole = await Vault.make(Date.now, undefined, serviceDatabase(1));
  const insert = whole.database.prepare(
    `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
     VALUES (?, 1, 't', 'Spring', 'Water', ?, ?, 6)`,
  );
  // Several parts of a base.
  for (let id = 1000; id < 1120; id += 1) insert.run(id, randomBytes(40_000).toString("base64"), String(id));
  older = (await whole.take()).info.id;
  // A layer with all that it may hold: a row that is new, one that is changed, one that is gone.
  whole.database.exec("DELETE FROM chunks WHERE id IN (1003, 1004); INSERT INTO tenants VALUES ('new', 1, 1)");
  insert.run(1003, "Water sinks into a well.", "well");
  newest = (await whole.take()).info.id;
});
afterAll(() => whole.remove());

async function backup(vault: Vault, ...words: string[]) {
  const on = ["--repository", vault.repository_folder, "--key-file", join(vault.folder, "key.json")];
  const { code, stdout } = await runCommand([
    "backup",
    ...words,
    ...on,
    "--data",
    join(vault.folder, "data"),
    "--json",
  ]);
  return { code, ...JSON.parse(stdout) };
}

/** Where the object of a part lies. */
async function fileOf(vault: Vault, part: string): Promise<string> {
  const names = await readdir(vault.repository_folder, { recursive: true });
  return join(vault.repository_folder, names.find((name) => basename(name) === part) ?? "");
}

const rowsOf = (database: DatabaseSync, table: string): string[] =>
  database
    .prepare(`SELECT * FROM "${table}"`)
    .all()
    .map((row) => JSON.stringify(row));

test("whatever of a snapshot is damaged, its rows and no others are taken out of the rest, and what is missing is named", {
  timeout: 120_000,
}, async () => {
  const parts = await whole.open(async (repository) => [...(await repository.openSnapshot(newest)).parts.values()]);
  const kinds = new Map(parts.map(({ kind, id }) => [kind, id]));
  const all = (...wanted: string[]) => parts.filter(({ kind }) => wanted.includes(kind)).map(({ id }) => id);
  expect(all("rows").length).toBeGreaterThan(2);
  expect([...kinds.keys()].sort()).toEqual(["body", "changes", "rows", "shared-inventory", "shared-row-hashes"]);
  for (const damaged of [
    ...[...kinds.values()].map((id) => [id]),
    all("changes"),
    all("changes", "shared-row-hashes"),
  ]) {
    const vault = whole.copy();
    for (const [at, id] of damaged.entries()) {
      const file = await fileOf(vault, id);
      if (at % 2 === 0) await rm(file);
      else await writeFile(file, (await readFile(file)).fill(7, 100, 110));
    }
    const to = join(vault.folder, "left");
    const made = await backup(vault, "export", "--salvage", newest, to);
    if (damaged.includes(kinds.get("shared-inventory") ?? "")) {
      expect(made).toMatchObject({ code: 3, error: { hint: expect.stringContaining(`restore ${older}`) } });
      expect(await readdir(vault.folder)).not.toContain("left");
    } else {
      expect(made.code).toBe(4);
      const named = made.lost.parts.map(({ object }: { object: string }) => basename(object));
      expect(named.sort()).toEqual(damaged.toSorted());
      expect(JSON.parse(await readFile(join(to, "lost.json"), "utf8"))).toEqual(made.lost);
      await compare(vault, to, made, damaged.includes(kinds.get("body") ?? ""));
    }
    vault.remove();
  }
});

interface Made {
  tables: { name: string; rows: number }[];
  lost: { tables: { name: string; rows: number }[]; files: string[] };
}

/** Against the database, which is as the snapshot says: it was taken last. */
async function compare(vault: Vault, to: string, { tables, lost }: Made, lacks_definitions: boolean) {
  expect(lost.files).toEqual(lacks_definitions ? ["database.sql"] : []);
  const left = new DatabaseSync(":memory:");
  if (!lacks_definitions) left.exec(await readFile(join(to, "database.sql"), "utf8"));
  for (const { name, rows } of tables) {
    const lines = (await readFile(join(to, "tables", `${name}.ndjson`), "utf8")).split("\n").length - 1;
    expect(lines).toBe(rows - (lost.tables.find((one) => one.name === name)?.rows ?? 0));
    if (lacks_definitions) continue;
    const found = rowsOf(left, name);
    const there = new Set(rowsOf(vault.database, name));
    expect([name, found.length, found.filter((row) => !there.has(row))]).toEqual([name, lines, []]);
  }
  left.close();
}

test("a whole snapshot is salvaged whole, and a damaged one is exported in no other way", async () => {
  const vault = whole.copy();
  expect(await backup(vault, "export", "--salvage", newest, join(vault.folder, "all"))).toMatchObject({
    code: 0,
    lost: null,
  });
  const parts = await vault.open(async (repository) => [...(await repository.openSnapshot(newest)).parts.values()]);
  await rm(await fileOf(vault, parts.find(({ kind }) => kind === "body")?.id ?? ""));
  expect(await backup(vault, "export", newest, join(vault.folder, "none"))).toMatchObject({
    code: 3,
    error: { reason: "damaged", hint: expect.stringContaining(`restore ${older}`) },
  });
  vault.remove();
});
