/** Opening the repository that a command works on, with the options that all of its commands share. */
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { jsonIn } from "../../worker/ground/json.ts";
import { misuse } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { rate } from "../command/options.ts";
import { makeFolder } from "../storage/make-folder.ts";
import { type Patience, patientStorage } from "../storage/patient-storage.ts";
import { rateLimit } from "../storage/rate-limit.ts";
import type { Storage } from "../storage/storage.ts";
import { claimedId, ESCROW, keepKeys, keyAtHand } from "./keys-at-hand.ts";
import { keptPlace, locateRepository } from "./place.ts";
import { initRepository } from "./repository/key-administration.ts";
import { type BackupKey, joinKeys } from "./repository/key-file.ts";
import { openRepository } from "./repository/open-repository.ts";
import type { Repository } from "./repository/repository.ts";

/** What a command that opens a repository is told about it. */
export const repositoryOptions = z.object({
  repository: z.string().optional().meta({
    placeholder: "place",
    description:
      "a folder or 's3://bucket/prefix?endpoint=URL&region=NAME' (region where the server insists on one; default: the stack's bucket `backups`)",
  }),
  key_file: z.array(z.string()).optional().meta({
    placeholder: "file",
    description: "key files of the repository (default: PRISM_BACKUP_KEY…, then the data folder)",
  }),
  limit_rate: rate.optional().meta({
    placeholder: "rate",
    description: "no more than this to and from the repository, on average: 500kB/s, 5MB/s",
  }),
});
export type RepositoryOptions = z.output<typeof repositoryOptions>;

/** What a command that makes snapshots may do where there is no repository yet. */
interface Making {
  /** Folder for the new keys, or of those that an earlier try has put there; undefined: the data folder, on stack `local` only. */
  keys_to?: string | undefined;
  /** What must have come about before. */
  after?: Promise<unknown>;
  /** Nothing is made. */
  dry_run?: boolean;
}

/**
 * Newest counters that this machine has seen, by repository and place: what shows that one was rolled back. A copy goes its own way. Earlier
 * releases wrote the repository alone, which still counts for a place that was not seen since.
 */
const SEEN = "backup-seen.json";
const seenFile = z.record(z.string(), z.int());

/** A place with something that says it is a repository: `openRepository` proves it. */
interface KeyedPlace {
  storage: Storage;
  /** The same, with each operation tried again where that may help. */
  patient: Storage;
  patience: Patience;
  /** The one that this machine has for it. */
  key: BackupKey;
}

/**
 * Runs `work` with the place that the options name and its key. `making`: a repository is made where there is none.
 * @throws OpsError: no repository, no key.
 */
export async function withKeyedPlace<T>(
  invocation: Pick<Invocation, "stack" | "data_dir" | "target" | "signal" | "note" | "env" | "now">,
  options: RepositoryOptions,
  making: Making | null,
  work: (place: KeyedPlace) => Promise<T>,
): Promise<T> {
  const { signal, data_dir, env, target } = invocation;
  const { storage, close } = await locateRepository(options.repository, target, env);
  try {
    const patience = patienceOf(options);
    const patient = patientStorage(storage, patience);
    const id = await claimedId(patient, signal);
    const given = { key_files: options.key_file ?? [], data_dir, keys_to: making?.keys_to, env, signal };
    const key = await (id === null ? make(invocation, patient, options, making) : keyAtHand(patient, id, given));
    return await work({ storage, patient, patience, key });
  } finally {
    close();
  }
}

/**
 * Runs `work` with the repository that the options name. `making`: one is made where there is none.
 * @throws OpsError: no repository, no key, a key of another one.
 */
