import { chmod, chown, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { runCommand } from "../command/run-cli.fixture.ts";
import { type Client, createClient } from "../service/client.ts";
import { IndexConfig } from "./config.ts";
import { keepRefusals, readRefusals } from "./refusals.ts";
import { type SyncOptions, type SyncResult, syncIndex } from "./sync.ts";

// The queue hands a batch over after a second, and several updates wait for their jobs.
vi.setConfig({ testTimeout: 30_000 });

let data_dir: string;
let platform: Platform;
let client: Client;
let cwd: string;
let collection: string;

beforeAll(async () => {
  data_dir = await mkdtemp(join(tmpdir(), "prism-sync-data-"));
  platform = await startPlatform({ data_dir });
  client = createClient({ url: platform.url, token: platform.admin_key, signal: new AbortController().signal });
}, 60_000);
afterAll(async () => {
  await platform?.close();
  await rm(data_dir, { recursive: true, force: true });
});
beforeEach(async (context) => {
  cwd = await mkdtemp(join(tmpdir(), "prism-sync-"));
  collection = `c${context.task.id.replace(/[^a-z0-9]+/g, "")}`.slice(0, 30);
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), content);
  }
}

function sync(options: Partial<SyncOptions> = {}): Promise<SyncResult> {
  const config = IndexConfig.parse({ sources: [{ collection, folder: ".", metadata: { kind: "test" } }] });
  return syncIndex({ client, config, cwd, ...options });
}

async function stored(): Promise<Record<string, string>> {
  const page = (await client.get(`/api/v1/documents?collection=${collection}`)) as {
    documents: { id: string; title: string }[];
  };
  return Object.fromEntries(page.documents.map(({ id, title }) => [id.slice(collection.length + 1), title]));
}

const THREE = { "a.md": "# Alpha\n\nText.", "sub/b.md": "# Beta\n\nText.", "c.txt": "plain" };

test("an update adds, changes and deletes what the files say, and a second run sends nothing", async () => {
  await write(THREE);
  expect(await sync()).toMatchObject({
    scanned: 3,
    added: 3,
    changed: 0,
    unchanged: 0,
    deleted: 0,
    failed: 0,
    failures: [],
  });
  expect(await stored()).toEqual({ "a.md": "Alpha", "sub/b.md": "Beta", "c.txt": "c" });

  const sent: string[] = [];
  const post: Client["post"] = (path, body, options) => {
    sent.push(path);
    return client.post(path, body, options);
  };
  expect(await sync({ client: { ...client, post } })).toMatchObject({
    scanned: 3,
    added: 0,
    changed: 0,
    unchanged: 3,
    deleted: 0,
  });
  expect(sent).toEqual([]);

  await write({ "a.md": "# Alpha, revised\n\nText." });
  await rm(join(cwd, "sub/b.md"));
  expect(await sync()).toMatchObject({ scanned: 2, added: 0, changed: 1, unchanged: 1, deleted: 1 });
  expect(await stored()).toEqual({ "a.md": "Alpha, revised", "c.txt": "c" });
});

test("a file is converted once, and again when the file, its link or the converter has become another", async () => {
  await write({ "stock.csv": "Part,Count\nBolt,4\n" });
  const update = (dry_run: boolean, fields = {}) =>
    sync({
      config: IndexConfig.parse({ sources: [{ collection, folder: ".", include: ["*.csv"], ...fields }] }),
      dry_run,
    });
  const again = { changed: 1, unchanged: 0, converted: 1 };
  expect(await update(false)).toMatchObject({ added: 1, converted: 1 });
  expect(await update(false)).toMatchObject({ changed: 0, unchanged: 1, converted: 0 });
  expect(await update(true, { url: "https://stock.example/{path}" })).toMatchObject(again);
  await write({ "stock.csv": "Part,Count\nBolt,5\n" });
  expect(await update(true)).toMatchObject(again);

  await write({ "stock.csv": "Part,Count\nBolt,4\n" });
  expect(await update(true)).toMatchObject({ unchanged: 1, converted: 0 });
  // As another version of the converter has left it.
  const metadata = { collection, path: "stock.csv", source_hash: "of another converter" };
  await client.post("/api/v1/documents", {
    id: `${collection}:stock.csv`,
    title: "stock",
    text: "As it was.",
    metadata,
  });
  expect(await update(true)).toMatchObject(again);
}, 60_000);

