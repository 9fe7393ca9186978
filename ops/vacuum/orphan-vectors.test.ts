/** The scheduled comparison of both stores: what the index holds and no row names goes, and nothing else. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { runCli } from "../command/run-cli.fixture.ts";
import { VectorIndex } from "../generation/vector-index.ts";
import { liveStack } from "../restore/stack-state.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "prism-orphans-"));
const QUERY = "how does a harbour pilot board a ship";
let service: Service;
let stack: Awaited<ReturnType<typeof liveStack>>;
beforeAll(async () => {
  service = await startService({ data_dir: folder });
  stack = await liveStack(service.platform, folder);
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

async function vacuum(...words: string[]) {
  const { stdout, code } = await runCli(["vacuum", ...words, "--data", folder, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

async function put(id: string, text: string): Promise<void> {
  const { status } = await service.call("PUT", `/api/v1/documents/${id}`, { text });
  if (status >= 300) throw new Error(`${id}: ${status}`);
}

async function indexed(): Promise<string[]> {
  await service.platform.vectorize.flush();
  return [...(await index().ids())].sort();
}

async function chunks(): Promise<string[]> {
  const [found] = await stack.database.batch([{ sql: "SELECT id FROM chunks" }]);
  return (found?.rows ?? []).map(([id]) => String(id)).sort();
}

async function found(): Promise<string[]> {
  const { json } = await service.call("POST", "/api/v1/search", { query: QUERY, mode: "vector" });
  return json.results.map((hit: { document_id: string }) => hit.document_id);
}

const index = () => new VectorIndex(stack, stack.index);

/** Vectors as near to the query as any can be, that no chunk has. */
async function addStrays(ids: readonly string[]): Promise<void> {
  await put("bait", QUERY);
  const [bait = ""] = (await indexed()).filter((id) => !before.includes(id));
  const [{ values = [] } = {}] = await index().get([bait]);
  expect((await service.call("DELETE", "/api/v1/documents/bait")).status).toBe(204);
  await index().upsert(
    ids.map((id) => ({ id, values: Float32Array.from(values), namespace: "default", metadata: {} })),
  );
}

let before: string[];
test("vectors that no chunk has go while others write, those that the outbox names stay, and living matches are found again", async () => {
  await put("living", "A pilot boards a ship outside the harbour, from a small boat and by a ladder.");
  before = await indexed();
  // As many as Vectorize gives back at most, a name that is no number, and another spelling of a living chunk's id.
  const strays = [...Array.from({ length: 120 }, (_, at) => String(700_000 + at)), "stray", `0${before[0]}`];
  await addStrays([...strays, "900000", "900001"]);
  const owed = (id: string, upserts: string, deletes: string) =>
    `INSERT INTO vector_outbox VALUES ('${id}', 'default', '${upserts}', '${deletes}', ${Date.now()})`;
  await stack.database.batch([{ sql: owed("up", "[900000]", "[]") }, { sql: owed("down", "[]", "[900001]") }]);
  expect(await indexed()).toHaveLength(before.length + strays.length + 2);
  expect(await found()).toEqual([]);

  expect(await vacuum("--dry-run")).toMatchObject({ code: 0, vectors: { orphans: strays.length, removed: 0 } });
  expect(await indexed()).toHaveLength(before.length + strays.length + 2);

  let isOver = false;
  const writer = (async () => {
    for (let at = 0; !isOver; at += 1) await put(`tides-${at}`, `Tide table number ${at} of the harbour.`);
  })();
  const report = await vacuum().finally(() => {
    isOver = true;
  });
  await writer;
  expect(report).toMatchObject({ code: 0, vectors: { orphans: strays.length, removed: strays.length } });
  expect(await indexed()).toEqual([...(await chunks()), "900000", "900001"].sort());
  expect(await found()).toContain("living");
});
