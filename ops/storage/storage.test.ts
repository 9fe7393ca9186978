import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CREDENTIALS, startS3 } from "../../local/s3/s3-server.fixture.ts";
import { STORAGE_PAGE, UNLIMITED_OBJECT_BYTES } from "../limits.ts";
import { directoryStorage } from "./directory-storage.ts";
import { patientStorage } from "./patient-storage.ts";
import { rateLimit } from "./rate-limit.ts";
import { s3Storage } from "./s3-storage.ts";
import { objectsUnder, type Storage, StorageError, type StorageFailure } from "./storage.ts";
import { type Fault, startWire } from "./wire.fixture.ts";

const signal = new AbortController().signal;
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
const folder = mkdtempSync(join(tmpdir(), "prism-storage-"));
const credentials = { access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey };

let s3: Awaited<ReturnType<typeof startS3>>;
const closed: { close(): unknown }[] = [];

function bucket(name: string, prefix: string, endpoint = s3.url) {
  const storage = s3Storage({ endpoint, bucket: name, prefix, credentials });
  closed.push(storage);
  return storage;
}

beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
  const age = { type: "Age" as const, maxAgeSeconds: 3_600 };
  s3.addBucket("locked", [{ id: "keep epochs", enabled: true, prefix: "epoch/", condition: age }]);
});
afterAll(async () => {
  for (const each of closed) await each.close();
  await s3.close();
  rmSync(folder, { recursive: true });
});

async function failureOf(work: Promise<unknown>): Promise<StorageFailure | "none"> {
  return await work.then(
    () => "none",
    (error: unknown) => {
      if (error instanceof StorageError) return error.failure;
      throw error;
    },
  );
}

async function keysOf(storage: Storage, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objectsUnder(storage, prefix, signal)) keys.push(key);
  return keys;
}

describe.each([
  ["a directory", (name: string) => directoryStorage(join(folder, name))],
  ["a bucket", (name: string) => bucket("first", `${name}/`)],
])("%s", (_, make) => {
  test("gives back what was written, with its size and one name for its content", async () => {
    const storage = make("read");
    const etag = await storage.create("a/b/c", text("content"), signal);
    expect(await storage.read("a/b/c", signal)).toEqual({ body: expect.anything(), etag });
    expect(Buffer.from((await storage.read("a/b/c", signal)).body).toString()).toBe("content");
    expect(await storage.look("a/b/c", signal)).toMatchObject({ key: "a/b/c", bytes: 7, etag });
    expect(Math.abs((await storage.look("a/b/c", signal)).modified_ms - Date.now())).toBeLessThan(60_000);
    const { objects, more } = await storage.page("a/", "", signal);
    expect(objects[0]?.etag).toBe(etag);
    expect(more).toBe(false);
  });

  test("never writes a new object over another, however many try at once", async () => {
    const storage = make("create");
    const tries = Array.from({ length: 8 }, (_, n) => failureOf(storage.create("one", text(`${n}`), signal)));
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter((outcome) => outcome === "none")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "exists")).toHaveLength(7);
    const winner = outcomes.indexOf("none");
    expect(Buffer.from((await storage.read("one", signal)).body).toString()).toBe(`${winner}`);
  });

  test("replaces only what the writer has seen, however many try at once", async () => {
    const storage = make("replace");
    const first = await storage.replace("state", text("0"), null, signal);
    expect(await failureOf(storage.replace("state", text("x"), null, signal))).toBe("changed");
    const tries = Array.from({ length: 6 }, (_, n) =>
      failureOf(storage.replace("state", text(`by ${n}`), first, signal)),
    );
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter((outcome) => outcome === "none")).toHaveLength(1);
    expect(await failureOf(storage.replace("state", text("late"), first, signal))).toBe("changed");
    expect(await failureOf(storage.replace("absent", text("x"), first, signal))).toBe("changed");
  });

  test("says that an object is missing, and removes one that is gone without complaint", async () => {
    const storage = make("missing");
    expect(await failureOf(storage.read("none", signal))).toBe("missing");
    expect(await failureOf(storage.look("none", signal))).toBe("missing");
    await storage.create("short-lived", text("x"), signal);
    await storage.remove("short-lived", signal);
    await storage.remove("short-lived", signal);
    expect(await keysOf(storage, "")).toEqual([]);
    expect(await storage.folders("", signal)).toEqual([]);
  });

  test("lists keys in one order, whole, by any prefix; folders by name", async () => {
    const storage = make("list");
    const keys = ["a-b", "a.b", "a/b-c", "a/b.c", "a/b/c", "a0", "b/c/d", "b/d", "c"];
    for (const key of keys) await storage.create(key, text(key), signal);
    const sorted = [...keys].sort();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("", "a", "a/", "a/b", "b/", "b/c", "z"),
        fc.constantFrom("", ...keys),
        async (prefix, after) => {
          const { objects, more } = await storage.page(prefix, after, signal);
          expect(objects.map(({ key }) => key)).toEqual(sorted.filter((key) => key.startsWith(prefix) && key > after));
          expect(more).toBe(false);
        },
      ),
      { numRuns: 25 },
    );
    expect((await storage.folders("", signal)).sort()).toEqual(["a", "b"]);
    expect(await storage.folders("b/", signal)).toEqual(["c"]);
  });

  test("stops when the signal ends it", async () => {
    const ended = AbortSignal.abort(new DOMException("interrupted", "AbortError"));
    const storage = make("signal");
    await expect(storage.create("x", text("x"), ended)).rejects.toMatchObject({ name: "AbortError" });
    expect(await keysOf(storage, "")).toEqual([]);
  });
});