test("a file that cannot be converted is told each time, and read again only when it has become another", async () => {
  await write({ "page.html": "<html><body><img src='a.png'></body></html>" });
  const data = join(cwd, "data");
  const update = async () => {
    const refusals = await readRefusals(data);
    const config = IndexConfig.parse({ sources: [{ collection, folder: ".", include: ["*.html"] }] });
    const { failures, added } = await sync({ config, refusals });
    await keepRefusals(data, refusals);
    return [added, ...failures.map(({ cause }) => cause)];
  };
  expect(await update()).toEqual([0, "page.html holds no text, or exclude it"]);
  const [[hash] = []] = [...(await readRefusals(data))];
  await keepRefusals(data, new Map([[String(hash), "was not read again"]]));
  expect(await update()).toEqual([0, "page.html was not read again, or exclude it"]);
  await write({ "page.html": "<html><body><img src='b.png'></body></html>" });
  expect(await update()).toEqual([0, "page.html holds no text, or exclude it"]);
  await write({ "page.html": "<h1>Text at last</h1>" });
  expect(await update()).toEqual([1]);
  await writeFile(join(data, "refused-files.json"), "{");
  expect(await readRefusals(data)).toEqual(new Map());
});

test("converted are the files that were made into Markdown, whatever metadata a source gives its documents", async () => {
  await write({ "note.md": "# Note", "stock.csv": "Part,Count\nBolt,4\n" });
  const metadata = { source_hash: "of their own" };
  const config = IndexConfig.parse({ sources: [{ collection, folder: ".", include: ["*"], metadata }] });
  expect(await sync({ config, dry_run: true })).toMatchObject({ added: 2, converted: 1 });
});

test("a dry run tells the plan and changes nothing", async () => {
  await write(THREE);
  const ids = ["a.md", "c.txt", "sub/b.md"].map((path) => `${collection}:${path}`);
  expect(await sync({ dry_run: true })).toMatchObject({
    dry_run: true,
    added: 3,
    plan: { add: ids, change: [], delete: [] },
  });
  expect(await stored()).toEqual({});
});

test("a file that cannot be indexed fails alone and keeps its earlier document", async () => {
  await write(THREE);
  await sync();
  await write({ "new.md": "# New" });
  await writeFile(join(cwd, "a.md"), Buffer.from([0xff]));
  expect(await sync()).toMatchObject({
    added: 1,
    changed: 0,
    unchanged: 2,
    deleted: 0,
    failed: 1,
    failures: [{ id: `${collection}:a.md`, cause: expect.stringContaining("the index keeps its earlier text") }],
  });
  expect(Object.keys(await stored())).toEqual(["a.md", "c.txt", "new.md", "sub/b.md"]);
});

test("a file that holds no text any more takes its document out of the index, and is told", async () => {
  await write(THREE);
  await sync();
  await write({
    "a.md": " \n",
    "c.txt": `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\nsize 5\n`,
  });
  const result = await sync();
  expect(result).toMatchObject({ scanned: 3, changed: 0, unchanged: 1, deleted: 2, failed: 2 });
  for (const { cause } of result.failures) expect(cause).toContain("its earlier text leaves the index");
  expect(await stored()).toEqual({ "sub/b.md": "Beta" });
});

test("many files that became empty are refused like many that are gone", async () => {
  const pages = Array.from({ length: 14 }, (_, i) => `${i}.md`);
  await write(Object.fromEntries(pages.map((path) => [path, `# Page ${path}`])));
  await sync();
  await write(Object.fromEntries(pages.slice(2).map((path) => [path, ""])));
  await expect(sync()).rejects.toMatchObject({ exit_code: 3 });
  expect(Object.keys(await stored())).toHaveLength(14);
});

test("a name that is not UTF-8 fails alone, named", async () => {
  await write(THREE);
  await writeFile(Buffer.from(`${cwd}/caf\xe9.md`, "latin1"), "# Coffee");
  expect(await sync()).toMatchObject({
    scanned: 4,
    added: 3,
    failed: 1,
    failures: [{ id: `${collection}:caf\uFFFD.md`, cause: expect.stringContaining("not UTF-8; rename it") }],
  });
});

