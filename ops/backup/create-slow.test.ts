import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { backupPlan } from "./create-plan.ts";
import { claimedId, keyAtHand } from "./keys-at-hand.ts";
import { readManifest } from "./manifest.ts";
import { openRepository } from "./repository/open-repository.ts";
import { readObjects } from "./snapshot/bucket-copy.ts";
import { decodeEntries } from "./snapshot/config-namespace.ts";

let dir: string;
let platform: Platform;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-backup-test-"));
  platform = await startPlatform({ data_dir: dir, api_budget: false });
  await putDocument("first", "# Spring\n\nWater rises from the ground at a spring.");
  await putDocument("second", "# River\n\nA river carries the water to the sea.");
});
afterAll(async () => {
  await platform.close();
  await rm(dir, { recursive: true });
});

async function putDocument(id: string, text: string): Promise<void> {
  const { status } = await fetch(`${platform.url}/api/v1/documents/${id}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${platform.admin_key}`, "content-type": "application/json" },
    body: JSON.stringify({ title: id, text, format: "markdown" }),
  });
  expect([200, 201]).toContain(status);
}

async function backup(...words: string[]) {
  const { code, stdout, stderr } = await runCli(["backup", ...words, "--data", dir, "--json"]);
  return { code, stderr, ...JSON.parse(stdout) };
}

function api() {
  const { account_id, api_url, api_token: token } = platform;
  return createCloudflare({ api_url, account_id, token }, { signal: new AbortController().signal });
}

/** Each backup leaves its marks and, once it is done, its record in the audit log. */
const withoutOwn = (tables: { name: string }[]) =>
  tables.filter(({ name }) => name !== "backup_marks" && name !== "audit_log");

test("a stack is backed up in full, then by what changed; both are listed, shown and compared", {
  timeout: 90_000,
}, async () => {
  const first = await backup("create");
  expect(first).toMatchObject({ code: 0, warnings: [], summary: { kind: "full", base: null } });
  for (const name of await readdir(join(dir, "backup-keys")))
    expect((await stat(join(dir, "backup-keys", name))).mode & 0o777).toBe(0o600);

  await putDocument("third", "# Lake\n\nA lake keeps the water for a while.");
  const second = await backup("create");
  expect(second).toMatchObject({ code: 0, summary: { kind: "incremental", base: first.snapshot.id } });
  expect(second.snapshot.new_bytes).toBeLessThan(first.snapshot.new_bytes / 4);
  expect(second.summary.cost.requests).toBeLessThanOrEqual(second.plan.requests);

  const { snapshots } = await backup("list");
  expect(snapshots.map(({ id }: { id: string }) => id)).toEqual([second.snapshot.id, first.snapshot.id]);
  expect(snapshots[0].verified.level).toBe("structure");

  const shown = await backup("show", "latest");
  expect(shown.tables).toMatchObject(second.tables);
  expect(shown.stores).toMatchObject({
    index: { name: "prism-chunks-g1", dimensions: 384, parity: { method: "count" }, packs: { lost: [], missing: [] } },
    worker: { name: "prism", secret_names: expect.arrayContaining(["API_SECRET", "KEY_PEPPER"]) },
  });
  expect(JSON.stringify(shown)).not.toContain(platform.api_secret);
  // The same version of the Worker, which only the first of them read.
  expect((await backup("show", first.snapshot.id)).stores.worker).toEqual(shown.stores.worker);

  const { changes } = await backup("diff", first.snapshot.id, "latest");
  expect(changes).toContainEqual(
    expect.objectContaining({
      store: "table",
      name: "documents",
      change: "changed",
      added: 1,
      removed: 0,
      replaced: 0,
    }),
  );
  expect(changes).toContainEqual(expect.objectContaining({ store: "objects", name: "vectors", added: 1, removed: 0 }));
  expect(changes).toContainEqual(expect.objectContaining({ store: "table", name: "api_keys", change: "same" }));
});

test("the Worker is read again where another version serves, though its modules are the same", {
  timeout: 90_000,
}, async () => {
  await backup("create");
  const before = await backup("show", "latest");
  const secret = { name: "ANOTHER", text: "secret", type: "secret_text" } as const;
  await api().workers.scripts.secrets.update("prism", { account_id: platform.account_id, ...secret });
  expect((await backup("create")).plan.worker_bytes).toBeGreaterThan(100_000);
  const after = await backup("show", "latest");
  expect(after.stores.worker.version_id).not.toBe(before.stores.worker.version_id);
  expect(after.stores.worker.version).not.toBe(before.stores.worker.version);
  expect(after.stores.worker.secret_names).toEqual([...before.stores.worker.secret_names, "ANOTHER"].sort());
  expect((await backup("create")).plan.worker_bytes).toBe(0);
  expect((await backup("show", "latest")).stores.worker).toEqual(after.stores.worker);
});

