/**
 * What a switch writes down as it goes, in the bucket of the vector packs: how far it is, so that another run goes on from
 * there; and afterwards, how to go back. One switch of a stack at a time: its record is its lock.
 */
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { type OpsError, refusal } from "../command/errors.ts";
import { shellWord } from "../command/shell-word.ts";
import { SWITCH_SIGN_EVERY_MS, SWITCH_SILENCE_MS } from "../limits.ts";
import { isAlive, MACHINE } from "../machine.ts";
import { isFailure, readJson, type Storage } from "../storage/storage.ts";
import { whileWaiting } from "../waits.ts";
import type { FillState } from "./fill.ts";

const RECORD = "generations/switch.json";

/** In order; `fenced` and later ones have writers waiting until the switch is over. */
const steps = ["create", "fill", "fenced", "switched"] as const;
export type Step = (typeof steps)[number];

const move = z.object({
  from: z.number(),
  to: z.number(),
  fill: z.string(),
  /** Back to a generation that was there before; what a record without it moves to is nobody's to drop. */
  is_return: z.boolean().default(true),
  state: z.custom<FillState>((value) => typeof value === "object" && value !== null),
});
export type Move = z.infer<typeof move>;

/** The variable EMBEDDING_MODEL before and after a switch. */
const modelChange = z.object({ from: z.string(), to: z.string() });
export type ModelChange = z.infer<typeof modelChange>;

const record = z.object({
  step: z.enum(steps),
  begun_at_ms: z.number(),
  /** The process that works on it. `machine`: which one its number is of; absent in records of earlier releases. */
  holder: z.object({ host: z.string(), pid: z.number(), machine: z.string().nullable().default(null) }),
  /** One more with every sign of life. */
  signs: z.int().default(0),
  database: move.nullable(),
  vectors: move.extend({ dimensions: z.number() }).nullable(),
  embedding_model: modelChange.nullable().default(null),
  /** The repository that it fills from: what the command that goes on must be told. Null in records of earlier releases, and of other fills. */
  opened: z
    .object({ repository: z.string().nullable(), key_files: z.array(z.string()) })
    .nullable()
    .default(null),
});
export type SwitchRecord = z.infer<typeof record>;

/** The command that goes on with a switch that was interrupted: of most the one that began it, with the repository and keys that it had. */
export function wayOn({ database, vectors, opened }: Pick<SwitchRecord, "database" | "vectors" | "opened">): string {
  const fill = database?.fill ?? vectors?.fill ?? "";
  const repository = opened?.repository == null ? "" : ` --repository ${shellWord(opened.repository)}`;
  const from = repository + (opened?.key_files ?? []).map((file) => ` --key-file ${shellWord(file)}`).join("");
  if (fill.startsWith("snapshot ")) return `npm run ops -- restore apply --resume --yes${from}`;
  if (fill === "as it was") return "npm run ops -- restore undo --yes";
  if (fill.startsWith("rebuild ")) return `npm run ops -- vacuum --rebuild --yes${from}`;
  return "npm run ops -- generation resume";
}

const wayBack = z.object({
  store: z.enum(["database", "vectors"]),
  from: z.number(),
  to: z.number(),
  at_ms: z.number(),
  /** Of the change log: what is newer is not in generation `from` yet. Negative after a restore: nothing can be replayed. */
  seq: z.number(),
  /** What both stores must go back with, together. */
  embedding_model: modelChange.nullable().default(null),
  /** The others that are not live: since when, or since when that is known. */
  left: z.array(z.object({ generation: z.number(), at_ms: z.number() })).default([]),
});
/** How a switched store gets back to the generation before. */
type WayBack = z.infer<typeof wayBack>;

/**
 * A record of another switch must be ended first: two half-done ones would not know of each other. `fills`: ids of those that are asked for.
 * @throws OpsError with exit code 3.
 */
export function refuseOther(
  record: SwitchRecord,
  fills: { database: string | undefined; vectors: string | undefined },
): void {
  const { database, vectors } = record;
  if (database?.fill === fills.database && vectors?.fill === fills.vectors) return;
  const moves = [database && `database to g${database.to}`, vectors && `vectors to g${vectors.to}`];
  throw refusal({
    op: "switch",
    subject: "generations",
    cause: `another switch was interrupted: ${moves.filter((move) => move !== null).join(", ")}`,
    hint: `${wayOn(record)} ends it, npm run ops -- generation cancel gives it up`,
  });
}

/** The record in the bucket, with the etag that guards it. While it is open it is written now and then, as a sign of life: `close` ends that. */
export class RecordFile {
  readonly #storage: Storage;
  readonly #signal: AbortSignal;
  readonly #living: NodeJS.Timeout;
  #etag: string | null;
  /** What a sign of life repeats: `value` may be half-way to its next step. */
  #saved: SwitchRecord;
  /** One write at a time: two would take each other for a stranger's. */
  #writing: Promise<void> = Promise.resolve();
  value: SwitchRecord;

  private constructor(storage: Storage, signal: AbortSignal, etag: string | null, value: SwitchRecord) {
    this.#storage = storage;
    this.#signal = signal;
    this.#etag = etag;
    this.value = value;
    this.#saved = structuredClone(value);
    // A storage that fails now may answer the next time; whoever took it over is met by the next step.
    this.#living = setInterval(() => void this.#writeInTurn().catch(() => {}), SWITCH_SIGN_EVERY_MS).unref();
  }

