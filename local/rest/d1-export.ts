/**
 * `POST …/export`: the polling protocol around D1's own dump code, which miniflare carries.
 *
 * Faithful to its traps: the database is blocked from the first request until the dump is collected, an FTS5 table
 * fails the export and leaves the block behind, `tables` also drops indexes and triggers that it does not name.
 */
import { Hono } from "hono";
import { z } from "zod";
import { D1_POLL_WAIT_MS } from "../limits.ts";
import { D1Refusal, type QueryD1 } from "./d1-gateway.ts";
import { endedWithin } from "./d1-hold.ts";
import { sqlError } from "./d1-limits.ts";
import { D1_MALFORMED, type D1RouteDeps } from "./d1-query.ts";
import { ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";

const exportBody = z.object({
  output_format: z.literal("polling"),
  current_bookmark: z.string().optional(),
  dump_options: z
    .object({
      no_data: z.boolean().optional(),
      no_schema: z.boolean().optional(),
      tables: z.array(z.string()).optional(),
    })
    .optional(),
});

/** miniflare's door to D1's dump code; wrangler uses it for local exports. */
const DUMP = "PRAGMA miniflare_d1_export(?,?,?);";
const VIRTUAL_TABLES = "cannot export databases with Virtual Tables (fts5)";

type Outcome = { status: "complete"; filename: string; sql: Buffer } | { status: "error"; error: string };
interface ExportJob {
  at_bookmark: string;
  work: Promise<void>;
  outcome: Outcome | null;
}

export function d1ExportRoutes({ engine, queryD1, holds, files, timeTravel, databaseExists }: D1RouteDeps): Hono {
  const jobs = new Map<string, ExportJob>();

  const start = async (id: string, options: NonNullable<z.infer<typeof exportBody>["dump_options"]>) => {
    holds.refuseWhileHeld(id);
    holds.hold(id, "export");
    const at_bookmark = await timeTravel.bookmarkNow(id);
    const job: ExportJob = { at_bookmark, outcome: null, work: Promise.resolve() };
    const { tables = [], no_schema = false, no_data = false } = options;
    job.work = dump(queryD1, id, [Number(no_schema), Number(no_data), ...tables]).then(
      (sql) => {
        const filename = `${id}-${new Date(engine.now()).toISOString().replaceAll(":", "-")}.sql`;
        job.outcome = { status: "complete", filename, sql: Buffer.from(sql) };
      },
      (error: Error) => {
        job.outcome = { status: "error", error: error.message };
      },
    );
    jobs.set(id, job);
    return job;
  };

  return new Hono().post("/d1/database/:id/export", async (c) => {
    const id = c.req.param("id");
    databaseExists(id);
    const body = await jsonBody(c, exportBody, D1_MALFORMED);
    const running = holds.heldBy(id) === "export" ? jobs.get(id) : undefined;
    if (body.current_bookmark !== undefined && !running)
      throw sqlError(
        "Not currently exporting: the export was collected, failed, or cancelled itself for lack of polls",
      );
    const job = running ?? (await start(id, body.dump_options ?? {}));
    const common = { type: "export", at_bookmark: job.at_bookmark };
    if (!running) return ok(c, { ...common, success: true, messages: ["Generating dump"] });
    // A failed export is polled like any other, yet does not give the database back (see the header).
    if (job.outcome?.status !== "error") holds.hold(id, "export");
    await endedWithin(job.work, D1_POLL_WAIT_MS);
    if (!job.outcome) return ok(c, { ...common, success: true, messages: ["Uploading"] });
    if (job.outcome.status === "error")
      return ok(c, {
        ...common,
        success: false,
        status: "error",
        error: job.outcome.error,
        messages: [job.outcome.error],
      });
    const { filename, sql } = job.outcome;
    jobs.delete(id);
    holds.release(id);
    const result = { filename, signed_url: files.offer(c, filename, sql) };
    return ok(c, { ...common, success: true, status: "complete", messages: [`Uploaded ${filename}`], result });
  });
}

async function dump(queryD1: QueryD1, id: string, params: (string | number)[]): Promise<string> {
  try {
    const [lines] = await queryD1(id, [{ sql: DUMP, params }]);
    return (lines?.rows[0] ?? []).join("\n");
  } catch (error) {
    // miniflare answers a failing dump with plain text where its own client wants JSON; a virtual table is the one
    // way in which the dump code fails.
    if (error instanceof D1Refusal && /is not valid JSON|Virtual Tables/.test(error.message))
      throw new Error(VIRTUAL_TABLES);
    throw error;
  }
}
