/** `ops logs rotate`: the archive of the log kept small: what served its time goes, what lies open is compressed. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import pMap from "p-map";
import { z } from "zod";
import { LOG_ARCHIVE_FOLDER } from "../../infra/inventory.ts";
import { LOG_RETENTION_DAYS } from "../../infra/limits.ts";
import { counted } from "../../worker/ground/counted.ts";
import { DAY_MS, dayOf } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { positive } from "../command/options.ts";
import { shownBytes } from "../command/quantities.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { isFailure, objectsUnder, type Storage } from "../storage/storage.ts";
import { LOG_KEEP_DAYS_MAX, ROTATE_OBJECTS_MAX, ROTATE_WORKERS } from "./limits.ts";
import { logBucket } from "./read.ts";

const share = z.strictObject({ objects: z.int(), bytes: z.int() });
const output = z.strictObject({
  dry_run: z.boolean(),
  kept_from: z.iso.date().describe("older days go"),
  deleted: share,
  compressed: share.describe("bytes: before"),
  kept: share,
  is_whole: z.boolean().describe("false: there is more than one run may do; run it again"),
});

interface Found {
  key: string;
  bytes: number;
}

interface Plan {
  expired: Found[];
  open: Found[];
  kept: Found[];
  is_whole: boolean;
}

export const logsRotate = defineCommand({
  path: "logs rotate",
  group: "logs",
  summary: "delete what is older than its retention from the log's archive, compress what is not",
  notes: `R2 deletes by itself what is older than ${LOG_RETENTION_DAYS} days (a declared lifecycle rule): this is for a shorter time, and for what the rule left.
Needs a token that may write the bucket of logs. It may be repeated; exit code 4: there is more than one run does.`,
  risk: "destructive",
  options: z.object({
    keep_days: positive
      .max(LOG_KEEP_DAYS_MAX, `expected at most ${LOG_KEEP_DAYS_MAX}`)
      .default(LOG_RETENTION_DAYS)
      .describe("whole days (UTC) that stay, besides this one"),
  }),
  output,
  examples: ["logs rotate --dry-run", "logs rotate --keep-days 30 --yes"],
  async run(invocation, { keep_days }) {
    const { signal, dry_run, progress } = invocation;
    const now_ms = invocation.now();
    const kept_from = dayOf(now_ms - keep_days * DAY_MS);
    const { storage: bucket, close } = await logBucket(await invocation.target());
    try {
      const storage = patientStorage(bucket);
      const plan = await planRotation(storage, kept_from, signal);
      const { expired, open, kept, is_whole } = plan;
      const data = {
        dry_run,
        kept_from,
        deleted: sumOf(expired),
        compressed: sumOf(open),
        kept: sumOf(kept),
        is_whole,
      };
      const words = `${counted(expired.length, "object")} older than ${kept_from} (${shownBytes(data.deleted.bytes)}), compress ${open.length}; ${kept.length} stay (${shownBytes(data.kept.bytes)})`;
      if (dry_run) return { data, text: `Would delete ${words}` };
      if (expired.length > 0)
        await invocation.confirm({ op: "delete", subject: `${words} of ${storage.location}${LOG_ARCHIVE_FOLDER}/` });
      progress.start("archive rotated", expired.length + open.length);
      let done = 0;
      const step = async (work: Promise<void>) => {
        await work;
        done += 1;
        progress.update(done);
      };
      const options = { concurrency: ROTATE_WORKERS };
      await pMap(open, ({ key }) => step(compress(storage, key, signal)), options);
      await pMap(expired, ({ key }) => step(storage.remove(key, signal)), options);
      progress.stop();
      return {
        data,
        text: `Done: deleted ${words}${is_whole ? "" : ". There is more: run it again"}`,
        exit_code: is_whole ? EXIT.done : EXIT.partial,
        audit: { detail: { kept_from, deleted: expired.length, compressed: open.length } },
      };
    } finally {
      close();
    }
  },
});

/** By the day in an object's path, oldest first, as many as one run may do. */
async function planRotation(storage: Storage, kept_from: string, signal: AbortSignal): Promise<Plan> {
  const plan: Plan = { expired: [], open: [], kept: [], is_whole: true };
  for await (const { key, bytes } of objectsUnder(storage, `${LOG_ARCHIVE_FOLDER}/`, signal)) {
    const [, day] = new RegExp(`^${LOG_ARCHIVE_FOLDER}/(\\d{8})/`).exec(key) ?? [];
    // What has no day is nothing of Logpush's: nobody knows how old it is.
    if (day === undefined) plan.kept.push({ key, bytes });
    else if (plan.expired.length + plan.open.length >= ROTATE_OBJECTS_MAX) plan.is_whole = false;
    else if (day < kept_from.replaceAll("-", "")) plan.expired.push({ key, bytes });
    else if (key.endsWith(".gz")) plan.kept.push({ key, bytes });
    else plan.open.push({ key, bytes });
  }
  return plan;
}

/** Written whole before the open one goes. What has its name already must hold the same: an earlier run wrote it. */
async function compress(storage: Storage, key: string, signal: AbortSignal): Promise<void> {
  const { body } = await storage.read(key, signal);
  const name = `${key}.gz`;
  try {
    await storage.create(name, await promisify(gzip)(body), signal);
  } catch (error) {
    if (!isFailure(error, "exists")) throw error;
    const there = await promisify(gunzip)((await storage.read(name, signal)).body).catch(() => null);
    if (there === null || !there.equals(body)) return;
  }
  await storage.remove(key, signal);
}

function sumOf(objects: readonly Found[]): z.infer<typeof share> {
  return { objects: objects.length, bytes: objects.reduce((sum, { bytes }) => sum + bytes, 0) };
}
