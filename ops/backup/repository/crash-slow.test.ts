import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CREDENTIALS, startS3 } from "../../../local/s3/s3-server.fixture.ts";
import { s3Storage } from "../../storage/s3-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { tryEveryCrashPoint } from "./crash-points.fixture.ts";
import { initRepository } from "./key-administration.ts";
import { formatKey, joinKeys } from "./key-file.ts";
import { openRepository } from "./open-repository.ts";
import { DECEMBER_MS, newRepository, snapshotOf, type TestRepository, textsOf } from "./repository.fixture.ts";
import type { Repository } from "./repository.ts";

const signal = new AbortController().signal;
const scratch = mkdtempSync(join(tmpdir(), "prism-crash-test-"));
let s3: Awaited<ReturnType<typeof startS3>>;

beforeAll(async () => {
  s3 = await startS3();
  s3.addBucket("first");
});
afterAll(async () => {
  await s3.close();
  rmSync(scratch, { recursive: true });
});

/** A storage that does nothing any more from one of its writes on, as when the power goes. `write` 0: never. */
function cutStorage(storage: Storage, write: number, phase: "before" | "after") {
  let writes = 0;
  let isDead = false;
  const gone = (): never => {
    isDead = true;
    throw new Error("the power is gone");
  };
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isDead) gone();
    writes += 1;
    if (writes !== write) return await work();
    if (phase === "before") gone();
    await work();
    return gone();
  };
  const reading = async <T>(work: () => Promise<T>): Promise<T> => (isDead ? gone() : await work());
  const cut: Storage = {
    location: storage.location,
    create: (...given) => writing(() => storage.create(...given)),
    replace: (...given) => writing(() => storage.replace(...given)),
    remove: (...given) => writing(() => storage.remove(...given)),
    read: (...given) => reading(() => storage.read(...given)),
    look: (...given) => reading(() => storage.look(...given)),
    page: (...given) => reading(() => storage.page(...given)),
    folders: (...given) => reading(() => storage.folders(...given)),
  };
  return { cut, writes: () => writes };
}

/** Leases of whoever lost the power are as old as they would be when somebody comes back. */
function ageLeases({ folder }: TestRepository): void {
  const locks = join(folder, "locks");
  if (!existsSync(locks)) return;
  const old_s = Date.now() / 1000 - 3_600;
  for (const name of readdirSync(locks)) utimesSync(join(locks, name), old_s, old_s);
}

async function atEveryWrite(
  prepare: (made: TestRepository) => Promise<unknown>,
  work: (repository: Repository) => Promise<unknown>,
  check: (made: TestRepository) => Promise<void>,
): Promise<number> {
  let points = 0;
  for (let write = 0, writes = 0; write <= writes; write += 1) {
    for (const phase of write === 0 ? (["after"] as const) : (["before", "after"] as const)) {
      const made = await newRepository();
      await prepare(made);
      const { cut, writes: count } = cutStorage(made.storage, write, phase);
      const repository = await openRepository(cut, made.master, { now: () => DECEMBER_MS });
      const outcome = await work(repository).then(
        () => "done",
        () => "cut",
      );
      if (write === 0) {
        expect(outcome).toBe("done");
        writes = count();
      } else points += 1;
      ageLeases(made);
      await check(made).catch((error: unknown) => {
        throw new Error(`cut ${phase} write ${write}: ${String(error)}`, { cause: error });
      });
      await repository.close();
      await made.remove();
    }
  }
  return points;
}

const damages = async (repository: Repository) =>
  (await repository.verifyData(100)).findings.filter(({ severity }) => severity === "damage");

