import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service.fixture.ts";

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const paragraph = (topic: string) => `Everything about ${topic}. `.repeat(40);
const sections = (...topics: string[]) => topics.map((topic) => `## ${topic}\n\n${paragraph(topic)}`).join("\n\n");

describe("documents", () => {
  test("a written document is read back word for word, with its chunks in order", async () => {
    const text = sections("alpha", "beta", "gamma");
    const written = await service.call("POST", "/api/v1/documents", { id: "greek", text, title: "Letters" });
    expect(written.status).toBe(201);
    expect(written.json).toMatchObject({ id: "greek", status: "created", version: 1, vectors: "sent" });
    const { json } = await service.call("GET", "/api/v1/documents/greek");
    expect(json.text).toBe(text);
    expect(json.chunks.length).toBeGreaterThan(1);
    expect(json.chunks.map((chunk: { text: string }) => chunk.text).join("")).toBe(text);
  });

  test("the data of an image stays in the document and is neither embedded nor found, and another image is a change", async () => {
    const page = (data: string) => `# Logo\n\nThe logo of the zebra.\n\n![Logo](data:image/png;base64,${data})\n`;
    const before = service.platform.ai_usage().embedded_texts;
    const first = page("iVBORw0KGgo/quokka/".repeat(4600));
    const written = await service.call("PUT", "/api/v1/documents/logo", { text: first });
    expect(written.json).toMatchObject({ status: "created", chunks: 1 });
    expect(service.platform.ai_usage().embedded_texts).toBe(before + 1);
    const read = async () => (await service.call("GET", "/api/v1/documents/logo")).json;
    expect(await read()).toMatchObject({ title: "Logo", text: first, chunks: [{ text: page("…") }] });
    const search = async (query: string) =>
      (await service.call("POST", "/api/v1/search", { query, mode: "text" })).json.results;
    expect(await search("quokka")).toEqual([]);
    expect(await search("zebra")).toMatchObject([{ text: page("…") }]);
    const second = page("AAAABBBBCCCC".repeat(100));
    await service.call("PUT", "/api/v1/documents/logo", { text: second });
    expect((await read()).text).toBe(second);
  });

  test("what was created is where the answer says, whatever stands in its id", async () => {
    const create = () => service.call("POST", "/api/v1/documents", { id: "50 % off?", text: "A sale." });
    const [{ status, headers }, again] = [await create(), await create()];
    const found = await service.call("GET", headers.get("location") ?? "");
    expect([status, found.json.id, again.headers.get("location")]).toEqual([201, "50 % off?", null]);
  });

  test("writing the same content again changes nothing, not even the version", async () => {
    const body = { title: "Same", text: sections("one") };
    await service.call("PUT", "/api/v1/documents/same", body);
    const before = service.platform.ai_usage().embedded_texts;
    const again = await service.call("PUT", "/api/v1/documents/same", body);
    expect(again.json).toMatchObject({ status: "unchanged", version: 1 });
    expect(service.platform.ai_usage().embedded_texts).toBe(before);
  });

  test("an edit embeds the chunks it touches and keeps the others, wherever they moved", async () => {
    const body = { title: "Edited" };
    const first = await service.call("PUT", "/api/v1/documents/edited", {
      ...body,
      text: sections("a1", "b2", "c3", "d4"),
    });
    const chunksBefore = (await service.call("GET", "/api/v1/documents/edited")).json.chunks;
    const before = service.platform.ai_usage().embedded_texts;
    await service.call("PUT", "/api/v1/documents/edited", { ...body, text: sections("new", "a1", "b2", "c3", "d4") });
    const chunksAfter = (await service.call("GET", "/api/v1/documents/edited")).json.chunks;
    const ids = new Set(chunksBefore.map((chunk: { chunk_id: number }) => chunk.chunk_id));
    const kept = chunksAfter.filter((chunk: { chunk_id: number }) => ids.has(chunk.chunk_id)).length;
    expect(kept).toBeGreaterThanOrEqual(first.json.chunks - 1);
    expect(service.platform.ai_usage().embedded_texts - before).toBe(chunksAfter.length - kept);
  });

  test("If-Match with an old ETag is refused and changes nothing", async () => {
    const first = await service.call("PUT", "/api/v1/documents/guarded", { text: "first" });
    const second = await service.call("PUT", "/api/v1/documents/guarded", { text: "second" });
    const etag = second.headers.get("etag") as string;
    const headers = { "if-match": first.headers.get("etag") as string };
    const refused = await service.call("PUT", "/api/v1/documents/guarded", { text: "third" }, { headers });
    expect(refused.status).toBe(412);
    expect((await service.call("DELETE", "/api/v1/documents/guarded", undefined, { headers })).status).toBe(412);
    const read = await service.call("GET", "/api/v1/documents/guarded");
    expect(read.json.text).toBe("second");
    expect(read.headers.get("etag")).toBe(etag);
    const cached = await service.call("GET", "/api/v1/documents/guarded", undefined, {
      headers: { "if-none-match": `"other", W/${etag}` },
    });
    expect(cached.status).toBe(304);
  });

  test("an ETag from before a deletion names nothing that is written after it", async () => {
    const path = "/api/v1/documents/reborn";
    const before = (await service.call("PUT", path, { text: "one life" })).headers.get("etag") as string;
    await service.call("DELETE", path);
    await service.call("PUT", path, { text: "another" });
    const read = await service.call("GET", path, undefined, { headers: { "if-none-match": before } });
    expect(read.status).toBe(200);
    const write = await service.call("PUT", path, { text: "lost" }, { headers: { "if-match": before } });
    expect(write.status).toBe(412);
    await service.call("DELETE", path);
    const same = await service.call("PUT", path, { text: "one life" });
    expect(same.headers.get("etag")).not.toBe(before);
    expect(same.headers.get("etag")).toBe((await service.call("GET", path)).headers.get("etag"));
  });

  test("preconditions hold as RFC 9110 says: lists, weak tags and *, on what exists and what does not", async () => {
    const path = "/api/v1/documents/conditional";
    const put = async (headers: Record<string, string>) =>
      (await service.call("PUT", path, { text: `text ${JSON.stringify(headers)}` }, { headers })).status;
    expect(await put({ "if-match": "*" })).toBe(412);
    expect(await put({ "if-match": '"1-ab"' })).toBe(412);
    expect(await put({ "if-none-match": "*" })).toBe(201);
    expect(await put({ "if-none-match": "*" })).toBe(412);
    expect(await put({ "if-match": "*" })).toBe(200);
    const tag = async () => (await service.call("GET", path)).headers.get("etag") as string;
    expect(await put({ "if-match": `W/${await tag()}` })).toBe(412);
    expect(await put({ "if-none-match": `W/${await tag()}` })).toBe(412);
    expect(await put({ "if-match": `"other", ${await tag()}` })).toBe(200);
    expect(await put({ "if-match": `, ${await tag()},` })).toBe(200);
    for (const malformed of ["3", '"3', '"a" "b"', '*, "a"', "W/3"]) {
      expect(await put({ "if-match": malformed }), malformed).toBe(400);
    }
  });

  test("preconditions hold for a POST that names its document, as JSON or as a file; a batch takes none", async () => {
    const post = async (path: string, body: unknown, headers: Record<string, string>) =>
      (await service.call("POST", path, body, { headers })).status;
    const path = "/api/v1/documents";
    const csv = { "content-type": "text/csv" };
    for (const [id, send] of [
      [
        "posted",
        (headers: Record<string, string>) => post(path, { id: "posted", text: JSON.stringify(headers) }, headers),
      ],
      ["sent", (headers: Record<string, string>) => post(`${path}?id=sent`, "a,b\n1,2\n", { ...csv, ...headers })],
    ] as const) {
      expect(await send({ "if-match": "*" }), id).toBe(412);
      expect(await send({ "if-none-match": "*" }), id).toBe(201);
      expect(await send({ "if-none-match": "*" }), id).toBe(412);
      expect(await send({ "if-match": "*" }), id).toBe(200);
    }
    const documents = [{ id: "posted", text: "lost" }];
    for (const name of ["if-match", "if-none-match"])
      expect(await post(`${path}/batch`, { documents }, { [name]: "*" })).toBe(400);
  });

  test("twenty writers of one document at once leave one whole version and no orphaned chunk", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        service.call("PUT", "/api/v1/documents/contended", { title: "c", text: sections(`writer ${i}`, "shared") }),
      ),
    );
    for (const { status, headers } of answers) {
      expect([200, 201, 503]).toContain(status);
      expect(headers.get("retry-after")).toBe(status === 503 ? "1" : null);
    }
    const { json } = await service.call("GET", "/api/v1/documents/contended");
    expect(json.version).toBe(answers.filter(({ status }) => status !== 503).length);
    const orphans = await service.platform.runtime.queryD1(databaseId(), [
      {
        sql: `SELECT count(*) FROM chunks c JOIN documents d ON d.id = c.document_id
              WHERE d.external_id = 'contended' AND c.id NOT IN (SELECT value FROM json_each(d.chunk_ids))`,
      },
    ]);
    expect(orphans[0]?.rows).toEqual([[0]]);
  });

  test("a deleted document is gone from reads, full text and vectors at once", async () => {
    await service.call("PUT", "/api/v1/documents/doomed", { text: "The zyzzyva weevil is doomed." });
    const search = () => service.call("POST", "/api/v1/search", { query: "zyzzyva weevil" });
    expect((await search()).json.results).toHaveLength(1);
    expect((await service.call("DELETE", "/api/v1/documents/doomed")).status).toBe(204);
    expect((await search()).json.results).toHaveLength(0);
    expect((await service.call("GET", "/api/v1/documents/doomed")).status).toBe(404);
    await service.platform.vectorize.flush();
    const vector = await service.call("POST", "/api/v1/search", { query: "zyzzyva weevil", mode: "vector", top_k: 50 });
    expect(vector.json.results.map((hit: { document_id: string }) => hit.document_id)).not.toContain("doomed");
  });

  test("nothing stays in Vectorize of documents that are deleted while they are being written", async () => {
    const { vectorize } = service.platform;
    const settled = async () => {
      const owed = [{ sql: "SELECT count(*) FROM vector_outbox" }];
      await expect
        .poll(async () => (await service.platform.runtime.queryD1(databaseId(), owed))[0]?.rows, { timeout: 30_000 })
        .toEqual([[0]]);
      await vectorize.flush();
    };
    await settled();
    const before = vectorize.info(vectorIndex()).vectorCount;
    const text = sections(...Array.from({ length: 12 }, (_, i) => `part ${i}`));
    for (let i = 0; i < 8; i += 1) {
      const path = `/api/v1/documents/short-lived-${i}`;
      const written = service.call("PUT", path, { text });
      while ((await service.call("DELETE", path)).status === 404);
      await written;
    }
    await settled();
    expect(vectorize.info(vectorIndex()).vectorCount).toBe(before);
  });

  test("documents are listed in pages by cursor, each once, and by collection", async () => {
    const ids = Array.from({ length: 7 }, (_, i) => `page/${i}`);
    for (const id of ids) {
      const text = `page ${id}`;
      await service.call("POST", "/api/v1/documents", { id, text, metadata: { collection: "pages" } });
    }
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const query = new URLSearchParams({ collection: "pages", limit: "3", ...(cursor ? { cursor } : {}) });
      const { json } = await service.call("GET", `/api/v1/documents?${query}`);
      seen.push(...json.documents.map((document: { id: string }) => document.id));
      cursor = json.next_cursor;
    }
    expect(seen).toEqual(ids);
  });

  test("an id with slashes, spaces and Unicode is one path segment when percent-encoded", async () => {
    const id = "a/b c/ünï%code?.md";
    const path = `/api/v1/documents/${encodeURIComponent(id)}`;
    expect((await service.call("PUT", path, { text: "hello" })).json.id).toBe(id);
    expect((await service.call("GET", path)).json.id).toBe(id);
  });

  test("tenants never see each other's documents, whatever they ask", async () => {
    const other = await service.key({ tenant: "other", scopes: ["read", "write", "chat"] });
    await service.call("PUT", "/api/v1/documents/secret", { text: "The password of the vault is swordfish." });
    expect((await service.call("GET", "/api/v1/documents/secret", undefined, { key: other })).status).toBe(404);
    expect((await service.call("DELETE", "/api/v1/documents/secret", undefined, { key: other })).status).toBe(404);
    expect((await service.call("GET", "/api/v1/documents", undefined, { key: other })).json.documents).toEqual([]);
    await service.platform.vectorize.flush();
    for (const mode of ["hybrid", "text", "vector"]) {
      const body = { query: "password of the vault", mode };
      expect((await service.call("POST", "/api/v1/search", body, { key: other })).json.results).toEqual([]);
    }
    const chat = await service.call(
      "POST",
      "/api/v1/chat",
      { message: "What is the password of the vault?" },
      { key: other },
    );
    expect(chat.json).toMatchObject({ found: false, sources: [], citations: [] });
    const own = await service.call("PUT", "/api/v1/documents/secret", { text: "Mine." }, { key: other });
    expect(own.status).toBe(201);
    expect((await service.call("GET", "/api/v1/documents/secret")).json.text).toContain("swordfish");
  });
});

