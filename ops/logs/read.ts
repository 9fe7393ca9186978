/**
 * Reading the log of a window, from wherever it is: the telemetry API for what it certainly still holds, the archive in R2 for what is older.
 * Both give the same lines for the same window (`logs.test.ts`).
 */
import { z } from "zod";
import { LOG_RETENTION_MS } from "../../infra/cloudflare-limits.ts";
import { BUCKETS, LOG_ARCHIVE_FOLDER, nameInStack, SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { HOUR_MS, iso } from "../../worker/ground/time.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { asOpsError, misuse } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { momentBefore } from "../command/options.ts";
import type { StackTarget } from "../stack/target.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { Storage } from "../storage/storage.ts";
import { type ArchivedBatch, archivedBatches, archivedLines } from "./archive.ts";
import { filterOptions, type LogFilter, matcher } from "./filter.ts";
import { LOG_SLICE_MS } from "./limits.ts";
import { inOrder, isCut, type LogLine } from "./log-line.ts";
import { telemetryLines } from "./telemetry.ts";

const SOURCES = ["telemetry", "archive"] as const;
type Source = (typeof SOURCES)[number];

/** What every command that reads a window of the log takes. */
export const windowOptions = z.object({
  since: momentBefore.optional().describe("from when: 90m, 6h, 2d ago, or an ISO date (default: 1h)"),
  until: momentBefore.optional().describe("until when, that moment excluded (default: now)"),
  source: z
    .enum([...SOURCES, "auto"])
    .default("auto")
    .describe("auto: the telemetry API, and the archive for what is older than it surely holds"),
  ...filterOptions.shape,
});
export type WindowOptions = z.output<typeof windowOptions>;

/** A part of the window, and where it was read. */
const readPart = z.strictObject({
  source: z.enum(SOURCES),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  lines: z.int().describe("that the source gave; the filter may have left some there"),
  notes: z.array(z.string()).describe("why there may be less than there was"),
});
type ReadPart = z.infer<typeof readPart>;

export const readWindow = z.strictObject({ from: z.iso.datetime(), to: z.iso.datetime(), read: z.array(readPart) });
type ReadWindow = z.infer<typeof readWindow>;

interface Part {
  source: Source;
  from_ms: number;
  to_ms: number;
}

/**
 * Where each part of a window is read. Pure. Every plan's telemetry holds what is younger than the free plan's does; where there is an
 * archive, the rest comes from there.
 */
export function partsOf(
  window: { from_ms: number; to_ms: number },
  now_ms: number,
  source: Source | "auto",
  isArchived: boolean,
): Part[] {
  if (source !== "auto") return [{ source, ...window }];
  // An hour's margin, for what is deleted while it is read.
  const held_ms = now_ms - LOG_RETENTION_MS.free + HOUR_MS;
  if (window.from_ms >= held_ms || !isArchived) return [{ source: "telemetry", ...window }];
  const split_ms = Math.min(held_ms, window.to_ms);
  const older: Part = { source: "archive", from_ms: window.from_ms, to_ms: split_ms };
  return split_ms === window.to_ms ? [older] : [older, { source: "telemetry", from_ms: split_ms, to_ms: window.to_ms }];
}

/** What came of reading, complete when the lines have ended. */
interface Reading {
  told: ReadWindow;
  /** In order of time, those of an hour at a time, as the filter wants them. */
  lines: AsyncGenerator<LogLine, void>;
}

/** @throws OpsError for a window that ends before it begins; what the sources throw, from `lines`. */
export function readLog(invocation: Invocation, options: WindowOptions): Reading {
  const now_ms = invocation.now();
  const to_ms = options.until?.(now_ms) ?? now_ms;
  const from_ms = options.since?.(now_ms) ?? to_ms - HOUR_MS;
  if (from_ms >= to_ms)
    throw misuse({
      op: "read",
      subject: "the log",
      cause: `the window ends (${iso(to_ms)}) before it begins (${iso(from_ms)})`,
      hint: "--since names the earlier moment, --until the later one",
    });
  const told: ReadWindow = { from: iso(from_ms), to: iso(to_ms), read: [] };
  return { told, lines: linesOf(invocation, options, { from_ms, to_ms }, told.read) };
}

async function* linesOf(
  invocation: Invocation,
  options: WindowOptions,
  window: { from_ms: number; to_ms: number },
  told: ReadPart[],
): AsyncGenerator<LogLine, void> {
  const { stack, signal, progress } = invocation;
  const target = await invocation.target();
  const workers = [SERVICE, WATCHDOG.name].map((name) => nameInStack(name, stack));
  const now_ms = invocation.now();
  const archive = await openArchive(target, window, options.source, now_ms, signal);
  const isWanted = matcher(options);
  try {
    const parts = partsOf(window, now_ms, options.source, archive.batches.length > 0);
    // Before it a source has nothing, however long ago the window begins.
    const oldest_ms = {
      telemetry: now_ms - LOG_RETENTION_MS.paid - HOUR_MS,
      archive: archive.batches[0]?.from_ms ?? Number.POSITIVE_INFINITY,
    };
    const beginOf = ({ source, from_ms, to_ms }: Part) => Math.min(Math.max(from_ms, oldest_ms[source]), to_ms);
    const slices = parts.reduce((sum, part) => sum + Math.ceil((part.to_ms - beginOf(part)) / LOG_SLICE_MS), 0);
    progress.start("log read", slices);
    let done = 0;
    for (const part of parts) {
      const { source, from_ms, to_ms } = part;
      const notes = new Set(archive.notes);
      if (source === "telemetry" && from_ms < now_ms - LOG_RETENTION_MS.free) notes.add(olderThanHeld(now_ms));
      const record: ReadPart = { source, from: iso(from_ms), to: iso(to_ms), lines: 0, notes: [...notes] };
      told.push(record);
      const read =
        source === "telemetry"
          ? await telemetryReader(target, workers, options, signal)
          : archiveReader(archive, workers, signal);
      for (let begin_ms = beginOf(part); begin_ms < to_ms; begin_ms += LOG_SLICE_MS) {
        const { lines, damaged } = await read(begin_ms, Math.min(begin_ms + LOG_SLICE_MS, to_ms));
        record.lines += lines.length;
        if (damaged > 0) notes.add("records of the archive could not be read");
        if (lines.some(isCut)) notes.add("Logpush cut records that were too long: some lines are missing");
        record.notes = [...notes];
        done += 1;
        progress.update(done);
        yield* inOrder(lines.filter(isWanted));
      }
    }
    progress.stop();
  } finally {
    archive.close();
  }
}

type Reader = (from_ms: number, to_ms: number) => Promise<{ lines: LogLine[]; damaged: number }>;

async function telemetryReader(
  target: StackTarget,
  workers: readonly string[],
  filter: LogFilter,
  signal: AbortSignal,
): Promise<Reader> {
  const address = await target.api();
  const query = { client: createCloudflare(address, { signal }), account_id: address.account_id, workers, filter };
  return async (from_ms, to_ms) => ({ lines: await telemetryLines(query, from_ms, to_ms), damaged: 0 });
}

interface Archive {
  storage: Storage | null;
  batches: ArchivedBatch[];
  notes: string[];
  close(): void;
}

function archiveReader({ storage, batches }: Archive, workers: readonly string[], signal: AbortSignal): Reader {
  return async (from_ms, to_ms) =>
    storage === null ? { lines: [], damaged: 0 } : archivedLines(storage, batches, workers, { from_ms, to_ms }, signal);
}

/** What the archive has of the window's older part; looked for only where it would be read. */
async function openArchive(
  target: StackTarget,
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
  source: Source | "auto",
  now_ms: number,
  signal: AbortSignal,
): Promise<Archive> {
  const [oldest] = partsOf({ from_ms, to_ms }, now_ms, source, true);
  if (oldest?.source !== "archive") return { storage: null, batches: [], notes: [], close: () => {} };
  const { storage: bucket, close } = await logBucket(target);
  const storage = patientStorage(bucket);
  try {
    const batches = await archivedBatches(storage, oldest.from_ms, oldest.to_ms, signal);
    const nothing = `the archive (${storage.location}${LOG_ARCHIVE_FOLDER}/) has nothing of this time: Logpush is of the paid plan`;
    return { storage, batches, notes: batches.length === 0 ? [nothing] : [], close };
  } catch (error) {
    close();
    // The younger part is worth having without it.
    if (source === "archive" || signal.aborted) throw error;
    const note = `the archive cannot be read: ${asOpsError(error).message}`;
    return { storage: null, batches: [], notes: [note], close: () => {} };
  }
}

/** The stack's bucket of logs. `close` ends its connections. */
export async function logBucket(target: StackTarget): Promise<{ storage: Storage; close(): void }> {
  const bucket = nameInStack(BUCKETS.logs.name, target.stack);
  const storage = s3Storage({ ...(await target.s3()), bucket, prefix: "" });
  return { storage, close: () => storage.close() };
}

function olderThanHeld(now_ms: number): string {
  const since = (days_ms: number) => iso(now_ms - days_ms);
  const { free, paid } = LOG_RETENTION_MS;
  return `telemetry holds lines since ${since(free)} on the free plan, since ${since(paid)} on the paid one`;
}

/** One line for people: where the lines came from, and what may be missing. */
export function readWords({ from, to, read }: ReadWindow): string {
  const parts = read.map(
    ({ source, lines, notes }) =>
      `${counted(lines, "line")} from ${source === "telemetry" ? "the telemetry API" : "the archive"}${notes.map((note) => ` (${note})`).join("")}`,
  );
  return `${from} – ${to}: ${parts.join(", then ")}`;
}

/** The next step from a table to one request. */
export function followWords({ from }: ReadWindow, request_id: string): string {
  return `The request of the first row: npm run ops -- logs query --since ${from} --request-id ${request_id}`;
}
