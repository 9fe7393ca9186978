import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { invocationOn } from "../command/invocation.fixture.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { soundRunbook } from "../runbook/library.ts";
import { runRunbook } from "../runbook/run.ts";
import { readTranscript, stepEnds } from "../runbook/transcript.ts";
import { createClient } from "../service/client.ts";
import { putBack } from "./put-back.ts";

const ID = "springs/how they rise.md";
const BEFORE = "# Springs\n\nWater rises from the ground at a spring.\n\nIt is cold.";
const AFTER = "# Springs\n\nSomebody wrote over it.\n\nIt is cold.";
/** Its own data stay in the document and in no index. */
const PICTURE = "A picture: ![spring](data:image/png;base64,iVBORw0KGgo=)";

let dir: string;
let service: Service;
/** Of tenant `acme`. */
let acme: string;
let snapshot: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "prism-document-"));
  service = await startService({ data_dir: dir });
  acme = await service.key({ tenant: "acme", scopes: ["read", "write"] });
  await put({ title: "Springs", text: BEFORE, metadata: { collection: "water", depth: 3 } });
  await put({ text: PICTURE }, acme);
  snapshot = (await ops("backup", "create")).snapshot.id;
});
afterAll(async () => {
  await service.close();
  await rm(dir, { recursive: true });
});
beforeEach(() => put({ title: "Springs", text: AFTER, metadata: { collection: "water", depth: 3 } }));

const path = `/api/v1/documents/${encodeURIComponent(ID)}`;
const put = (body: object, key?: string) => service.call("PUT", path, body, key === undefined ? {} : { key });
const living = async (key?: string) =>
  (await service.call("GET", path, undefined, key === undefined ? {} : { key })).json;

async function ops(...words: string[]) {
  const { code, stdout, stderr } = await runCommand([...words, "--data", dir, "--json"]);
  return { code, stderr, ...JSON.parse(stdout) };
}

test("the documents of a snapshot are listed with id, title, tenant and time of their last change", async () => {
  const { total, documents } = await ops("backup", "documents", snapshot);
  expect(total).toBe(2);
  expect(documents).toMatchObject([
    { id: ID, tenant: "default", title: "Springs", chunks: 1, version: 1 },
    { id: ID, tenant: "acme", title: ID },
  ]);
  expect(await ops("backup", "documents", "--tenant", "acme", "--limit", "1")).toMatchObject({
    total: 1,
    documents: [{ tenant: "acme" }],
  });
});

test("a document that differs is written over only when that is confirmed, then search finds it; no log holds its text", async () => {
  const dry = await ops("restore", "document", ID, "--dry-run");
  expect(dry).toMatchObject({ code: 0, outcome: "overwritten", snapshot, title: "Springs" });
  expect(dry.difference).toEqual({
    fields: ["text"],
    text: {
      from_line: 3,
      goes: { lines: 1, shown: ["Somebody wrote over it."] },
      comes: { lines: 1, shown: ["Water rises from the ground at a spring."] },
    },
  });
  const refused = await ops("restore", "document", ID);
  expect(refused).toMatchObject({ code: 3, error: { cause: "not confirmed", reason: "unconfirmed" } });
  expect(refused.stderr).not.toContain("Somebody");
  expect((await living()).text).toBe(AFTER);

  expect(await ops("restore", "document", ID, "--snapshot", snapshot.slice(0, 6), "--yes")).toMatchObject({
    code: 0,
    outcome: "overwritten",
  });
  expect(await living()).toMatchObject({ text: BEFORE, title: "Springs", metadata: { collection: "water", depth: 3 } });
  const { json } = await service.call("POST", "/api/v1/search", { query: "water rises" });
  expect(json.results[0]).toMatchObject({ document_id: ID });
  expect(await ops("restore", "document", ID)).toMatchObject({ code: 0, outcome: "unchanged" });
  const journal = await readFile(join(dir, "journal.jsonl"), "utf8");
  expect(journal).toContain('"action":"restore document"');
  expect(journal).not.toMatch(/Springs|Water/);
});

test("a document that became another one since it was looked at is not written over", async () => {
  const { signal } = new AbortController();
  const caller = {
    client: async () => createClient({ url: service.platform.url, token: service.platform.api_secret, signal }),
    ...{ signal, now: Date.now, note: () => {} },
  };
  const document = { id: ID, title: "Springs", text: BEFORE, url: null, format: "markdown", metadata: "{}" };
  for (const etag of [null, '"1-0123456789abcdef0123456789abcdef"'])
    await expect(putBack(caller, "default", document, etag)).rejects.toMatchObject({ status: 412 });
  expect((await living()).text).toBe(AFTER);
});

