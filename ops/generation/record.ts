/**
 * What a switch writes down as it goes, in the bucket of the vector packs: how far it is, so that another run goes on from
 * there; and afterwards, how to go back. One switch of a stack at a time: its record is its lock.
 */
import { hostname } from "node:os";
import { z } from "zod";
import { type OpsError, refusal } from "../command/errors.ts";
import { decode } from "../service/client.ts";
import { type Storage, StorageError } from "../storage/storage.ts";
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
  /** The process that works on it. */
  holder: z.object({ host: z.string(), pid: z.number() }),
  database: move.nullable(),
  vectors: move.extend({ dimensions: z.number() }).nullable(),
  embedding_model: modelChange.nullable().default(null),
});
export type SwitchRecord = z.infer<typeof record>;

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

/** The record in the bucket, with the etag that guards it. */
export class RecordFile {
  readonly #storage: Storage;
  readonly #signal: AbortSignal;
  #etag: string | null;
  value: SwitchRecord;

  private constructor(storage: Storage, signal: AbortSignal, etag: string | null, value: SwitchRecord) {
    this.#storage = storage;
    this.#signal = signal;
    this.#etag = etag;
    this.value = value;
  }

  /**
   * The interrupted switch, taken over, or `fresh`.
   * @throws OpsError with exit code 3 while another process works on one.
   */
  static async open(storage: Storage, signal: AbortSignal, fresh: () => SwitchRecord): Promise<RecordFile> {
    const found = await readRecord(storage, signal);
    if (found !== null) refuseBusy(found.value);
    const file = new RecordFile(storage, signal, found?.etag ?? null, found?.value ?? fresh());
    file.value.holder = { host: hostname(), pid: process.pid };
    await file.save();
    return file;
  }

  async save(): Promise<void> {
    const body = Buffer.from(JSON.stringify(this.value));
    this.#etag = await this.#storage.replace(RECORD, body, this.#etag, this.#signal).catch((error: unknown) => {
      if (error instanceof StorageError && error.failure === "changed") throw busy("somebody took it over");
      throw error;
    });
  }

  remove(): Promise<void> {
    return this.#storage.remove(RECORD, this.#signal);
  }
}

/** The switch that is under way or was interrupted; null without one. */
export async function readRecord(
  storage: Storage,
  signal: AbortSignal,
): Promise<{ value: SwitchRecord; etag: string } | null> {
  const found = await readOr(storage, RECORD, signal);
  return found && { value: decode(record, JSON.parse(found.text), RECORD), etag: found.etag };
}

export async function readWayBack(
  storage: Storage,
  store: WayBack["store"],
  signal: AbortSignal,
): Promise<WayBack | null> {
  const found = await readOr(storage, wayBackKey(store), signal);
  return found && decode(wayBack, JSON.parse(found.text), wayBackKey(store));
}

/** `existing`: numbers of all generations of the store. */
export async function writeWayBack(
  storage: Storage,
  way: Omit<WayBack, "left">,
  existing: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  const key = wayBackKey(way.store);
  const found = await readOr(storage, key, signal);
  const before = found && decode(wayBack, JSON.parse(found.text), key);
  const since = new Map((before?.left ?? []).map(({ generation, at_ms }) => [generation, at_ms]));
  // Concluded twice by an interrupted switch, it is the same way.
  if (before && before.to !== way.to) since.set(before.from, before.at_ms);
  const left = existing
    .filter((generation) => generation !== way.from && generation !== way.to)
    .map((generation) => ({ generation, at_ms: since.get(generation) ?? way.at_ms }));
  await storage.replace(key, Buffer.from(JSON.stringify({ ...way, left })), found?.etag ?? null, signal);
}

function wayBackKey(store: WayBack["store"]): string {
  return `generations/undo-${store}.json`;
}

async function readOr(storage: Storage, key: string, signal: AbortSignal) {
  try {
    const { body, etag } = await storage.read(key, signal);
    return { text: Buffer.from(body).toString("utf8"), etag };
  } catch (error) {
    if (error instanceof StorageError && error.failure === "missing") return null;
    throw error;
  }
}

function refuseBusy({ holder }: SwitchRecord): void {
  if (holder.host !== hostname() || holder.pid === process.pid) return;
  try {
    process.kill(holder.pid, 0);
  } catch {
    return;
  }
  throw busy(`process ${holder.pid} works on one`);
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
