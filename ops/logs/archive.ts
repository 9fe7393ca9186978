/**
 * The log as Logpush keeps it in R2: gzipped NDJSON, an object a batch, in a folder a day. The paid plan has it.
 * https://developers.cloudflare.com/logs/logpush/logpush-job/datasets/account/workers_trace_events/
 */
import { createGunzip } from "node:zlib";
import pMap from "p-map";
import { z } from "zod";
import { LOG_ARCHIVE_FOLDER } from "../../infra/inventory.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { objectsUnder, type Storage } from "../storage/storage.ts";
import { INVOCATION_MS_MAX, LOG_OBJECT_READERS } from "./limits.ts";
import { exceptionLine, type LogLine, lineOf } from "./log-line.ts";

/** An object, and when the invocations in it began. */
export interface ArchivedBatch {
  key: string;
  from_ms: number;
  to_ms: number;
}

const BATCH = /^(\d{8})\/(\d{8}T\d{6}Z)_(\d{8}T\d{6}Z)_[^/]+\.log\.gz$/;

/** What a `Date` holds: https://tc39.es/ecma262/#sec-time-values-and-time-range */
const TIME_MAX_MS = 8.64e15;
/** A job may ask for RFC 3339. */
const time = z
  .union([z.number(), z.string().transform((text) => Date.parse(text))])
  .refine((at_ms) => Math.abs(at_ms) <= TIME_MAX_MS, "no time of a calendar");
const record = z.object({
  ScriptName: z.string(),
  Logs: z.array(z.object({ Level: z.string(), Message: z.array(z.unknown()), TimestampMs: time })).default([]),
  Exceptions: z.array(z.object({ Name: z.string(), Message: z.string(), TimestampMs: time })).default([]),
});

/** Batches that may hold lines of a span, oldest first. An object whose name says no times counts as of its whole day. */
export async function archivedBatches(
  storage: Storage,
  from_ms: number,
  to_ms: number,
  signal: AbortSignal,
): Promise<ArchivedBatch[]> {
  const batches: ArchivedBatch[] = [];
  // The days that there are, since a window may begin whenever.
  for (const day of await storage.folders(`${LOG_ARCHIVE_FOLDER}/`, signal)) {
    const day_ms = Date.parse(day.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3T00:00:00Z"));
    // A batch lies in the folder of its newest record, which may be of the day after.
    if (Number.isNaN(day_ms) || day_ms < from_ms - 2 * DAY_MS || day_ms > to_ms + DAY_MS) continue;
    for await (const { key } of objectsUnder(storage, `${LOG_ARCHIVE_FOLDER}/${day}/`, signal))
      batches.push(batchOf(key, day_ms));
  }
  return batches.filter((batch) => mayHold(batch, from_ms, to_ms)).sort((a, b) => a.from_ms - b.from_ms);
}

/** Whether a batch may hold lines of a span: what an invocation logs comes after its beginning. */
function mayHold({ from_ms, to_ms }: ArchivedBatch, since_ms: number, until_ms: number): boolean {
  return from_ms < until_ms && to_ms + INVOCATION_MS_MAX >= since_ms;
}

/** Lines of a span, its end excluded, that these scripts logged, in no order. `damaged`: records that could not be read. */
export async function archivedLines(
  storage: Storage,
  batches: readonly ArchivedBatch[],
  workers: readonly string[],
  span: { from_ms: number; to_ms: number },
  signal: AbortSignal,
): Promise<{ lines: LogLine[]; damaged: number }> {
  const { from_ms, to_ms } = span;
  const lines: LogLine[] = [];
  let damaged = 0;
  await pMap(
    batches.filter((batch) => mayHold(batch, from_ms, to_ms)),
    async ({ key }) => {
      const { body } = await storage.read(key, signal);
      try {
        for await (const text of unzippedLines(body)) {
          const parsed = parsedRecord(text);
          if (parsed === null) damaged += 1;
          else if (workers.includes(parsed.ScriptName)) lines.push(...linesOfRecord(parsed));
        }
      } catch {
        // A batch that breaks off gives what came before, and is told.
        damaged += 1;
      }
    },
    { concurrency: LOG_OBJECT_READERS },
  );
  const wanted = lines.filter(({ at }) => Date.parse(at) >= from_ms && Date.parse(at) < to_ms);
  return { lines: wanted, damaged };
}

function batchOf(key: string, day_ms: number): ArchivedBatch {
  const [, , from, to] = BATCH.exec(key.slice(LOG_ARCHIVE_FOLDER.length + 1)) ?? [];
  if (from === undefined || to === undefined) return { key, from_ms: day_ms, to_ms: day_ms + DAY_MS };
  // Names have seconds: the last one is not over.
  return { key, from_ms: timeOf(from), to_ms: timeOf(to) + 1000 };
}

/** `20261105T235958Z` */
function timeOf(text: string): number {
  return Date.parse(text.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, "$1-$2-$3T$4:$5:$6Z"));
}

/** Not by `node:readline`, which does not hear of a stream that fails. */
async function* unzippedLines(body: Uint8Array): AsyncGenerator<string, void> {
  const unzipped = createGunzip().setEncoding("utf8");
  unzipped.end(body);
  let rest = "";
  for await (const chunk of unzipped) {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

function parsedRecord(text: string): z.infer<typeof record> | null {
  try {
    return record.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function linesOfRecord({ ScriptName: worker, Logs, Exceptions }: z.infer<typeof record>): LogLine[] {
  return [
    ...Logs.map(({ Level, Message, TimestampMs }) =>
      lineOf({ at_ms: TimestampMs, worker, console_level: Level, parts: Message }),
    ),
    ...Exceptions.map(({ Name, Message, TimestampMs }) => exceptionLine(TimestampMs, worker, Name, Message)),
  ];
}