test("a document that is gone comes back unasked", async () => {
  await service.call("DELETE", path);
  expect(await ops("restore", "document", ID, "--at", new Date().toISOString())).toMatchObject({
    code: 0,
    outcome: "created",
    difference: null,
  });
  expect((await living()).text).toBe(BEFORE);
});

test("its runbook asks for a document whose id no path takes as it stands, and takes back what it brought back", async () => {
  const runbook = await soundRunbook("accidental-deletion");
  const requests = { ...runbook, steps: runbook.steps.filter(({ commands }) => commands.includes("curl")) };
  const over = { env: { ...process.env, DOCUMENT_ID: ID } };
  const ran = await runRunbook(invocationOn(dir, over), requests, { auto: true, max_risk: "destructive" });
  const ends = stepEnds((await readTranscript(dir, ran.data.run_id ?? "")).records);
  expect(ends.get("look")?.output).toBe("HTTP 200\n");
  expect(ends.get("delete-again")?.outcome).toBe("passed");
  expect(ends.get("verify")).toMatchObject({ outcome: "failed", output: "HTTP 404\n" });
});

test("another tenant's document comes back as that tenant's, by a key that is revoked afterwards", async () => {
  await put({ text: "gone" }, acme);
  const asked = ["restore", "document", ID, "--tenant", "acme"];
  expect(await ops(...asked, "--yes")).toMatchObject({ code: 0, tenant: "acme", outcome: "overwritten" });
  expect((await living(acme)).text).toBe(PICTURE);
  expect((await living()).text).toBe(AFTER);
  const { keys } = await ops("keys", "list");
  expect(keys[0]).toMatchObject({ tenant: "acme", name: "ops restore document", revoked_at: expect.any(String) });
});

test("--to writes the text into a new file and leaves the service alone", async () => {
  const file = join(dir, "springs.md");
  const asked = ["restore", "document", ID, "--to", file];
  expect(await ops(...asked, "--dry-run")).toMatchObject({ code: 0, outcome: "file", file });
  expect(await ops(...asked)).toMatchObject({ code: 0, outcome: "file", file });
  expect(await readFile(file, "utf8")).toBe(BEFORE);
  expect(await ops(...asked)).toMatchObject({ code: 3, error: { cause: "the file is there already" } });
  expect((await living()).text).toBe(AFTER);
});

test("what the snapshot does not hold is refused, with the tenant that has it", async () => {
  expect(await ops("restore", "document", ID, "--tenant", "none")).toMatchObject({
    code: 3,
    error: { hint: "it is one of tenant default, acme: --tenant default" },
  });
  expect((await ops("restore", "document", "no-such")).error.hint).toMatch(/backup documents/);
  expect(await ops("restore", "document", ID, "--snapshot", snapshot, "--at", "1d")).toMatchObject({ code: 2 });
  expect(await ops("restore", "document", ID, "--at", "1d")).toMatchObject({ code: 3 });
});

test("rows of a table that stands alone come back: those that are missing unasked, those that differ when that is confirmed", async () => {
  const { runtime } = service.platform;
  const database = runtime.registry.list("d1")[0]?.uuid ?? "";
  const sql = async (text: string) => (await runtime.queryD1(database, [{ sql: text }]))[0]?.rows ?? [];
  const { id: lost } = await ops("keys", "create", "--name", "lost", "--tenant", "acme", "--scopes", "read");
  const { id: ended } = await ops("keys", "create", "--name", "ended", "--tenant", "acme", "--scopes", "read");
  const of = (await ops("backup", "create")).snapshot.id;
  await ops("keys", "create", "--name", "later", "--tenant", "acme", "--scopes", "read");
  await sql(`DELETE FROM api_keys WHERE id = '${lost}'`);
  await ops("keys", "revoke", ended, "--yes");
  const asked = ["restore", "table", "api_keys", "--snapshot", of];
  const found = { code: 0, snapshot: of, table: "api_keys", missing: 1 };
  expect(await ops(...asked, "--dry-run")).toMatchObject({ ...found, different: 1, written: 0 });
  const names = async () => (await sql("SELECT name, revoked_at_ms IS NULL FROM api_keys ORDER BY name")).map(String);
  expect(await names()).not.toContain("lost,1");
  expect(await ops(...asked)).toMatchObject({ ...found, written: 1 });
  expect(await names()).toEqual(expect.arrayContaining(["lost,1", "ended,0", "later,1"]));
  expect(await ops(...asked, "--overwrite")).toMatchObject({ code: 3, error: { reason: "unconfirmed" } });
  expect(await ops(...asked, "--overwrite", "--yes")).toMatchObject({ ...found, missing: 0, different: 1, written: 1 });
  expect(await names()).toEqual(expect.arrayContaining(["lost,1", "ended,1", "later,1"]));
  expect(await ops("restore", "table", "documents")).toMatchObject({
    code: 3,
    error: { hint: expect.stringMatching(/restore document --data \S+ ID/) },
  });
});
