/**
 * What a run of a runbook did: one JSON line a record, each with the hash of the one before, so that no line can be changed, taken out or put
 * in without breaking the chain from there on. The audit log gets the last hash. Lines are only ever added.
 */
import { appendFile, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { canonicalJson, GENESIS } from "../../worker/audit/chain.ts";
import { sha256 } from "../../worker/ground/digest.ts";
import { OpsError } from "../command/errors.ts";
import { makeFolder } from "../storage/make-folder.ts";
import { RISKS } from "./attributes.ts";

const STEP_OUTCOMES = ["passed", "failed", "timed out", "skipped", "interrupted"] as const;
export const RUN_OUTCOMES = ["done", "failed", "stopped"] as const;

/** Of one process that works on a run: the first, and each that goes on with it. */
const beginning = {
  actor: z.string(),
  pid: z.int(),
  auto: z.boolean(),
  max_risk: z.enum(RISKS),
  /** Of the runbook's text. */
  runbook_sha256: z.string(),
};

const event = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("begin"),
    run_id: z.string(),
    runbook: z.string(),
    stack: z.enum(STACKS),
    from: z.string().nullable(),
    situations: z.array(z.string()),
    ...beginning,
  }),
  z.strictObject({ kind: z.literal("resume"), ...beginning }),
  z.strictObject({
    kind: z.literal("step begin"),
    step: z.string(),
    risk: z.enum(RISKS),
    commands: z.string(),
    /** Variables of it that a person named at the terminal, but secrets. */
    named: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({
    kind: z.literal("step end"),
    step: z.string(),
    outcome: z.enum(STEP_OUTCOMES),
    exit_code: z.int().nullable(),
    duration_ms: z.int(),
    /** The end of it, without secrets. */
    output: z.string(),
    why: z.string().nullable(),
  }),
  z.strictObject({ kind: z.literal("end"), outcome: z.enum(RUN_OUTCOMES) }),
]);
export type Event = z.infer<typeof event>;
export type StepEnd = Extract<Event, { kind: "step end" }>;
export type Begin = Extract<Event, { kind: "begin" }>;

const chained = z.strictObject({ seq: z.int(), at: z.iso.datetime(), prev_hash: z.string(), hash: z.string(), event });
export type TranscriptRecord = z.infer<typeof chained>;

export interface Transcript {
  path: string;
  records: TranscriptRecord[];
  /** Line of the first record that is not as it was written, or not where it was written; null where the chain is whole. */
  flaw: { line: number; reason: string } | null;
  /** Bytes of whole lines; what follows was being written when the process died. */
  whole_bytes: number;
}

function transcriptFolder(data_dir: string): string {
  return join(data_dir, "runbooks");
}

/** Ids of the runs on this machine, newest first. */
export async function runsIn(data_dir: string): Promise<string[]> {
  const names = await readdir(transcriptFolder(data_dir)).catch(() => []);
  return names
    .flatMap((name) => (name.endsWith(".jsonl") ? [name.slice(0, -".jsonl".length)] : []))
    .sort()
    .reverse();
}

/** @throws OpsError where there is no such run. */
export async function readTranscript(data_dir: string, run_id: string): Promise<Transcript> {
  const path = join(transcriptFolder(data_dir), `${run_id}.jsonl`);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const cause = "there is no transcript of such a run on this machine";
    const hint = "npm run ops -- runbook show-run lists those there are; --data DIR if they are elsewhere";
    throw new OpsError({ op: "read the run", subject: run_id, cause, hint }, { error });
  }
  const lines = text.split("\n").slice(0, -1);
  const records: TranscriptRecord[] = [];
  let flaw: Transcript["flaw"] = null;
  let last = GENESIS;
  for (const [index, line] of lines.entries()) {
    const record = parsed(line);
    const reason = record === null ? "is no record" : await flawOf(record, last);
    if (reason !== null) flaw ??= { line: index + 1, reason };
    if (record === null) continue;
    records.push(record);
    last = { seq: record.seq, hash: record.hash };
  }
  return { path, records, flaw, whole_bytes: Buffer.byteLength(lines.map((line) => `${line}\n`).join("")) };
}

function parsed(line: string): TranscriptRecord | null {
  try {
    return chained.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

async function flawOf(
  { hash, ...record }: TranscriptRecord,
  last: { seq: number; hash: string },
): Promise<string | null> {
  if ((await sha256(canonicalJson(record))) !== hash) return "was altered";
  return record.seq === last.seq + 1 && record.prev_hash === last.hash ? null : "does not follow the line before it";
}

export interface TranscriptWriter {
  path: string;
  add(event: Event): Promise<void>;
  /** Hash of the newest record. */
  head(): string;
}

/** Goes on with a transcript, or begins one where `known` is null. `now` in milliseconds since the epoch. */
export async function writeTranscript(
  data_dir: string,
  run_id: string,
  known: Transcript | null,
  now: () => number,
): Promise<TranscriptWriter> {
  const folder = transcriptFolder(data_dir);
  makeFolder(folder, 0o700);
  const path = join(folder, `${run_id}.jsonl`);
  // Half a line is of a process that was killed: what it would have said is not known.
  if (known !== null) await truncate(path, known.whole_bytes);
  const newest = known?.records.at(-1);
  let last = newest === undefined ? GENESIS : { seq: newest.seq, hash: newest.hash };
  return {
    path,
    async add(happened) {
      const record = { seq: last.seq + 1, at: new Date(now()).toISOString(), prev_hash: last.hash, event: happened };
      const hash = await sha256(canonicalJson(record));
      await appendFile(path, `${JSON.stringify({ ...record, hash })}\n`, { mode: 0o600 });
      last = { seq: record.seq, hash };
    },
    head: () => last.hash,
  };
}

/** What each step came to in the end, by name. */
export function stepEnds(records: readonly TranscriptRecord[]): Map<string, StepEnd> {
  return new Map(records.flatMap(({ event }) => (event.kind === "step end" ? [[event.step, event]] : [])));
}

/** What a person named for its steps, the newest value of each variable. */
export function namedIn(records: readonly TranscriptRecord[]): Map<string, string> {
  return new Map(
    records.flatMap(({ event }) => (event.kind === "step begin" ? Object.entries(event.named ?? {}) : [])),
  );
}

/** How a run began. Undefined where its first line is lost. */
export function beginOf(records: readonly TranscriptRecord[]): Begin | undefined {
  const first = records[0]?.event;
  return first?.kind === "begin" ? first : undefined;
}
