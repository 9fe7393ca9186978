/** Each verb that works on a stack with its backups, once, on a small one; the slow tests beside them go further. */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { liveOf } from "../../infra/outputs.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { claimedId, keyAtHand } from "../backup/keys-at-hand.ts";
import { openRepository } from "../backup/repository/open-repository.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { locateStack } from "../stack/locate.ts";
import { directoryStorage } from "../storage/directory-storage.ts";

let dir: string;
let service: Service;
let snapshot: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-small-stack-"));
  service = await startService({ data_dir: dir });
  await put("Water rises from the ground at a spring.");
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});

const put = (text: string) => service.call("PUT", "/api/v1/documents/spring", { text });

async function ops(...words: string[]) {
  const repository = words[1] === "undo" ? [] : ["--repository", join(dir, "vault")];
  const { code, stdout } = await runCommand([...words, ...repository, "--data", dir, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

/** Actions in the audit record, oldest first. */
async function recorded(): Promise<string[]> {
  const lines = (await readFile(join(dir, "journal.jsonl"), "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line)).map(({ action, outcome }) => `${action}: ${outcome}`);
}

test("backup create makes a snapshot of everything; its dry run says what it would read", async () => {
  expect(await ops("backup", "create", "--dry-run")).toMatchObject({ code: 0, plan: { kind: "full", base: null } });
  expect(existsSync(join(dir, "vault"))).toBe(false);
  const made = await ops("backup", "create");
  expect(made).toMatchObject({ code: 0, summary: { kind: "full" }, warnings: [] });
  expect(await ops("backup", "create", "--dry-run")).toMatchObject({ dry_run: true, plan: { kind: "incremental" } });
  snapshot = made.snapshot.id;
  expect(await recorded()).toEqual(["backup create: done"]);
});

test("a drill restores it into scratch and finds it equal; its dry run says which it would take", async () => {
  expect(await ops("drill", "--dry-run")).toMatchObject({ code: 0, dry_run: true, own_platform: false, snapshot });
  expect(await ops("drill")).toMatchObject({ code: 0, passed: true, snapshot, differences: [] });
  expect((await recorded()).at(-1)).toBe("drill: done");
});

test("vacuum removes what its dry run said; a rebuild asks before anything goes", async () => {
  const { removed, packs, vectors } = await ops("vacuum", "--dry-run");
  expect(vectors).toEqual({ orphans: 0, removed: 0 });
  expect(await ops("vacuum", "--rebuild")).toMatchObject({ code: 3, error: { cause: "not confirmed" } });
  expect(await ops("vacuum")).toMatchObject({ code: 0, dry_run: false, removed, packs, vectors, rebuilt: null });
  expect((await recorded()).slice(-2)).toEqual(["vacuum: refused", "vacuum: done"]);
});

const text = async () => (await service.call("GET", "/api/v1/documents/spring")).json.text;
const REGRETTED = "Somebody wrote over it.";

test("restore plan and the dry run of restore apply say the same", async () => {
  await put(REGRETTED);
  const { rpo_s: _, ...plan } = await ops("restore", "plan");
  expect(plan).toMatchObject({ code: 0, source: snapshot, refusals: [], database: { to: 2 } });
  expect(await ops("restore", "apply", "--dry-run")).toMatchObject(plan);
  expect(await text()).toContain(REGRETTED);
});

test("a plan by Time Travel is refused as the restore would be: no snapshot of what is there can be made first", async () => {
  const at = ["--at", new Date().toISOString(), "--data", dir, "--json"];
  const plan = async (repository: string) => {
    const { code, stdout } = await runCommand(["restore", "plan", "--repository", join(dir, repository), ...at]);
    return { code, ...JSON.parse(stdout) };
  };
  expect(await plan("vault")).toMatchObject({ code: 0, method: "time travel", refusals: [] });
  const refusals = [{ reason: expect.stringContaining("there is none"), remedy: expect.stringContaining("--init") }];
  expect(await plan("nowhere")).toMatchObject({ code: 3, method: "time travel", refusals });
});

test("restore apply, asked for, brings the snapshot back", async () => {
  expect(await ops("restore", "apply")).toMatchObject({ code: 3, error: { cause: "not confirmed" } });
  expect(await ops("restore", "apply", "--yes")).toMatchObject({ code: 0, restored: { snapshot } });
  expect(await text()).not.toContain(REGRETTED);
  expect((await recorded()).slice(-2)).toEqual(["restore apply: refused", "restore apply: done"]);
});

test("restore undo goes back to what was there before", async () => {
  expect(await ops("restore", "undo", "--dry-run")).toMatchObject({ code: 0, dry_run: true, undone: snapshot });
  expect(await text()).not.toContain(REGRETTED);
  expect(await ops("restore", "undo", "--yes")).toMatchObject({ code: 0, undone: snapshot, database: { to: 1 } });
  expect(await text()).toContain(REGRETTED);
});

/** Parts of a snapshot by their kinds, and whether another has them. */
async function partsOf(...ids: string[]): Promise<Map<string, string>[]> {
  const storage = directoryStorage(join(dir, "vault"));
  const { signal } = new AbortController();
  const id = (await claimedId(storage, signal)) ?? "";
  const key = await keyAtHand(storage, id, { key_files: [], data_dir: dir, env: {}, signal });
  const repository = await openRepository(storage, key);
  const parts = await Promise.all(ids.map(async (one) => [...(await repository.openSnapshot(one)).parts.values()]));
  await repository.close();
  return parts.map((all) => new Map(all.map((part) => [part.id, part.kind])));
}

test("restore plan tells of a part that is missing and of the snapshot before, nothing is begun, and export takes out the rest", async () => {
  const { snapshot: newest } = await ops("backup", "create");
  const [before, now] = await partsOf(snapshot, newest.id);
  const lost = [...(now ?? [])].find(([id, kind]) => kind === "objects" && !before?.has(id))?.[0] ?? "";
  const [part = ""] = (await readdir(join(dir, "vault"), { recursive: true })).filter(
    (path) => basename(path) === lost,
  );
  await rm(join(dir, "vault", part));
  const plan = await ops("restore", "plan", newest.id);
  expect(plan).toMatchObject({
    code: 3,
    refusals: [{ reason: expect.stringContaining(lost), remedy: expect.stringContaining(`restore ${snapshot}`) }],
  });
  expect(await ops("restore", "apply", newest.id, "--yes")).toMatchObject({
    code: 3,
    error: { cause: plan.refusals[0].reason },
  });
  const left = await ops("backup", "export", "--salvage", newest.id, join(dir, "left"));
  expect(left).toMatchObject({ code: 4, lost: { parts: [{ object: part }], tables: [], files: [] } });
  expect(left.lost.objects.length).toBeGreaterThan(0);
  const written = new Set(await readdir(join(dir, "left", "objects"), { recursive: true }));
  for (const { bucket, key } of left.lost.objects) expect(written).not.toContain(join(bucket, key));
});

test("a snapshot of a database that had lost a table is warned of when it is made, and its plan and its verification refuse it", async () => {
  const target = await locateStack("local", dir, process.env, new AbortController().signal);
  const { api_url, account_id, token } = await target.api();
  const live = liveOf((await target.resources()).database)?.id;
  await fetch(`${api_url}/accounts/${account_id}/d1/database/${live}/query`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ sql: "DROP TABLE chunks" }),
  });
  const torn = "chunks_fts is of rows of chunks, and that table is missing";
  const made = await ops("backup", "create", "--full");
  expect(made.warnings).toEqual([expect.stringContaining(torn)]);
  const refusals = [{ reason: expect.stringContaining(torn), remedy: expect.stringContaining("an older snapshot") }];
  expect(await ops("restore", "plan")).toMatchObject({ code: 3, source: made.snapshot.id, refusals });
  expect(await ops("backup", "verify")).toMatchObject({ code: 1, error: { cause: expect.stringContaining(torn) } });
});
