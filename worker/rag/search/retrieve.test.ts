import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readMigrations } from "../../../infra/migration-files.ts";
import { embedLexical, LEXICAL_MODEL } from "../../../local/ai/lexical-embedder.ts";
import { RESCORE_DEPTH, TEXT_RANKED_MAX } from "../../limits.ts";
import { embeddingModel } from "../../vectors/models.ts";
import { type RetrievalRequest, retrieve, type Stores, VectorSearchError } from "./retrieve.ts";

/** The real D1 of workerd; a vector index and a model as plain functions, since what they do when they fail is the point. */
let workerd: Miniflare;
let db: D1Database;
const vectors = new Map<number, { namespace: string; values: Float32Array }>();
const down = () => Promise.reject(new Error("down"));
const vectorize = {
  query: async (vector: ArrayLike<number>, { topK = 5, namespace }: VectorizeQueryOptions = {}) => {
    const matches = [...vectors]
      .filter(([, stored]) => stored.namespace === namespace)
      .map(([id, { values }]) => ({
        id: String(id),
        score: values.reduce((sum, x, i) => sum + x * (vector[i] ?? 0), 0),
      }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, topK);
    return { matches, count: matches.length };
  },
} as unknown as Stores["vectorize"];
const ai = {
  run: async (_model: string, inputs: { text?: string[]; contexts?: { text: string }[] }) =>
    inputs.contexts === undefined
      ? { data: embedLexical(inputs.text ?? []).map((vector) => [...vector]) }
      : { response: inputs.contexts.map(({ text }, id) => ({ id, score: -text.length })) },
} as unknown as Stores["ai"];

const PARAGRAPHS = [
  ["Rotate keys", "A leaked key is rotated with the rotate command. Rotation of a key takes ten seconds."],
  ["Queues", "Dead letters are replayed after the fault is fixed. A queue holds messages for four days."],
  ["Backups", "Every night a backup of the database is written to the bucket. The key of a backup is its date."],
  ["Limits", "A free account has ten thousand neurons a day. The daily limit is reset at midnight."],
] as const;

/** A document of several chunks, numbered from its id. */
async function writeLong(tenant: string, id: number, texts: readonly string[]) {
  await write(tenant, id, "", texts[0] ?? "");
  await db.batch([
    db.prepare("UPDATE documents SET token_count = ?2, version = version + 1 WHERE id = ?1").bind(id, 9 * texts.length),
    ...texts.slice(1).map((text, index) =>
      db
        .prepare(
          `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
           VALUES (?, ?, ?, '', '', ?, 'h', 9)`,
        )
        .bind(id + index + 1, id, `tn${tenant}`, text),
    ),
  ]);
}

async function write(tenant: string, id: number, title: string, text: string, metadata = "{}") {
  await db.batch([
    db
      .prepare(
        `INSERT INTO tenants (tenant, index_version, changed_at_ms) VALUES (?, 1, 0) ON CONFLICT (tenant) DO NOTHING`,
      )
      .bind(tenant),
    db
      .prepare(
        `INSERT INTO documents (id, tenant, external_id, title, format, metadata, content_hash, chunk_ids, token_count, version, created_at_ms, updated_at_ms)
         VALUES (?, ?, ?, ?, 'text', ?, 'h', '[]', 9, 1, 0, 0)`,
      )
      .bind(id, tenant, `doc-${id}`, title, metadata),
    db
      .prepare(
        `INSERT INTO chunks (id, document_id, tenant_term, title, heading, text, content_hash, token_count)
         VALUES (?, ?, ?, ?, '', ?, 'h', 9)`,
      )
      .bind(id, id, `tn${tenant}`, title, text),
  ]);
  const [values = new Float32Array()] = embedLexical([`${title}\n${text}`]);
  vectors.set(id, { namespace: tenant, values });
}

beforeAll(async () => {
  workerd = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      logRequests: false,
      modules: true,
      script: "export default {}",
      compatibilityDate: "2026-11-01",
      d1Databases: ["DB"],
    }),
  );
  db = (await workerd.getD1Database("DB")) as unknown as D1Database;
  for (const { statements } of readMigrations()) {
    await db.batch(statements.map((sql) => db.prepare(sql)));
  }
  for (const [index, [title, text]] of PARAGRAPHS.entries()) await write("a", index + 1, title, text);
  for (let i = 0; i < 120; i += 1)
    await write("a", 100 + i, `Log ${i}`, `Log number ${i} of the daily log.`, '{"collection":"logs"}');
});
afterAll(() => workerd.dispose());

