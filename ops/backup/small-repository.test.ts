/** Each verb that needs only a repository, once, on a small one; the slow tests beside it go further. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../command/run-cli.fixture.ts";
import { serviceDatabase } from "./snapshot/snapshot-rig.fixture.ts";
import { Vault } from "./torture/vault.fixture.ts";

let vault: Vault;
/** Ids of its snapshots. */
let older: string;
let newer: string;
beforeAll(async () => {
  vault = await Vault.make(Date.now, undefined, serviceDatabase(1));
  vault.database.exec(`DELETE FROM chunks;
    INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
    VALUES (1, 1, 't', 'Spring', 'Water', 'Water rises from the ground.', '1', 6)`);
  older = (await vault.take()).info.id;
  vault.database.exec("INSERT INTO tenants VALUES ('new', 1, 1)");
  newer = (await vault.take()).info.id;
});
afterAll(() => vault.remove());

async function backup(...words: string[]) {
  const places = words.includes("--repository") ? [] : ["--repository", vault.repository_folder];
  const on = [...places, "--key-file", join(vault.folder, "key.json"), "--data", join(vault.folder, "data")];
  const { code, stdout } = await runCommand(["backup", ...words, ...on, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

/** What the audit record says was done, oldest first. */
async function recorded(): Promise<{ action: string; outcome: string }[]> {
  const lines = (await readFile(join(vault.folder, "data", "journal.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

const on = ({ folder, repository_folder }: Vault) => [
  ...["--repository", repository_folder, "--key-file", join(folder, "key.json")],
  ...["--data", join(folder, "data")],
];

test("where no snapshot is whole, none is advised: neither by its id nor as an older one", async () => {
  const lost = vault.copy();
  for (const path of await readdir(lost.repository_folder, { recursive: true }))
    if (path.includes("/parts/") && statSync(join(lost.repository_folder, path)).isFile())
      await rm(join(lost.repository_folder, path));
  const to = join(lost.folder, "plain");
  const { code, error } = await backup("export", newer, to, "--repository", lost.repository_folder);
  expect([code, error]).toMatchObject([3, { reason: "damaged" }]);
  expect(error.hint).toMatch(/^no older snapshot is whole;.*bring the object back from another copy/);
  // A check of them all says which they are, and here that there is none.
  const verified = await runCommand(["backup", "verify", ...on(lost)]);
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining("\nNo snapshot is whole.\n") });
  expect(error.hint.slice("no older snapshot".length)).not.toMatch(/older|name an/);
  await lost.remove();
});

test.each([
  ["pointer", "is empty"],
  ["config", "is empty: revision 1 is used"],
])("a %s that a full disk left empty is no forgery, and the snapshot itself is whole", async (object, cause) => {
  const copy = vault.copy();
  await writeFile(join(copy.repository_folder, object), "");
  const { code, stdout } = await runCommand(["backup", "verify", newer, ...on(copy)]);
  expect([code, stdout]).toEqual([1, expect.stringContaining(cause)]);
  expect(stdout).toContain("Try: nothing is lost: the next backup writes it anew\n");
  expect(stdout).toMatch(new RegExp(`Snapshot ${newer} itself is whole, its repository is not: .* restored and equal`));
  await copy.remove();
});

test("list, show and diff say what a repository holds", async () => {
  const [listed, shown, compared] = await Promise.all([
    backup("list"),
    backup("show", "latest"),
    backup("diff", older, "latest"),
  ]);
  expect(listed.snapshots.map(({ id }: { id: string }) => id)).toEqual([newer, older]);
  expect(shown).toMatchObject({ code: 0, snapshot: { id: newer }, summary: { kind: "incremental" }, stores: null });
  expect(compared.changes).toContainEqual(expect.objectContaining({ name: "tenants", change: "changed", after: 1 }));
});

test("what this machine remembers of repositories may be damaged: that is told, and stands in nobody's way", async () => {
  const data = join(vault.folder, "remembering");
  const place = ["--repository", vault.repository_folder, "--key-file", join(vault.folder, "key.json")];
  for (const damage of ["", '{"half', '["a list"]']) {
    await mkdir(data, { recursive: true });
    await writeFile(join(data, "backup-seen.json"), damage);
    const { code, stderr } = await runCommand(["backup", "list", ...place, "--data", data]);
    expect(code).toBe(0);
    expect(stderr).toContain("backup-seen.json is damaged");
    expect((await runCommand(["backup", "list", ...place, "--data", data])).stderr).not.toContain("damaged");
  }
});

test("a copy that lacks the configuration, for it comes last or was lost, is opened by its copy under the lock", async () => {
  const copy = join(vault.folder, "partly");
  await cp(vault.repository_folder, copy, { recursive: true });
  await rm(join(copy, "config"));
  expect(await backup("list", "--repository", copy)).toMatchObject({
    code: 0,
    snapshots: [{ id: newer }, { id: older }],
  });
  expect(await backup("show", "latest", "--repository", copy)).toMatchObject({ code: 0, snapshot: { id: newer } });
  await rm(copy, { recursive: true });
});

test("stats say how much there is, what that takes in storage, and how it grew", async () => {
  const stats = await backup("stats", "--limit-rate", "50MB/s");
  const { snapshots } = await backup("list");
  expect(stats).toMatchObject({ code: 0, snapshots: 2, newest: { id: newer }, oldest: { id: older } });
  expect(stats.growth.map(({ id }: { id: string }) => id)).toEqual([newer, older]);
  const sum = (field: string) =>
    snapshots.reduce((all: number, one: Record<string, number>) => all + (one[field] ?? 0), 0);
  expect(stats).toMatchObject({ plain_bytes: sum("plain_bytes"), bytes: sum("bytes") });
  const files = readdirSync(vault.repository_folder, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isFile(),
  );
  const lying = files.filter(({ name }) => !name.startsWith("."));
  expect(stats.stored_objects).toBe(lying.length);
  expect(stats.stored_bytes).toBe(
    lying.reduce((all, { parentPath, name }) => all + statSync(join(parentPath, name)).size, 0),
  );
  expect(stats.stored_bytes).toBeGreaterThanOrEqual(sum("new_bytes"));
});

test("verify restores a snapshot and remembers it; its dry run says what it would read and remembers nothing", async () => {
  expect(await backup("verify", older, "--dry-run")).toMatchObject({ code: 0, dry_run: true, restore: true });
  expect(await backup("verify", "--read-data", "some")).toMatchObject({ code: 2 });
  expect(await backup("verify", older)).toMatchObject({ code: 0, passed: true, level: "restore" });
  const { snapshots } = await backup("list");
  expect(snapshots.map(({ verified }: { verified: { level: string } }) => verified.level)).toEqual([
    "structure",
    "restore",
  ]);
  expect(await recorded()).toMatchObject([{ action: "backup verify", outcome: "done", detail: { snapshot: older } }]);
});

test("a machine that can write nothing down verifies all the same, and says what it does not remember", async () => {
  // A folder below a file can be made by nobody, not even by root.
  const data = join(vault.folder, "key.json", "data");
  const on = ["--repository", vault.repository_folder, "--key-file", join(vault.folder, "key.json"), "--data", data];
  const { code, stdout, stderr } = await runCommand(["backup", "verify", older, ...on, "--json"]);
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { passed: true, level: "restore" }]);
  for (const missing of [
    "does not remember that it saw this repository",
    "the journal of",
    "audit log lacks this action",
  ])
    expect(stderr).toContain(missing);
});

test("a tag marks a snapshot; list finds it, and prune keeps it until the tag is forgotten", async () => {
  const tagged = vault.copy();
  const { id } = (await tagged.take(undefined, undefined, ["before-move"])).info;
  await tagged.take();
  const on = ["--repository", tagged.repository_folder];
  const { snapshots } = await backup("list", "--tag", "before-move", ...on);
  expect(snapshots).toMatchObject([{ id, tags: ["before-move"] }]);
  const rule = [...["daily", "weekly", "monthly", "yearly"].flatMap((name) => [`--${name}`, "0"]), "--dry-run", ...on];
  expect((await backup("prune", ...rule)).plan.remove).not.toContain(id);
  expect((await backup("prune", ...rule, "--forget-tag", "before-move")).plan.remove).toContain(id);
  tagged.remove();
  expect(await backup("create", "--tag", "two words")).toMatchObject({ code: 2 });
});

test("export writes plain files into a new folder only, and copies a repository; import takes the copy", async () => {
  const plain = join(vault.folder, "plain");
  expect(await backup("export", older, plain, "--dry-run")).toMatchObject({ code: 0, dry_run: true, snapshot: older });
  expect(await backup("export", older, plain)).toMatchObject({ code: 0, snapshot: older, objects: 0 });
  expect(await readdir(plain)).toEqual(["database.sql", "snapshot.json", "tables"]);

  const [away, back] = [join(vault.folder, "away"), join(vault.folder, "back")];
  await mkdir(away);
  const planned = await backup("export", "--as-repository", "--to", away, "--dry-run");
  expect(await readdir(away)).toEqual([]);
  const { code, passed, findings, ...copied } = await backup("export", "--as-repository", "--to", away);
  expect({ code, passed, findings }).toEqual({ code: 0, passed: true, findings: [] });
  expect(planned).toEqual({ ...copied, code: 0, dry_run: true });
  expect(await backup("import", away, "--repository", back, "--dry-run")).toMatchObject({ code: 0, kept: 0 });
  expect(await backup("import", away, "--repository", back)).toMatchObject({ passed: true, snapshots: 2 });
});

test("export --table writes that table alone, as SQL and as lines of JSON", async () => {
  const plain = join(vault.folder, "one-table");
  const asked = ["export", newer, plain, "--table", "documents", "--table", "tenants"];
  expect((await backup(...asked, "--dry-run")).tables).toMatchObject([{ name: "tenants" }, { name: "documents" }]);
  expect(await backup(...asked)).toMatchObject({ code: 0, files: 4, tables: [{ rows: 1 }, { rows: 1 }] });
  expect(await readdir(join(plain, "tables"))).toEqual(["documents.ndjson", "tenants.ndjson"]);
  const loaded = new DatabaseSync(":memory:");
  loaded.exec(await readFile(join(plain, "database.sql"), "utf8"));
  const names = loaded.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  expect(names.map(({ name }) => name)).toEqual(["documents", "tenants"]);
  expect(loaded.prepare("SELECT tenant FROM tenants").all()).toEqual([{ tenant: "new" }]);
  loaded.close();
  const unknown = await backup("export", `${plain}-2`, "--table", "document");
  expect(unknown).toMatchObject({ code: 2, error: { hint: expect.stringContaining("documents, ") } });
});

test("an option that may be repeated takes one value at a time, and leaves alone what follows", async () => {
  const [key, dir] = [join(vault.folder, "key.json"), join(vault.folder, "after-keys")];
  const on = ["--repository", vault.repository_folder, "--data", join(vault.folder, "data"), "--json"];
  for (const keys of [["--key-file", key], ["--key-file", key, "--key-file", key], [`--key-file=${key}`]]) {
    const { code, stdout } = await runCommand(["backup", "export", ...on, "--dry-run", ...keys, dir]);
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, dry_run: true, folder: dir });
  }
  const { stdout } = await runCommand(["backup", "list", ...on, "--key-file", key, "--key-file", "no-such-file"]);
  expect(JSON.parse(stdout).error).toMatchObject({ subject: "no-such-file", reason: "key-unreadable" });
});

test("prune asks, and removes what its dry run said", async () => {
  await vault.take();
  const rule = ["--daily", "1", "--weekly", "0", "--monthly", "0", "--yearly", "0"];
  const { plan, removed } = await backup("prune", ...rule, "--dry-run");
  expect({ plan, removed }).toMatchObject({ plan: { remove: [newer] }, removed: null });
  expect(await backup("prune", ...rule)).toMatchObject({ code: 3, error: { cause: "not confirmed" } });
  expect((await backup("prune", ...rule, "--yes")).removed.snapshots_removed).toEqual([newer]);
});

test("a backup into a copy does not make the original count as rolled back; the original put back to an older state does", async () => {
  const copy = vault.copy();
  const stolen = vault.copy();
  const ahead = (await copy.take()).info.id;
  expect((await backup("show", "latest", "--repository", copy.repository_folder)).snapshot.id).toBe(ahead);
  copy.remove();
  expect(await backup("show", "latest")).toMatchObject({ code: 0 });
  await vault.take();
  expect(await backup("show", "latest")).toMatchObject({ code: 0 });
  await rm(vault.repository_folder, { recursive: true });
  await rename(stolen.repository_folder, vault.repository_folder);
  stolen.remove();
  expect(await backup("show", "latest")).toMatchObject({ code: 1, error: { reason: "rolled-back" } });
});

test("a copy with snapshots of its own is not written over; what was pruned at the original may stay in it", async () => {
  const original = vault.copy();
  const on = ["--repository", original.repository_folder];
  const to = join(original.folder, "elsewhere");
  const again = () => backup("export", "--as-repository", "--to", to, ...on);
  expect(await again()).toMatchObject({ code: 0, passed: true });
  await original.take();
  const rule = ["daily", "weekly", "monthly", "yearly"].flatMap((name) => [`--${name}`, "0"]);
  expect((await backup("prune", ...rule, "--yes", ...on)).removed.snapshots_removed).not.toEqual([]);
  expect(await again()).toMatchObject({ code: 0, passed: true });

  const copy = original.copy();
  await rm(copy.repository_folder, { recursive: true });
  await rename(to, copy.repository_folder);
  const own = (await copy.take()).info.id;
  await rename(copy.repository_folder, to);
  await original.take();
  for (const dry of [["--dry-run"], []])
    expect(await backup("export", "--as-repository", "--to", to, ...on, ...dry)).toMatchObject({
      code: 3,
      error: { cause: expect.stringContaining(own) },
    });
  expect((await backup("show", "latest", "--repository", to)).snapshot.id).toBe(own);
  copy.remove();
  original.remove();
});

test("an older copy gives back what its original has lost, and leaves the original's own state alone", async () => {
  const original = vault.copy();
  const on = ["--repository", original.repository_folder];
  const away = join(original.folder, "elsewhere");
  await backup("export", "--as-repository", "--to", away, ...on);
  const { id } = (await original.take()).info;
  const parts = readdirSync(original.repository_folder, { recursive: true, encoding: "utf8" });
  const [lost = ""] = parts.filter((path) => /parts.*[0-9a-f]{64}$/.test(path) && existsSync(join(away, path)));
  await rm(join(original.repository_folder, lost));
  const pointer = await readFile(join(original.repository_folder, "pointer"));
  expect(await backup("import", away, ...on)).toMatchObject({ code: 0, passed: true, objects: 1 });
  expect(await readFile(join(original.repository_folder, "pointer"))).toEqual(pointer);
  expect(await backup("show", "latest", ...on)).toMatchObject({ code: 0, snapshot: { id } });
  original.remove();
});

test("an export that met a missing part cannot be taken for a finished one", async () => {
  const { info } = await vault.take();
  const rows = await vault.open(async (repository) => {
    const { parts } = await repository.openSnapshot(info.id);
    return [...parts.values()].find(({ kind }) => kind === "rows");
  });
  const [name = ""] = (await readdir(vault.repository_folder, { recursive: true })).filter(
    (path) => basename(path) === rows?.id,
  );
  await rm(join(vault.repository_folder, name));
  const broken = join(vault.folder, "broken");
  expect(await backup("export", info.id, broken)).toMatchObject({ code: 1, error: { reason: "damaged" } });
  expect(await readdir(broken)).toEqual(["unfinished"]);
  expect(await readdir(join(broken, "unfinished"))).toContain("database.sql.unfinished");
  expect(await backup("export", info.id, broken)).toMatchObject({ code: 3 });
});
