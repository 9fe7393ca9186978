/** What `ops bench backup` is compared with, on the same rows in the same run: the sqlite3 shell's `.dump`, and restic where it is installed. */
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { rounded } from "../command/rounded.ts";
import { shellWith } from "../programs.ts";
import { objectsUnder, type Storage } from "../storage/storage.ts";
import { measureChild } from "./measured-child.ts";

/** Where workerd keeps D1's databases in a data folder. */
const D1_FILES = join("engine", "d1", "miniflare-D1DatabaseObject");

const FULL_TEXT = "chunks_fts";

/** A copy of the live database as a plain SQLite file, with the rows that a snapshot has. */
export async function copyOfDatabase(data_dir: string, into: string): Promise<string> {
  const folder = join(data_dir, D1_FILES);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  const sizes = await Promise.all(files.map(async (name) => ({ name, size: await sizeWithLog(join(folder, name)) })));
  const [largest] = sizes.toSorted((a, b) => b.size - a.size);
  const path = join(into, "copy.sqlite");
  const source = new DatabaseSync(join(folder, largest?.name ?? ""), { readOnly: true });
  await backup(source, path);
  source.close();
  const copy = new DatabaseSync(path);
  copy.exec("PRAGMA journal_mode = delete; DELETE FROM change_log; DELETE FROM idempotency");
  copy.close();
  return path;
}

async function sizeWithLog(path: string): Promise<number> {
  const sizes = await Promise.all(
    [path, `${path}-wal`].map((name) =>
      stat(name).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

export const dumpPeer = z.strictObject({
  tool: z.string(),
  dump: z.strictObject({ seconds: z.number(), bytes: z.number() }),
  /** The dump holds the full-text index as rows of its tables, which D1 lets nobody write. */
  load: z.strictObject({ seconds: z.number(), rows_per_s: z.number() }),
  /** The full-text index made anew from the rows that were loaded, as a restore into D1 has to. */
  full_text: z.strictObject({ seconds: z.number() }),
});
type DumpPeer = z.infer<typeof dumpPeer>;

/** `sqlite3 copy .dump`, `sqlite3 new < dump.sql` and FTS5's `rebuild`. Null where the shell is not installed. */
export async function sqliteDump(
  copy: string,
  rows: number,
  folder: string,
  signal: AbortSignal,
): Promise<DumpPeer | null> {
  const version = await versionOf("sqlite3", "--version");
  if (version === null) return null;
  const sql = join(folder, "dump.sql");
  const out = openSync(sql, "w");
  const dumped = await measureChild("sqlite3", [copy, ".dump"], { signal, stdout_fd: out }).finally(() =>
    closeSync(out),
  );
  const input = openSync(sql, "r");
  const target = join(folder, "loaded.sqlite");
  const loaded = await measureChild("sqlite3", [target], { signal, stdin_fd: input }).finally(() => closeSync(input));
  const rebuild = `INSERT INTO ${FULL_TEXT} (${FULL_TEXT}) VALUES ('rebuild')`;
  const rebuilt = await measureChild("sqlite3", [target, rebuild], { signal });
  return {
    tool: `sqlite3 ${version.split(" ")[0]}`,
    dump: { seconds: rounded(dumped.seconds, 2), bytes: (await stat(sql)).size },
    load: { seconds: rounded(loaded.seconds, 2), rows_per_s: Math.round(rows / loaded.seconds) },
    full_text: { seconds: rounded(rebuilt.seconds, 2) },
  };
}

export const resticRun = z.strictObject({
  seconds: z.number(),
  bytes: z.number(),
  peak_rss_mb: z.number().nullable(),
});
type ResticRun = z.infer<typeof resticRun>;

/** restic's repository in `folder`; each `run` adds what the stores hold now. Null where restic is not installed. */
export async function resticPeer(
  folder: string,
  signal: AbortSignal,
): Promise<{ tool: string; run(copy: string, packs: Storage): Promise<ResticRun> } | null> {
  const version = await versionOf("restic", "version");
  if (version === null) return null;
  const env = {
    RESTIC_REPOSITORY: join(folder, "restic"),
    RESTIC_PASSWORD: "bench",
    RESTIC_CACHE_DIR: join(folder, "cache"),
  };
  await measureChild("restic", ["init"], { signal, env });
  return {
    tool: version.split(" ").slice(0, 2).join(" "),
    async run(copy, packs) {
      const source = join(folder, "packs");
      await mkdir(source, { recursive: true });
      for await (const { key } of objectsUnder(packs, "", signal)) {
        const { body } = await packs.read(key, signal);
        await writeFile(join(source, key.replaceAll("/", "_")), body);
      }
      const before = await sizeOf(env.RESTIC_REPOSITORY);
      const { seconds, peak_rss_mb } = await measureChild("restic", ["backup", copy, source], { signal, env });
      return { seconds: rounded(seconds, 2), bytes: (await sizeOf(env.RESTIC_REPOSITORY)) - before, peak_rss_mb };
    },
  };
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function versionOf(program: string, word: string): Promise<string | null> {
  const { exitCode, stdout } = await shellWith({})`${program} ${word}`;
  return exitCode === 0 ? stdout : null;
}