test("a directory holds the same as a bucket, and a key that can only write is enough to go on", {
  timeout: 90_000,
}, async () => {
  const vault = join(dir, "vault");
  const keys = join(dir, "vault-keys");
  const made = await backup("create", "--repository", vault, "--init", keys);
  expect(made).toMatchObject({ code: 0, summary: { kind: "full" } });
  const inBucket = await backup("create", "--full");
  expect(withoutOwn(made.tables)).toEqual(withoutOwn(inBucket.tables));

  const writer = (await readdir(keys)).find((name) => name.endsWith("-local.json")) ?? "";
  const on = ["--repository", vault, "--key-file", join(keys, writer)];
  const next = await backup("create", ...on);
  expect(next.code).toBe(0);
  expect(next.snapshot.new_bytes).toBeLessThan(made.snapshot.new_bytes);
  expect((await backup("show", "latest", ...on)).error.cause).toMatch(/can back up, but not read/);
});

test("objects and configuration come back byte for byte", { timeout: 60_000 }, async () => {
  const { account_id, s3_credentials: credentials, s3_url: endpoint } = platform;
  const [namespace] = (await api().kv.namespaces.list({ account_id })).result.filter(({ title }) =>
    /config/.test(title),
  );
  const value = new File([new Uint8Array([0, 255, 10, 13])], "value");
  await api().kv.namespaces.values.update("state: ä/1", {
    account_id,
    namespace_id: namespace?.id ?? "",
    value,
    metadata: '{"by":"test"}',
  });
  expect((await backup("create")).code).toBe(0);

  const open = (bucket: string) => s3Storage({ endpoint, bucket, prefix: "", credentials });
  const [vault, vectors] = [open("prism-backups"), open("prism-vectors")];
  const never = new AbortController().signal;
  const id = (await claimedId(vault, never)) ?? "";
  const repository = await openRepository(
    vault,
    await keyAtHand(vault, id, { key_files: [], data_dir: dir, env: {}, signal: never }),
  );
  const snapshot = await repository.openSnapshot("latest");
  const { inventory, body } = await readManifest(snapshot);
  const entries = decodeEntries(await snapshot.readPart(body.stores?.config.part ?? ""));
  expect(entries).toEqual([
    { key: "state: ä/1", value_base64: "AP8KDQ==", metadata: { by: "test" }, expiration: null },
  ]);
  let objects = 0;
  const bucket = inventory.buckets?.vectors ?? { bucket: "", parts: [], objects: [] };
  for await (const { key, body: bytes } of readObjects(snapshot, bucket)) {
    expect(Buffer.compare(bytes, (await vectors.read(key, never)).body)).toBe(0);
    objects += 1;
  }
  expect(objects).toBeGreaterThanOrEqual(3);
  await repository.close();
  vault.close();
  vectors.close();
});

test("a plan says what a backup would read and cost, and changes nothing", async () => {
  const before_ms = Date.now();
  const { code, plan } = await backup("create", "--full", "--dry-run");
  expect(code).toBe(0);
  expect(backupPlan.parse(plan)).toMatchObject({ kind: "full", full_because: "a full snapshot was asked for" });
  expect(plan.tables).toContainEqual(
    expect.objectContaining({ name: "documents", how: "whole", rows: 3, requests: 1 }),
  );
  expect((await backup("show", "latest")).snapshot.started_ms).toBeLessThan(before_ms);
});

test("after a Time Travel back the next snapshot is a full one and says why", { timeout: 90_000 }, async () => {
  const { account_id } = platform;
  const { d1 } = api();
  const [database] = (await d1.database.list({ account_id })).result;
  const at = { account_id };
  const { bookmark = "" } = await d1.database.timeTravel.getBookmark(database?.uuid ?? "", at);
  await putDocument("fourth", "# Fog\n\nFog is water that hangs in the air.");
  expect((await backup("create")).summary.kind).toBe("incremental");
  await d1.database.timeTravel.restore(database?.uuid ?? "", { ...at, bookmark });

  const after = await backup("create");
  expect(after.summary).toMatchObject({ kind: "full", full_because: expect.stringMatching(/moved back in time/) });
  // The index still has the vectors of the document that is gone.
  expect(after.warnings).toEqual([expect.stringMatching(/^1 vector without a chunk/)]);
});

test("a place without a repository, or without its key, is refused with what to do", async () => {
  const empty = await backup("list", "--repository", join(dir, "nothing"));
  expect([empty.code, empty.error.cause, empty.error.hint]).toEqual([
    2,
    "there is none",
    expect.stringMatching(/--init DIR/),
  ]);
  const elsewhere = await runCli(["backup", "list", "--repository", join(dir, "vault"), "--data", join(dir, "other")]);
  expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringMatching(/Try: name its key: --key-file FILE/)]);
});
