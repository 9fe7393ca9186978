import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { $ } from "zx/core";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { type Client, createClient } from "../service/client.ts";
import { IndexConfig } from "./config.ts";
import { type SyncResult, syncIndex } from "./sync.ts";

let platform: Platform;
let client: Client;
let repository: string;

beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), "prism-code-"));
  platform = await startPlatform({});
  client = createClient({ url: platform.url, token: platform.admin_key, signal: new AbortController().signal });
  await commit({
    "src/packing/packer.ts": PACKER,
    "src/use.ts": `import { packPieces } from "./packing/packer.ts";\n${"packPieces(packPieces([]));\n".repeat(30)}`,
    "tools/limits.py": `# Largest piece.\nMAX_PIECE_TOKENS = 448\n\n\nclass TokenBudget:\n    def remaining_tokens(self):\n        return MAX_PIECE_TOKENS\n`,
    "cmd/main.go": `package main\n\n// ServeRequests listens.\nfunc (server *Server) ServeRequests() error {\n\treturn nil\n}\n`,
    "lib.rs": `/// Counts.\npub struct TokenCounter;\nimpl TokenCounter {\n    pub fn count_tokens(&self) -> u32 { 0 }\n}\n`,
    "App.java": `public class App {\n  public void startServer() {\n  }\n}\n`,
    "README.md": "# Packing\n\nThe packer packs pieces.\n",
  });
  expect(await update()).toMatchObject({ added: 7, failures: [] });
});
afterAll(async () => {
  await platform?.close();
  await rm(repository, { recursive: true, force: true });
});

const PACKER = `/** Packs pieces. */
export function packPieces(pieces: string[]): string[] {
${"  pieces = pieces.filter((piece) => piece !== limit);\n".repeat(10)}}

export class XMLReader {
  readAll(): void {
${"    this.buffer = this.buffer.concat(this.source.next());\n".repeat(10)}  }
}
`;

async function commit(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(repository, path)), { recursive: true });
    await writeFile(join(repository, path), content);
  }
  const run = $({ cwd: repository, quiet: true });
  await run`git init --quiet && git add --all`;
  await run`git -c user.name=t -c user.email=t@t.example commit --quiet --message=change`;
}

function update(): Promise<SyncResult> {
  const source = { collection: "code", git: repository, include: ["**/*.{ts,py,go,rs,java,md}"] };
  return syncIndex({ client, config: IndexConfig.parse({ sources: [source] }), cwd: repository });
}

interface Found {
  document_id: string;
  title: string;
  heading: string;
  text: string;
}

async function first(query: string, collection = "code"): Promise<Found | undefined> {
  const filter = { collection };
  const body = await client.post("/api/v1/search", { query, filter, top_k: 3 }, { repeatable: true });
  return (body as { results: Found[] }).results[0];
}

test("a repository's code is indexed in one run, and after a commit only what it changed", async () => {
  expect(await update()).toMatchObject({ added: 0, changed: 0, unchanged: 7 });
  await commit({ "lib.rs": "/// Counts.\npub struct TokenCounter;\n\npub fn reset_counter() {}\n" });
  expect(await update()).toMatchObject({ added: 0, changed: 1, unchanged: 6 });
  expect(await first("resetCounter")).toMatchObject({
    document_id: "code:lib.rs",
    heading: expect.stringContaining("reset_counter"),
  });
});

test.each([
  ["packPieces", "src/packing/packer.ts", "packPieces"],
  ["pack pieces", "src/packing/packer.ts", "packPieces"],
  ["xml reader", "src/packing/packer.ts", "XMLReader"],
  ["Where does XMLReader.readAll() read?", "src/packing/packer.ts", "XMLReader.readAll"],
  ["MAX_PIECE_TOKENS", "tools/limits.py", "MAX_PIECE_TOKENS"],
  ["maxPieceTokens", "tools/limits.py", "MAX_PIECE_TOKENS"],
  ["remaining tokens", "tools/limits.py", "TokenBudget.remaining_tokens"],
  ["serve requests", "cmd/main.go", "Server.ServeRequests"],
  ["startServer", "App.java", "App.startServer"],
])(
  "%s finds the chunk that declares it, under its file and symbol, before those that use it",
  async (query, path, symbol) => {
    expect(await first(query)).toMatchObject({
      document_id: `code:${path}`,
      title: path,
      heading: expect.stringContaining(symbol),
    });
  },
);

test("code that comes without an outline is cut by indentation; with another format, an outline is refused", async () => {
  const metadata = { collection: "direct" };
  const written = { title: "packer.ts", format: "code", text: PACKER, metadata };
  await client.put("/api/v1/documents/direct", written);
  const document = (await client.get("/api/v1/documents/direct")) as { text: string; chunks: Found[] };
  expect(document.text).toBe(PACKER);
  expect(document.chunks.map(({ heading }) => heading)).toEqual(["packPieces", "XMLReader, XMLReader.readAll"]);
  expect(await first("read all", "direct")).toMatchObject({ document_id: "direct" });

  const outline = [{ line: 1, symbol: "packPieces" }];
  const refused = client.put("/api/v1/documents/prose", { ...written, format: "text", outline });
  await expect(refused).rejects.toThrow(/outline.*only for format code/);
  // The same text as prose is another document to search: nothing of its chunks is kept.
  await client.put("/api/v1/documents/direct", { ...written, format: "text" });
  expect(await first("xml reader", "direct")).toBeUndefined();
});