const ask = (query: string, change: Partial<RetrievalRequest> = {}, stores: Partial<Stores> = {}) =>
  retrieve(
    { db, vectorize, ai, ...stores },
    {
      query,
      tenant: "a",
      tenant_term: "tna",
      mode: "hybrid",
      top_k: 10,
      offset: 0,
      ranked_max: TEXT_RANKED_MAX,
      embedding_model: embeddingModel({ EMBEDDING_MODEL: "an/unknown-model" }),
      ...change,
    },
  );

describe("retrieve", () => {
  test("finds the paragraph that answers, with its row and the scores of both legs", async () => {
    const { hits, degraded, vector_used } = await ask("how do I rotate a leaked key?");
    expect(hits[0]).toMatchObject({ chunk_id: 1, document_id: "doc-1", title: "Rotate keys", metadata: {}, url: null });
    expect(hits[0]?.scores).toMatchObject({ text: expect.any(Number), vector: expect.any(Number) });
    expect(degraded).toEqual([]);
    expect(vector_used).toBe(true);
  });

  test("pages of one query neither overlap nor leave a gap, in every mode", async () => {
    for (const mode of ["hybrid", "text", "vector"] as const) {
      const whole = await ask("daily log number", { mode, top_k: 50 });
      const rest = await ask("daily log number", { mode, top_k: 50, offset: 50 });
      const middle = await ask("daily log number", { mode, top_k: 20, offset: 40 });
      const ids = [...whole.hits, ...rest.hits].map(({ chunk_id }) => chunk_id);
      expect(new Set(ids).size).toBe(100);
      expect(middle.hits.map(({ chunk_id }) => chunk_id)).toEqual(ids.slice(40, 60));
    }
  });

  test("without Vectorize or the model, a hybrid search answers from full text and says so", async () => {
    for (const broken of [{ vectorize: { query: down } }, { ai: { run: down } }] as unknown as Partial<Stores>[]) {
      const { hits, degraded, vector_used } = await ask("rotate key", {}, broken);
      expect(hits[0]?.chunk_id).toBe(1);
      expect(degraded).toEqual(["Vector search is unavailable; results are from full text only"]);
      expect(vector_used).toBe(false);
    }
  });

  test("an embedding of the wrong length counts as a model that is down", async () => {
    const short = { run: async () => ({ data: [[1, 2, 3]] }) } as unknown as Stores["ai"];
    const { degraded } = await ask(
      "rotate key",
      { embedding_model: embeddingModel({ EMBEDDING_MODEL: "@cf/baai/bge-small-en-v1.5" }) },
      { ai: short },
    );
    expect(degraded).toHaveLength(1);
  });

  test("mode vector raises what broke, and mode text never asks", async () => {
    const broken = { vectorize: { query: down } } as unknown as Partial<Stores>;
    await expect(ask("rotate key", { mode: "vector" }, broken)).rejects.toThrow(VectorSearchError);
    expect(await ask("rotate key", { mode: "text" }, broken)).toMatchObject({ degraded: [], vector_used: false });
  });

  test("a dead D1 is an error, not an empty answer", async () => {
    const dead = { prepare: () => ({ bind: () => ({ all: down }) }) } as unknown as D1Database;
    await expect(ask("rotate key", {}, { db: dead })).rejects.toThrow("down");
  });

  test("a model whose vectors earn no weight is not asked in a hybrid search", async () => {
    const broken = { ai: { run: down } } as unknown as Partial<Stores>;
    expect(
      await ask("rotate", { embedding_model: embeddingModel({ EMBEDDING_MODEL: LEXICAL_MODEL }) }, broken),
    ).toMatchObject({
      degraded: [],
      vector_used: false,
    });
  });

  test("a filter confines full text, and vectors whose metadata lags behind", async () => {
    for (const mode of ["hybrid", "text", "vector"] as const) {
      const { hits } = await ask("daily log of keys", { mode, filter: { collection: "logs" }, top_k: 50 });
      expect(hits.length).toBeGreaterThan(10);
      expect(hits.every(({ metadata }) => metadata.collection === "logs")).toBe(true);
    }
  });

  test("a vector whose chunk is gone is left out", async () => {
    const [values = new Float32Array()] = embedLexical(["zebra crossing"]);
    vectors.set(999, { namespace: "a", values });
    const { hits } = await ask("zebra crossing", { mode: "vector" });
    vectors.delete(999);
    expect(hits.map(({ chunk_id }) => chunk_id)).not.toContain(999);
  });

  test("words that nothing holds, and no words at all, give no hits from full text", async () => {
    expect((await ask("xylophone", { mode: "text" })).hits).toEqual([]);
    expect((await ask("?! …", { mode: "text" })).hits).toEqual([]);
  });

  test("reranking orders the head by its own scores; when it fails, the order stays and the answer says so", async () => {
    const plain = await ask("a key of the day", { mode: "text" });
    const reranked = await ask("a key of the day", { mode: "text", rerank_model: "@cf/baai/bge-reranker-base" });
    const lengths = reranked.hits.map(({ text }) => text.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    expect(reranked.hits[0]?.scores.rerank).toBeTypeOf("number");
    const failed = await ask(
      "a key of the day",
      { mode: "text", rerank_model: "@cf/baai/bge-reranker-base" },
      { ai: { run: down } as unknown as Stores["ai"] },
    );
    expect(failed.hits).toEqual(plain.hits);
    expect(failed.degraded).toEqual(["Reranking is unavailable; results are in retrieval order"]);
  });

  test("tenants never find each other's chunks, and one's ranking does not change when another appears", async () => {
    const alone = await ask("rotate a key", { mode: "text" });
    await write("b", 500, "Rotate keys", "A leaked key of tenant b is rotated. tna");
    for (const mode of ["hybrid", "text", "vector"] as const) {
      const own = await ask("rotate a key tna tnb", { mode, tenant: "b", tenant_term: "tnb" });
      expect(own.hits.map(({ chunk_id }) => chunk_id)).toEqual([500]);
      const others = await ask("rotate a key tna tnb", { mode });
      expect(others.hits.map(({ chunk_id }) => chunk_id)).not.toContain(500);
    }
    const together = await ask("rotate a key", { mode: "text" });
    expect(together.hits.map(({ chunk_id }) => chunk_id)).toEqual(alone.hits.map(({ chunk_id }) => chunk_id));
  });

  test("no result or score of a tenant depends on what another tenant writes or deletes", async () => {
    await write("c", 600, "Keys", "The velociraptor rotates a key.");
    await write("c", 601, "Logs", "The velociraptor writes a daily log, and the log is long.");
    // As many as are candidates: the words of others have no part in the choice either.
    for (let i = 2; i < RESCORE_DEPTH; i += 1) {
      const words = ["log", "velociraptor", "key"].filter((_, place) => ((i >> place) & 1) === 0);
      await write("c", 600 + i, `Day ${i}`, `${words.join(" and ")} of the herd, and of day ${i % 7}`);
    }
    const scores = async () => {
      const question = "velociraptor log key day herd";
      const { hits } = await ask(question, { mode: "text", tenant: "c", tenant_term: "tnc", top_k: 50 });
      return hits.map(({ chunk_id, scores }) => [chunk_id, scores]);
    };
    const before = await scores();
    expect(before).toHaveLength(RESCORE_DEPTH);
    for (let i = 0; i < 40; i += 1) await write("d", 700 + i, "Velociraptor", "A velociraptor, a log.");
    expect(await scores()).toEqual(before);
    await db.batch(["chunks", "documents"].map((table) => db.prepare(`DELETE FROM ${table} WHERE id >= 700`)));
    expect(await scores()).toEqual(before);
  });

  test("a bound on ranked chunks that is not passed changes nothing", async () => {
    for (const query of ["daily log number", "rotate a leaked key", "the key of the daily log of backups"])
      expect(await ask(query, { mode: "text" })).toEqual(await ask(query, { mode: "text", ranked_max: 1e9 }));
  });

  test("past the bound rare words decide what is found, and without any the newest chunks are; pages still are parts of one ranking", async () => {
    for (let i = 0; i < 60; i += 1) await write("many", 5000 + i, "", `The daily log of day ${i} came.`);
    const own = { mode: "text", tenant: "many", tenant_term: "tnmany" } as const;
    const rare = await ask("daily log 17 59", { ...own, ranked_max: 2 });
    expect(rare.hits.map(({ chunk_id }) => chunk_id).toSorted()).toEqual([5017, 5059]);
    const pages = [0, 1].map((offset) => ask("daily log came", { ...own, ranked_max: 1, top_k: 1, offset }));
    const newest = (await Promise.all(pages)).flatMap(({ hits }) => hits.map(({ chunk_id }) => chunk_id));
    expect(newest.toSorted()).toEqual([5058, 5059]);
  });

  test("what others write prunes no word of a tenant, however frequent it is with them", async () => {
    await write("small", 4000, "", "The axolotl of the lake.");
    const own = { mode: "text", tenant: "small", tenant_term: "tnsmall", ranked_max: 3 } as const;
    const before = await ask("axolotl lake", own);
    for (let i = 0; i < 30; i += 1) await write("crowd", 4100 + i, "", "An axolotl, a lake.");
    expect(await ask("axolotl lake", own)).toEqual(before);
    expect(before.hits.map(({ chunk_id }) => chunk_id)).toEqual([4000]);
  });

  test("a long document that speaks of the whole question in its parts goes before one that repeats half of it", async () => {
    const filler = "and then the members of the house went on to other business of that day";
    await writeLong("long", 2000, [
      `The treaty of the harbour was signed ${filler}.`,
      `A blockade of grain followed ${filler}.`,
      `The city was rationed by its mayor ${filler}.`,
    ]);
    await writeLong("long", 2100, [
      `The treaty on a blockade of the harbour ${filler}.`,
      `Nothing of note was said ${filler}.`,
      `Nobody came to the assembly ${filler}.`,
    ]);
    for (const [i, word] of ["treaty", "harbour", "blockade", "grain", "rationed"].entries())
      await write("long", 2200 + i, "", `One ${word} ${filler}, as it had on the day before, and the day before that.`);
    const question = "treaty harbour blockade grain rationed";
    const { hits } = await ask(question, { mode: "text", tenant: "long", tenant_term: "tnlong" });
    expect(hits[0]?.document_id).toBe("doc-2000");
    expect(hits.map(({ document_id }) => document_id)).toContain("doc-2100");
  });

  test("a word that the query repeats weighs by the root of how often, and rows have no column that callers do not know", async () => {
    await write("one", 3000, "", "The okapi sleeps.");
    const { hits } = await ask("okapi okapi okapi okapi", { mode: "text", tenant: "one", tenant_term: "tnone" });
    const once = await ask("okapi", { mode: "text", tenant: "one", tenant_term: "tnone" });
    expect(hits[0]?.scores.text).toBeCloseTo(2 * (once.hits[0]?.scores.text ?? 0), 10);
    expect(hits[0]).not.toHaveProperty("document_tokens");
  });
});