describe("batches", () => {
  test("a batch is accepted at once, worked off through the queue, and its job adds up", async () => {
    const documents = Array.from({ length: 120 }, (_, i) => ({
      id: `batch/${i}`,
      text: `Batch document number ${i}.`,
    }));
    const accepted = await service.call("POST", "/api/v1/documents/batch", { documents });
    expect(accepted.status).toBe(202);
    const job = await service.job(accepted.json.job_id);
    expect(job).toMatchObject({ state: "done", documents: 120, created: 120, failed: 0 });
    expect(job.parts.total).toBeGreaterThan(1);
    const found = await service.call("POST", "/api/v1/search", { query: "batch document number 77", top_k: 50 });
    expect(found.json.results.map((hit: { document_id: string }) => hit.document_id)).toContain("batch/77");
  });

  test("an unchanged batch writes no row and embeds nothing", async () => {
    const documents = Array.from({ length: 30 }, (_, i) => ({ id: `again/${i}`, text: `Again document number ${i}.` }));
    const send = async () =>
      service.job((await service.call("POST", "/api/v1/documents/batch", { documents })).json.job_id);
    expect(await send()).toMatchObject({ created: 30 });
    expect(await send()).toMatchObject({ unchanged: 30, cost: { rows_written: 0, embedded_texts: 0 } });
  });

  test("a batch with one bad document is refused whole, naming the field", async () => {
    const documents = [
      { id: "fine", text: "fine" },
      { id: "bad", text: 7 },
    ];
    const refused = await service.call("POST", "/api/v1/documents/batch", { documents });
    expect(refused.status).toBe(400);
    expect(refused.json.errors[0].path).toBe("documents[1].text");
    expect((await service.call("GET", "/api/v1/documents/fine")).status).toBe(404);
  });

  test("another tenant cannot read a job", async () => {
    const other = await service.key({ tenant: "nosy", scopes: ["write"] });
    const { json } = await service.call("POST", "/api/v1/documents/batch", { documents: [{ id: "j", text: "j" }] });
    expect((await service.call("GET", `/api/v1/jobs/${json.job_id}`, undefined, { key: other })).status).toBe(404);
  });
});

function databaseId(): string {
  return service.platform.runtime.registry.list("d1")[0]?.uuid ?? "";
}

function vectorIndex(): string {
  const [index] = service.platform.vectorize.listIndexes();
  if (!index) throw new Error("the platform has no vector index");
  return index.name;
}