test("a backup that loses its power at any write loses nothing, and is repeated as if nothing had happened", async () => {
  const points = await atEveryWrite(
    async (made) => {
      await snapshotOf(await made.open(), ["one", "kept"]);
    },
    // Begins an epoch, so that keeping copies.
    async (repository) => {
      const writer = await repository.beginSnapshot({ tool: "test/1" });
      for (const id of writer.base?.parts.keys() ?? []) await writer.keepPart(id);
      await writer.putPart("text", Buffer.from("two"));
      await writer.commit({ summary: null, body: { ids: [] } });
    },
    async (made) => {
      const repository = await made.open(made.master, { now: () => DECEMBER_MS });
      expect(await damages(repository)).toEqual([]);
      const again = await snapshotOf(repository, ["one", "kept", "two"]);
      expect(await textsOf(repository, again.id)).toEqual(["one", "kept", "two"]);
      const { findings, unreferenced } = await repository.verifyData(100);
      expect(findings).toEqual([]);
      // At most the content key, the index and the body of the one that was cut.
      expect(unreferenced).toBeLessThanOrEqual(4);
    },
  );
  console.log(`points at which a backup lost its power: ${points}`);
  expect(points).toBeGreaterThan(25);
}, 120_000);

test("a prune that loses its power at any write keeps what is to stay, and is repeated to the end", async () => {
  const pruneToNewest = async (repository: Repository): Promise<void> => {
    const [newest] = await repository.listSnapshots();
    await repository.prune(await repository.planPrune(newest ? [newest.id] : []));
  };
  const points = await atEveryWrite(
    async (made) => {
      const repository = await made.open();
      for (const texts of [
        ["one", "two"],
        ["one", "three"],
        ["one", "four"],
      ])
        await snapshotOf(repository, texts);
    },
    pruneToNewest,
    async (made) => {
      const repository = await made.open();
      expect(await damages(repository)).toEqual([]);
      expect(await textsOf(repository, "latest")).toEqual(["one", "four"]);
      await pruneToNewest(repository);
      expect(await repository.verifyData(100)).toMatchObject({ snapshots: 1, unreferenced: 0, findings: [] });
    },
  );
  console.log(`points at which a prune lost its power: ${points}`);
  expect(points).toBeGreaterThan(25);
}, 120_000);

test("a program that is killed at any write to a bucket is followed by one that finishes its work", async () => {
  const place = (endpoint: string, prefix: string) => ({
    endpoint,
    bucket: "first",
    prefix,
    credentials: { access_key_id: CREDENTIALS.accessKeyId, secret_access_key: CREDENTIALS.secretAccessKey },
  });
  let number = 0;
  const points = await tryEveryCrashPoint({
    services: [s3.url],
    // Before and after a write are tried above, where a point costs no process.
    phases: ["during"],
    prepare: async () => {
      number += 1;
      const prefix = `${number}/`;
      const storage = s3Storage(place(s3.url, prefix));
      const made = await initRepository(storage, { escrow: "escrow", writer: "nightly" }, Date.now(), signal);
      const key = joinKeys(made.escrow, made.writer);
      const key_file = join(scratch, `${number}.key`);
      writeFileSync(key_file, formatKey(key));
      return { prefix, storage, key, key_file };
    },
    command: ({ urls: [url = ""], prepared: { prefix, key_file } }) => ({
      program: process.execPath,
      args: [join(import.meta.dirname, "crash-work.fixture.ts"), JSON.stringify(place(url, prefix)), key_file, "one"],
    }),
    async check({ storage, key }) {
      const repository = await openRepository(storage, key);
      expect(await damages(repository)).toEqual([]);
      await snapshotOf(repository, ["one"]);
      expect(await textsOf(repository, "latest")).toEqual(["one"]);
      expect((await repository.verifyData(100)).findings).toEqual([]);
      // The dead program's lease was of this machine: nobody has to wait for it.
      const newest = (await repository.listSnapshots())[0]?.id ?? "";
      expect((await repository.planPrune([newest])).in_use).toEqual([]);
      await repository.close();
    },
    discard: async ({ storage }) => storage.close(),
  });
  console.log(`points at which a program that backs up was killed: ${points}`);
  expect(points).toBeGreaterThan(8);
}, 240_000);