  /**
   * The interrupted switch, taken over, or `fresh`.
   * @throws OpsError with exit code 3 while another process works on one, be it on another machine.
   */
  static async open(storage: Storage, signal: AbortSignal, fresh: () => SwitchRecord): Promise<RecordFile> {
    const found = await readRecord(storage, signal);
    if (found !== null) await refuseBusy(storage, found, signal);
    const file = new RecordFile(storage, signal, found?.etag ?? null, found?.value ?? fresh());
    file.value.holder = { host: hostname(), pid: process.pid, machine: MACHINE };
    await file.save().catch((error: unknown) => {
      file.close();
      throw error;
    });
    return file;
  }

  /** @throws OpsError with exit code 3, reason `busy`, where somebody took it over. */
  save(): Promise<void> {
    this.#saved = structuredClone(this.value);
    return this.#writeInTurn();
  }

  #writeInTurn(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    this.value.signs += 1;
    const body = Buffer.from(JSON.stringify({ ...this.#saved, signs: this.value.signs }));
    this.#etag = await this.#storage.replace(RECORD, body, this.#etag, this.#signal).catch((error: unknown) => {
      if (isFailure(error, "changed")) throw busy("somebody took it over");
      throw error;
    });
  }

  close(): void {
    clearInterval(this.#living);
  }

  async remove(): Promise<void> {
    this.close();
    await this.#writing.catch(() => {});
    await this.#storage.remove(RECORD, this.#signal);
  }
}

/** The switch that is under way or was interrupted; null without one. */
export async function readRecord(
  storage: Storage,
  signal: AbortSignal,
): Promise<{ value: SwitchRecord; etag: string } | null> {
  const found = await readJson(storage, RECORD, signal);
  return found && { value: readKept(record, found.value, RECORD), etag: found.etag };
}

export async function readWayBack(
  storage: Storage,
  store: WayBack["store"],
  signal: AbortSignal,
): Promise<WayBack | null> {
  const found = await readJson(storage, wayBackKey(store), signal);
  return found && readKept(wayBack, found.value, wayBackKey(store));
}

/** `existing`: numbers of all generations of the store. */
export async function writeWayBack(
  storage: Storage,
  way: Omit<WayBack, "left">,
  existing: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const key = wayBackKey(way.store);
  const found = await readJson(storage, key, signal);
  const before = found && readKept(wayBack, found.value, key);
  const since = new Map((before?.left ?? []).map(({ generation, at_ms }) => [generation, at_ms]));
  // Concluded twice by an interrupted switch, it is the same way: its window began then, and what another release has added stays.
  const isSame = before !== null && before.to === way.to;
  if (before !== null && !isSame) since.set(before.from, before.at_ms);
  const left = existing
    .filter((generation) => generation !== way.from && generation !== way.to)
    .map((generation) => ({ generation, at_ms: since.get(generation) ?? way.at_ms }));
  const value = isSame ? { ...before, ...way, at_ms: before.at_ms, left } : { ...way, left };
  await storage.replace(key, Buffer.from(JSON.stringify(value)), found?.etag ?? null, signal);
}

function wayBackKey(store: WayBack["store"]): string {
  return `generations/undo-${store}.json`;
}

/**
 * What a command has left for the next one. Fields that a newer release has added stay in it, so that who writes it on keeps them.
 * @throws OpsError with exit code 3 where another release has written it in its own way.
 */
export function readKept<S extends z.ZodObject>(schema: S, value: unknown, key: string): z.output<S> {
  const { data, error } = schema.loose().safeParse(value);
  if (error === undefined) return data as z.output<S>;
  throw refusal(
    {
      op: "read",
      subject: key,
      cause: `this release does not know how to go on with it: ${z.prettifyError(error).replaceAll("\n", " ")}`,
      hint: "another release has written it: go on, or give it up (npm run ops -- generation cancel), from the checkout of that one",
    },
    error,
  );
}

/** Passes where the process that works on it is gone: of this machine that is known, one of another machine is silent then. */
async function refuseBusy(
  storage: Storage,
  { value: { holder }, etag }: { value: SwitchRecord; etag: string },
  signal: AbortSignal,
): Promise<void> {
  const { host, pid, machine } = holder;
  const isHere = machine === null ? host === hostname() : machine === MACHINE;
  if (isHere) {
    if (pid !== process.pid && isAlive(pid)) throw busy(`process ${pid} works on one`);
    return;
  }
  // A record of an earlier release has no signs, and one without a host has no owner.
  if (machine === null) return;
  const silent = { for: `a sign of life of ${host} process ${pid}, which began a switch`, limit_ms: SWITCH_SILENCE_MS };
  await whileWaiting(silent, async () => {
    for (let waited_ms = 0; waited_ms < SWITCH_SILENCE_MS; waited_ms += SWITCH_SIGN_EVERY_MS) {
      await pause(SWITCH_SIGN_EVERY_MS, undefined, { signal });
      const now = await readRecord(storage, signal);
      if (now?.etag !== etag) throw busy(`${host} process ${pid} works on one`);
    }
  });
}

function busy(cause: string): OpsError {
  return refusal({
    op: "switch",
    subject: "generations",
    cause,
    hint: "wait for it: npm run ops -- generation list shows how far it is",
    reason: "busy",
  });
}