export async function withRepository<T>(
  invocation: Pick<Invocation, "stack" | "data_dir" | "target" | "signal" | "note" | "env" | "now">,
  options: RepositoryOptions,
  making: Making | null,
  work: (repository: Repository) => Promise<T>,
): Promise<T> {
  const { signal, data_dir, now } = invocation;
  return withKeyedPlace(invocation, options, making, async ({ storage, patience, key }) => {
    const seen = await readSeen(data_dir, invocation.note);
    const place = options.repository === undefined ? `stack ${invocation.stack}` : keptPlace(options.repository);
    const name = `${key.repository} in ${place}`;
    const counter_seen = seen[name] ?? seen[key.repository] ?? 0;
    const repository = await openRepository(storage, key, { signal, now, counter_seen, patience });
    try {
      const result = await work(repository);
      for (const warning of repository.warnings) invocation.note(`Warning: ${warning}`);
      // The work is done, whatever this machine can write down of it.
      await remember(invocation, name, repository.counter_seen).catch((error: unknown) =>
        invocation.note(
          `Warning: this machine does not remember that it saw this repository, and would not notice if it were rolled back: ${String(error)}`,
        ),
      );
      return result;
    } finally {
      await repository.close();
    }
  });
}

/** A limit of its own for each place. */
export function patienceOf({ limit_rate }: Pick<RepositoryOptions, "limit_rate">): Patience {
  return limit_rate === undefined ? {} : { limit: rateLimit(limit_rate) };
}

async function make(
  invocation: Pick<Invocation, "stack" | "data_dir" | "signal" | "note" | "now">,
  storage: Storage,
  { repository }: RepositoryOptions,
  making: Making | null,
): Promise<BackupKey> {
  const { stack, data_dir, signal, now } = invocation;
  const about = { op: "open repository", subject: storage.location };
  if (making === null || making.dry_run === true || (making.keys_to === undefined && stack !== "local")) {
    const named = repository === undefined ? "" : ` --repository '${keptPlace(repository)}'`;
    const hint = `${named && "check the address; "}npm run ops -- backup create${named} --init DIR makes one${named && " there"} and writes its keys into DIR`;
    throw misuse({ ...about, cause: "there is none", hint, reason: "no-repository" });
  }
  const { keys_to } = making;
  if (keys_to !== undefined && `${resolve(keys_to)}/`.startsWith(`${storage.location}/`)) {
    const cause = `its keys would lie in it (${keys_to}): whoever gets the one gets the other`;
    throw misuse({
      ...about,
      op: "make repository",
      cause,
      hint: "--init DIR names another folder, best on another medium",
    });
  }
  await making.after;
  let paths: string[] = [];
  const keys = await initRepository(storage, { escrow: ESCROW, writer: stack }, now(), signal, async (made) => {
    paths = await keepKeys(made, data_dir, keys_to);
  });
  invocation.note(`Made repository ${keys.writer.repository} in ${storage.location}. Its keys: ${paths.join(", ")}`);
  invocation.note("Without the escrow key nobody can restore: put a copy where this machine's fate does not reach.");
  return joinKeys(keys.writer, keys.escrow);
}

/** What is no such file, as one may be that was written when the power went, is set aside: no command on any repository must end by it. */
async function readSeen(data_dir: string, note: Invocation["note"]): Promise<z.infer<typeof seenFile>> {
  const path = join(data_dir, SEEN);
  if (!existsSync(path)) return {};
  const { data } = seenFile.safeParse(jsonIn(await readFile(path, "utf8")));
  if (data !== undefined) return data;
  note(
    `Warning: ${path} is damaged (kept as ${SEEN}.damaged): this machine would not notice a repository that was rolled back before now`,
  );
  await rename(path, `${path}.damaged`).catch(() => {});
  return {};
}

async function remember(
  { data_dir, note }: Pick<Invocation, "data_dir" | "note">,
  name: string,
  counter_seen: number,
): Promise<void> {
  const seen = await readSeen(data_dir, note);
  if (counter_seen <= (seen[name] ?? 0)) return;
  makeFolder(data_dir);
  // Whole or not at all: half a file would stop every command after this one.
  const written = join(data_dir, `${SEEN}.${process.pid}`);
  await writeFile(written, `${JSON.stringify({ ...seen, [name]: counter_seen })}\n`, { mode: 0o600 });
  await rename(written, join(data_dir, SEEN));
}
