import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { QUERY_CHARS_MAX } from "../limits.ts";
import { type Answer, type Service, startService } from "../service.fixture.ts";

interface Hit {
  chunk_id: number;
  document_id: string;
  text: string;
  scores: { text?: number; vector?: number; fused: number };
}

let service: Service;
beforeAll(async () => {
  // A model that retrieval does not know gives both legs a say, whatever the built-in embedder is worth.
  service = await startService({ variables: { EMBEDDING_MODEL: "@test/any-384" } });
  const documents = Array.from({ length: 40 }, (_, i) => ({
    id: `insect/${i}`,
    title: `Insect ${i}`,
    text: `Insect number ${i} lives in the ${i % 2 ? "forest" : "desert"} and eats ${"grain ".repeat((i % 7) + 1)}every day.`,
    metadata: {
      collection: i % 2 ? "forest" : "desert",
      language: i % 3 ? "en" : "de",
      published_at_ms: i * 1_000,
      archived: i % 5 === 0,
    },
  }));
  documents.push({
    id: "emoji",
    title: "Emoji",
    text: "The 🦗 cricket chirps: naïve café, ĲSSEL, STRASSE.",
    metadata: {} as never,
  });
  documents.push({ id: "cjk", title: "CJK", text: "蟋蟀在草地上唱歌。今天天气很好。", metadata: {} as never });
  const voyage = `${"The windlass stuck, and the windlass was greased. ".repeat(4)}${"Rain came over the deck all day. ".repeat(20)}`;
  documents.push({
    id: "logbook",
    title: "Logbook",
    text: Array.from({ length: 8 }, (_, day) => `## Day ${day}\n\n${voyage}`).join("\n\n"),
    metadata: {} as never,
  });
  documents.push({
    id: "windlass",
    title: "Gear",
    text: "The windlass hauls the anchor, and `gear --pawl=2` sets its pawl.",
    metadata: {} as never,
  });
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  expect((await service.job(json.job_id)).state).toBe("done");
  await service.platform.vectorize.flush();
});
afterAll(() => service.close());

const search = (body: object, path = "/api/v1/search") => service.call("POST", path, body);
async function hits(body: object): Promise<Hit[]> {
  const { status, json, text } = await search(body);
  expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
  return json.results;
}
const ids = (results: Hit[]) => results.map(({ document_id }) => document_id);

test("a long document that mentions the subject often does not fill the first results", async () => {
  const found = ids(await hits({ query: "windlass greased", mode: "text", top_k: 10 }));
  expect(found.filter((id) => id === "logbook").length).toBeGreaterThan(3);
  expect(ids(await hits({ query: "windlass", mode: "text", top_k: 3 }))).toContain("windlass");
});

describe("modes", () => {
  test("each mode scores by its own legs, and hybrid by both", async () => {
    const query = "insect in the desert that eats grain";
    for (const hit of await hits({ query, mode: "text" })) {
      expect(hit.scores.text).toBeGreaterThan(0);
      expect(hit.scores.vector).toBeUndefined();
    }
    for (const hit of await hits({ query, mode: "vector" })) {
      expect(hit.scores.vector).toEqual(expect.any(Number));
      expect(hit.scores.text).toBeUndefined();
    }
    const hybrid = await hits({ query, mode: "hybrid" });
    expect(hybrid.some(({ scores }) => scores.text !== undefined && scores.vector !== undefined)).toBe(true);
    const fused = hybrid.map(({ scores }) => scores.fused);
    expect(fused).toEqual(fused.toSorted((a, b) => b - a));
  });
});

describe("filters", () => {
  test.each([
    [{ collection: "forest" }, (i: number) => i % 2 === 1],
    [{ collection: { $ne: "forest" }, language: "de" }, (i: number) => i % 2 === 0 && i % 3 === 0],
    [{ published_at_ms: { $gte: 5_000, $lt: 9_000 } }, (i: number) => i >= 5 && i < 9],
    [{ archived: true, collection: { $in: ["desert"] } }, (i: number) => i % 5 === 0 && i % 2 === 0],
    [{ language: { $nin: ["de", "en"] } }, () => false],
  ])("%j lets the same documents through in full text and in vectors", async (filter, matches) => {
    const expected = Array.from({ length: 40 }, (_, i) => i)
      .filter(matches)
      .map((i) => `insect/${i}`);
    for (const mode of ["text", "vector", "hybrid"]) {
      const found = ids(await hits({ query: "insect eats grain", mode, filter, top_k: 50 }));
      expect(found.filter((id) => id.startsWith("insect/")).toSorted()).toEqual(expected.toSorted());
    }
  });
});