test("a listing goes on after a full page", async () => {
  const storage = directoryStorage(join(folder, "pages"));
  mkdirSync(join(folder, "pages", "p"), { recursive: true });
  const names = Array.from({ length: STORAGE_PAGE + 5 }, (_, n) => `p/${String(n).padStart(5, "0")}`);
  for (const name of names) writeFileSync(join(folder, "pages", name), "");
  expect(await keysOf(storage, "p/")).toEqual(names);
});

test("a directory keeps nothing of a write that was ended, or whose folder cannot be made", async () => {
  const storage = directoryStorage(join(folder, "leftover"));
  await storage.create("taken", text("1"), signal);
  await failureOf(storage.create("taken", text("2"), signal));
  await failureOf(storage.replace("taken", text("3"), "another", signal));
  expect(await failureOf(storage.create(`${"x".repeat(300)}/y`, text("4"), signal))).toBe("refused");
  expect(readdirSync(join(folder, "leftover", ".tmp"))).toEqual([]);
});

test("a bucket lock is told apart from missing rights", async () => {
  const storage = bucket("locked", "");
  await storage.create("epoch/x", text("1"), signal);
  expect(await failureOf(storage.remove("epoch/x", signal))).toBe("locked");
  expect(await failureOf(storage.create("epoch/x", text("2"), signal))).toBe("exists");
  const stranger = s3Storage({
    endpoint: s3.url,
    bucket: "locked",
    prefix: "",
    credentials: { access_key_id: "nobody", secret_access_key: "nothing" },
  });
  closed.push(stranger);
  expect(await failureOf(stranger.read("epoch/x", signal))).toBe("denied");
  expect(await failureOf(bucket("no-such-bucket", "").read("x", signal))).toBe("refused");
});