/** Root may read every folder, so root is nobody for this while. */
async function withoutPrivileges<T>(act: () => Promise<T>): Promise<T> {
  const NOBODY = 65_534;
  if (process.geteuid?.() !== 0) return act();
  await chown(cwd, NOBODY, NOBODY);
  process.seteuid?.(NOBODY);
  return act().finally(() => process.seteuid?.(0));
}

test("the documents of a folder that cannot be read stay", async () => {
  await write(THREE);
  await sync();
  await chmod(join(cwd, "sub"), 0o000);
  const result = await withoutPrivileges(sync).finally(() => chmod(join(cwd, "sub"), 0o700));
  expect(result).toMatchObject({ deleted: 0, failed: 1, failures: [{ id: `${collection}:sub` }] });
  expect(Object.keys(await stored())).toContain("sub/b.md");
});

test("a document that the service refuses fails alone, by its name, wherever it stands among the others", async () => {
  const good = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`good ${i}.md`, `# Page ${i}`]));
  const long = Array.from({ length: 4 }, () => "n".repeat(150)).join("/");
  const bad = { "a\nb.md": "# A", "good 1\t.md": "# B", [`${long}/z.md`]: "# C" };
  await write({ ...good, ...bad });
  const result = await sync();
  expect(result).toMatchObject({ scanned: 23, added: 20, failed: 3 });
  expect(result.failures.map(({ id }) => id.slice(collection.length + 1)).sort()).toEqual(Object.keys(bad).sort());
  for (const { cause } of result.failures) {
    expect(cause).toMatch(/must (?:not hold control characters|have at most 512 bytes)/);
    expect(cause).not.toContain("documents[");
  }
  expect(Object.keys(await stored()).sort()).toEqual(Object.keys(good).sort());
});

test("many deletions are refused unless someone approves them", async () => {
  await write(Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`${i}.md`, `# Page ${i}`])));
  await sync();
  for (let i = 0; i < 12; i++) await rm(join(cwd, `${i}.md`));
  await expect(sync()).rejects.toMatchObject({ exit_code: 3 });
  expect(Object.keys(await stored())).toHaveLength(14);

  let asked: readonly string[] = [];
  const approveDeletion = async (ids: readonly string[]): Promise<void> => {
    asked = ids;
  };
  expect(await sync({ approveDeletion })).toMatchObject({ deleted: 12, unchanged: 2 });
  expect(asked).toHaveLength(12);
  expect(Object.keys(await stored())).toEqual(["12.md", "13.md"]);
});

test("with a time, known files that are older are not read, new ones are", async () => {
  await write(THREE);
  await sync();
  await write({ "a.md": "# Edited, with an old time", "d.md": "# New, with an old time" });
  const old = new Date("2020-01-01");
  for (const path of ["a.md", "d.md", "sub/b.md", "c.txt"]) await utimes(join(cwd, path), old, old);
  expect(await sync({ since_ms: Date.parse("2021-01-01") })).toMatchObject({
    added: 1,
    changed: 0,
    unchanged: 3,
    deleted: 0,
  });
});

test("two sources that give one id are refused before anything is sent", async () => {
  await write(THREE);
  const config = IndexConfig.parse({
    sources: [
      { collection, folder: "." },
      { collection, folder: ".", include: ["a.md"] },
    ],
  });
  await expect(sync({ config })).rejects.toThrow(/two sources give this id/);
  expect(await stored()).toEqual({});
});

test("the command reads a configuration's folders beside it, and ends with 4 where a document failed", async () => {
  await write(THREE);
  const config = join(cwd, "handbook.config.json");
  await writeFile(config, JSON.stringify({ sources: [{ collection, folder: "." }] }));
  const update = async (...words: string[]) => {
    const at = ["--config", config, "--data", data_dir, "--json"];
    const { code, stdout } = await runCommand(["index", "update", ...at, ...words]);
    return { code, data: JSON.parse(stdout) };
  };
  expect(await update("--dry-run")).toMatchObject({ code: 0, data: { dry_run: true, added: 3 } });
  expect(await stored()).toEqual({});
  expect(await update()).toMatchObject({ code: 0, data: { dry_run: false, added: 3, failed: 0 } });
  await writeFile(join(cwd, "a.md"), Buffer.from([0xff]));
  expect(await update()).toMatchObject({ code: 4, data: { failed: 1, failures: [{ id: `${collection}:a.md` }] } });
});
