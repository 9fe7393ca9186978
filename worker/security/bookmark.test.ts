import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service.fixture.ts";
import { observedDatabase } from "../store/database.ts";
import { Timings } from "../telemetry/timings.ts";

describe("X-D1-Bookmark", () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  const searchFrom = (bookmark: string) =>
    service.call("POST", "/api/v1/search", { query: "narwhal" }, { headers: { "x-d1-bookmark": bookmark } });

  test("a write answers with a bookmark, and a search that brings it along finds what was written", async () => {
    const written = await service.call("PUT", "/api/v1/documents/narwhal", { text: "A narwhal has one tusk." });
    const bookmark = written.headers.get("x-d1-bookmark") ?? "";
    const { status, json, headers } = await searchFrom(bookmark);
    expect(status).toBe(200);
    expect(json.results[0].document_id).toBe("narwhal");
    expect(String(headers.get("x-d1-bookmark")) >= bookmark).toBe(true);
  });

  test("a read that asks for no session has none, and one that asks for a first bookmark gets it", async () => {
    const plain = await service.call("POST", "/api/v1/search", { query: "tusk" });
    expect([plain.status, plain.headers.has("x-d1-bookmark")]).toEqual([200, false]);
    expect((await searchFrom("first-primary")).headers.has("x-d1-bookmark")).toBe(true);
  });

  test("one that this database never gave is answered all the same, and so is a caller who takes any replica", async () => {
    for (const bookmark of [`ffffffff-ffffffff-ffffffff-${"f".repeat(32)}`, "first-unconstrained"])
      expect((await searchFrom(bookmark)).status).toBe(200);
  });

  test("what is no bookmark is refused, by name", async () => {
    for (const bookmark of ["yesterday", "first-primary; x", "'", `FFFFFFFF-ffffffff-ffffffff-${"f".repeat(32)}`]) {
      const { status, json } = await searchFrom(bookmark);
      expect([status, json.errors[0].path]).toEqual([400, "header.x-d1-bookmark"]);
    }
  });
});

test("a session whose bookmark D1 cannot follow goes on at the primary; a write and a refused statement do not run twice", async () => {
  const starts: unknown[] = [];
  const meta = { rows_read: 1, rows_written: 0 };
  const database = (start: string, failure: string) => ({
    getBookmark: () => start,
    prepare: () => {
      const statement = {
        bind: () => statement,
        all: async () => {
          if (start === "old") throw new Error(failure);
          return { results: [{ start }], meta };
        },
      };
      return statement;
    },
  });
  const observed = (failure: string) => {
    const withSession = (start: string) => {
      starts.push(start);
      return database(start, failure);
    };
    return observedDatabase({ withSession } as unknown as D1Database, new Timings(0), () => {}, "old").db;
  };
  const unknown = observed("D1_ERROR: no such bookmark");
  expect(await unknown.prepare("SELECT 1").first()).toEqual({ start: "first-primary" });
  expect(await unknown.prepare("WITH a AS (SELECT 1) SELECT 1 FROM a").first()).toEqual({ start: "first-primary" });
  expect(starts).toEqual(["old", "first-primary"]);
  await expect(
    observed("D1_ERROR: no such bookmark").prepare("WITH a AS (SELECT 1) INSERT INTO t SELECT 1").run(),
  ).rejects.toThrow();
  await expect(observed("D1_ERROR: no such table: SQLITE_ERROR").prepare("SELECT 1").first()).rejects.toThrow();
  expect(starts).toEqual(["old", "first-primary", "old", "old"]);
});