describe("pages", () => {
  test.each(["text", "vector", "hybrid"])(
    "in mode %s pages are slices of one ranking, without gaps or repeats",
    async (mode) => {
      const query = "insect eats grain in the desert";
      const whole = await hits({ query, mode, top_k: 40 });
      for (const size of [1, 7, 20]) {
        const pages: Hit[] = [];
        for (let offset = 0; offset < 40; offset += size) {
          pages.push(...(await hits({ query, mode, top_k: Math.min(size, 40 - offset), offset })));
        }
        expect(pages.map(({ chunk_id }) => chunk_id)).toEqual(whole.map(({ chunk_id }) => chunk_id));
      }
      expect(new Set(whole.map(({ chunk_id }) => chunk_id)).size).toBe(whole.length);
    },
  );

  test("top_k outside 1..50 is refused", async () => {
    for (const top_k of [0, 51, -1, 1.5, "10"]) expect((await search({ query: "x", top_k })).status).toBe(400);
  });
});

describe("caching", () => {
  const status = ({ headers }: Answer) => headers.get("x-cache-status");

  test("a repeated search is answered alike; a write of the tenant invalidates at once, another tenant's does not", async () => {
    const other = await service.key({ tenant: "other", scopes: ["read", "write"] });
    const query = "freshly written zorilla";
    expect(await hits({ query, mode: "text" })).toEqual([]);
    expect(await hits({ query, mode: "text" })).toEqual([]);
    await service.call("PUT", "/api/v1/documents/zorilla", { text: "A freshly written zorilla." }, { key: other });
    expect(await hits({ query, mode: "text" })).toEqual([]);
    await service.call("PUT", "/api/v1/documents/zorilla", { text: "A freshly written zorilla of ours." });
    expect(ids(await hits({ query, mode: "text" }))).toEqual(["zorilla"]);
    await service.call("DELETE", "/api/v1/documents/zorilla");
    expect(await hits({ query, mode: "text" })).toEqual([]);
  });

  test("debug keys see how an answer came about, others see nothing of it", async () => {
    const plain = await service.key({ scopes: ["read"] });
    const debugged = await search({ query: "desert grain" }, "/api/v1/search?debug=1");
    expect(debugged.json.debug).toMatchObject({ query_terms: ["desert", "grain"], vector_used: true });
    expect(status(debugged)).toBe("bypass");
    expect(Number(debugged.headers.get("x-database-queries"))).toBeGreaterThan(0);
    const refused = await service.call("POST", "/api/v1/search?debug=1", { query: "desert grain" }, { key: plain });
    expect(refused.json.debug).toBeUndefined();
    expect([status(refused), refused.headers.get("x-database-queries")]).toEqual([null, null]);
  });
});

describe("what people type", () => {
  test.each([
    '"desert grain"',
    '"unbalanced desert',
    "desert AND NOT grain OR",
    "NEAR(desert grain, 2)",
    "title: desert",
    "{title text} : desert",
    "desert* ^grain -insect + (",
    "tenant_term:6f74686572 desert",
    "'; DROP TABLE chunks; -- desert",
    "desert\tgrain\r\n\u2028",
    `desert ${"très ".repeat(780)}`,
    "desert ".repeat(571).slice(0, QUERY_CHARS_MAX),
    "!!! desert ???",
  ])("%j is words, never a query language", async (query) => {
    expect(query.length).toBeLessThanOrEqual(QUERY_CHARS_MAX);
    expect(ids(await hits({ query, mode: "text" })).length).toBeGreaterThan(0);
    expect(ids(await hits({ query })).length).toBeGreaterThan(0);
  });

  test.each(["!!!", "🦗🦗", "\u200b\u200d", '"*"', "(((", "\u0301"])(
    "%j holds no word: full text finds nothing and nothing fails",
    async (query) => {
      expect(await hits({ query, mode: "text" })).toEqual([]);
      await hits({ query });
    },
  );

  test("case, accents and word endings do not matter", async () => {
    for (const query of ["CAFE", "café", "NAIVE cafe\u0301", "strasse"]) {
      expect(ids(await hits({ query, mode: "text" }))).toContain("emoji");
    }
    expect(ids(await hits({ query: "chirping crickets", mode: "text" }))).toContain("emoji");
  });

  test("NUL, lone surrogates, nothing but space and overlong queries are refused with the field's name", async () => {
    for (const query of ["a\0b", "a\ud800b", "", "   ", "x".repeat(QUERY_CHARS_MAX + 1), 7, null]) {
      const { status, json } = await search({ query });
      expect([status, json.errors[0].path]).toEqual([400, "query"]);
    }
  });

  test("languages without spaces are found by any word in them", async () => {
    expect(ids(await hits({ query: "今天天气很好", mode: "text" }))).toEqual(["cjk"]);
    expect(ids(await hits({ query: "天气", mode: "text" }))).toEqual(["cjk"]);
    expect(ids(await hits({ query: "歌", mode: "text" }))).toEqual(["cjk"]);
  });
});

test("words that may stand for asked ones count where no vectors take part: those know more of them", async () => {
  const textScore = async (mode: string): Promise<number> => {
    const found = await hits({ query: "change the pawl of the windlass", mode });
    return found.find(({ document_id }) => document_id === "windlass")?.scores.text ?? 0;
  };
  expect(await textScore("text")).toBeGreaterThan(await textScore("hybrid"));
  expect(await textScore("hybrid")).toBeGreaterThan(0);
});