describe("a server that insists on its region", () => {
  const malformed = (region: string, headers: object = {}, code = "AuthorizationHeaderMalformed", status = 400) => ({
    ...{ kind: "answer" as const, status, headers: headers as Record<string, string> },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>The authorization header is malformed; the region 'auto' is wrong${region}</Error>`,
  });
  /** As the servers there are say which one they want. */
  const ANSWERS: Record<string, Fault> = {
    "in an element": malformed("</Message><Region>eu-west-3</Region>"),
    "in its words": malformed("; expecting 'eu-west-3'</Message>"),
    "in a header": malformed("</Message>", { "x-amz-bucket-region": "eu-west-3" }),
    "by another code": malformed("; expecting 'eu-west-3'</Message>", {}, "InvalidRegion"),
    "by sending away": malformed("</Message>", { "x-amz-bucket-region": "eu-west-3" }, "PermanentRedirect", 301),
    "as a wrong signature": malformed("</Message><Region>eu-west-3</Region>", {}, "SignatureDoesNotMatch", 403),
  };

  test.each(Object.entries(ANSWERS))("is signed to for the region that it names %s", async (_, fault) => {
    let refused = 0;
    const wire = await startWire(s3.url, ({ authorization }) => {
      if (authorization.includes("/eu-west-3/s3/")) return null;
      refused += 1;
      return fault;
    });
    closed.push(wire);
    const storage = bucket("first", `region-${Object.values(ANSWERS).indexOf(fault)}/`, wire.url);
    await Promise.all(["a", "b"].map((key) => storage.create(key, text(key), signal)));
    expect([await keysOf(storage, ""), refused]).toEqual([["a", "b"], 2]);
  });

  test("and does not name it is refused, with the way to name it; it is not asked for ever", async () => {
    const asked: Fault[] = [];
    const cases = [
      ["denied", malformed("</Message>", {}, "SignatureDoesNotMatch", 403)],
      ["refused", malformed("</Message>")],
      ["refused", malformed("</Message><Region>eu-west-3</Region>")],
    ] as const;
    for (const [failure, fault] of cases) {
      const judge = () => (asked.push(fault) ? fault : null);
      const wire = await startWire(s3.url, judge);
      closed.push(wire);
      await expect(bucket("first", "", wire.url).read("x", signal)).rejects.toMatchObject({
        failure,
        parts: { hint: expect.stringContaining("&region=") },
      });
    }
    expect(asked).toHaveLength(4);
  });
});

const FAULTS: Record<string, Fault> = {
  "429 with Retry-After": { kind: "answer", status: 429, headers: { "retry-after": "0" } },
  "500": { kind: "answer", status: 500 },
  "503": { kind: "answer", status: 503, headers: { "retry-after": "0" } },
  "504": { kind: "answer", status: 504 },
  "a false 412": { kind: "answer", status: 412 },
  "a reset before the request arrives": { kind: "reset" },
  "half a request": { kind: "half" },
  "a lost answer": { kind: "lose_answer" },
  "half an answer": { kind: "short_answer" },
  "no answer at all": { kind: "hang" },
};

describe("patience", () => {
  const patience = { timeout_ms: 2_000, pause_ms: 1 };

  test.each(Object.entries(FAULTS))("outlasts %s at every third request", async (name, fault) => {
    let requests = 0;
    const wire = await startWire(s3.url, () => (requests++ % 3 === 0 ? fault : null));
    const place = `patient-${Object.keys(FAULTS).indexOf(name)}/`;
    // Only what hangs ends by its time: whatever else a slow machine does not answer in it would count as a failure as well.
    const timeout_ms = fault.kind === "hang" ? 1_000 : 60_000;
    const storage = patientStorage(bucket("first", place, wire.url), { ...patience, timeout_ms });
    closed.push(wire);
    await storage.create("new", text("first"), signal);
    expect(await failureOf(storage.create("new", text("second"), signal))).toBe("exists");
    const etag = await storage.replace("state", text("1"), null, signal);
    const replaced = storage.replace("state", text("2"), etag, signal);
    // A false "changed" cannot be told from a true one: whoever replaces looks again anyway.
    if (name === "a false 412") await replaced.catch(() => {});
    else await replaced;
    const honest = bucket("first", place);
    expect(Buffer.from((await honest.read("new", signal)).body).toString()).toBe("first");
    if (name !== "a false 412") {
      expect(Buffer.from((await storage.read("state", signal)).body).toString()).toBe("2");
      expect(await keysOf(storage, "")).toEqual(["new", "state"]);
      await storage.remove("new", signal);
      expect(await failureOf(honest.look("new", signal))).toBe("missing");
    }
  });

  test("ends, and says that it is unclear, when the storage never answers", async () => {
    const wire = await startWire(s3.url, () => ({ kind: "answer", status: 500 }));
    closed.push(wire);
    const tries: number[] = [];
    const on_retry = (_: StorageError, wait_ms: number): unknown => tries.push(wait_ms);
    const storage = patientStorage(bucket("first", "never/", wire.url), { ...patience, retries_max: 3, on_retry });
    expect(await failureOf(storage.create("x", text("x"), signal))).toBe("unclear");
    expect(tries).toHaveLength(3);
  });

  test("does not repeat what was refused for good", async () => {
    let requests = 0;
    const wire = await startWire(s3.url, () => (requests++ === 0 ? { kind: "answer", status: 403 } : null));
    closed.push(wire);
    expect(await failureOf(patientStorage(bucket("first", "", wire.url), patience).read("x", signal))).toBe("denied");
    expect(requests).toBe(1);
  });
});

test("over S3, objects wait for the limit in both directions, and one that is small waits for none", async () => {
  let clock_ms = 0;
  const waits: number[] = [];
  const limit = rateLimit(
    1_000_000,
    () => clock_ms,
    async (wait_ms) => {
      waits.push(wait_ms);
      clock_ms += wait_ms;
    },
  );
  const storage = patientStorage(bucket("first", "limited/"), { limit });
  const large = new Uint8Array(250_000);
  for (const key of ["a", "b", "c"]) await storage.create(key, large, signal);
  expect(waits).toEqual([250, 250]);
  await storage.replace("lease", new Uint8Array(UNLIMITED_OBJECT_BYTES), null, signal);
  await storage.read("lease", signal);
  expect(waits).toEqual([250, 250]);
  await storage.read("a", signal);
  // The third upload's time, those of the small object's two ways, and its own.
  expect(waits[2]).toBeCloseTo(250 + (2 * UNLIMITED_OBJECT_BYTES) / 1000 + 250);
  await storage.remove("a", signal);
  expect(waits).toHaveLength(3);
});
