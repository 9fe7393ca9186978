/**
 * `POST …/import`: init → PUT of the file → ingest → poll. All statements of the file or none; the database is
 * blocked while it runs; `BEGIN` and `COMMIT` are refused, as D1 brings its own transaction.
 */
import { createHash, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import { leadingKeyword, splitStatements } from "../../infra/sql-statements.ts";
import { D1_POLL_WAIT_MS } from "../limits.ts";
import type { QueryD1 } from "./d1-gateway.ts";
import { endedWithin } from "./d1-hold.ts";
import { sqlError } from "./d1-limits.ts";
import { D1_MALFORMED, type D1RouteDeps, runQueries } from "./d1-query.ts";
import { ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";

const etag = z.string().regex(/^[0-9a-f]{32}$/, "the MD5 of the file in hex");
const importBody = z.discriminatedUnion("action", [
  z.object({ action: z.literal("init"), etag }),
  z.object({ action: z.literal("ingest"), etag, filename: z.string() }),
  z.object({ action: z.literal("poll"), current_bookmark: z.string() }),
]);

interface ImportJob {
  at_bookmark: string;
  work: Promise<void>;
  outcome: Record<string, unknown> | null;
}

export function d1ImportRoutes({ queryD1, holds, files, timeTravel, databaseExists }: D1RouteDeps): Hono {
  const jobs = new Map<string, ImportJob>();

  const start = async (id: string, sql: string): Promise<ImportJob> => {
    holds.refuseWhileHeld(id);
    holds.hold(id, "import");
    const at_bookmark = await timeTravel.bookmarkNow(id);
    const job: ImportJob = { at_bookmark, outcome: null, work: Promise.resolve() };
    job.work = ingest(queryD1, id, sql)
      .then(async (result) => {
        job.outcome = {
          success: true,
          status: "complete",
          result: { ...result, final_bookmark: await timeTravel.bookmarkNow(id) },
        };
      })
      .catch((error: Error) => {
        job.outcome = { success: false, status: "error", error: error.message, errors: [error.message] };
      })
      .finally(() => holds.release(id));
    jobs.set(id, job);
    return job;
  };

  return new Hono().post("/d1/database/:id/import", async (c) => {
    const id = c.req.param("id");
    databaseExists(id);
    const body = await jsonBody(c, importBody, D1_MALFORMED);
    const common = { type: "import", success: true, messages: [] as string[] };
    if (body.action === "init") {
      const filename = `${id}.${randomUUID()}.sql`;
      return ok(c, { ...common, filename, upload_url: files.offer(c, filename, null) });
    }
    if (body.action === "ingest") {
      const file = files.take(body.filename);
      if (!file) throw sqlError(`The file ${body.filename} was not uploaded: PUT it to the upload_url that init gave`);
      const md5 = createHash("md5").update(file).digest("hex");
      if (md5 !== body.etag) throw sqlError(`The uploaded file has etag ${md5}, not ${body.etag}: upload it again`);
      const job = await start(id, file.toString("utf8"));
      return ok(c, { ...common, at_bookmark: job.at_bookmark, filename: body.filename, messages: ["Processing"] });
    }
    const job = jobs.get(id);
    if (!job) return ok(c, { ...common, success: false, error: "Not currently importing." });
    if (!job.outcome) holds.hold(id, "import");
    await endedWithin(job.work, D1_POLL_WAIT_MS);
    if (job.outcome) jobs.delete(id);
    return ok(c, { ...common, at_bookmark: job.at_bookmark, ...job.outcome });
  });
}

const TRANSACTION = new Set(["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"]);

async function ingest(queryD1: QueryD1, id: string, sql: string) {
  const statements = splitStatements(sql).map(({ text }) => ({ sql: text }));
  if (statements.length === 0) throw new Error("No SQL statements detected.");
  const transaction = statements.find((statement) => TRANSACTION.has(leadingKeyword(statement.sql)));
  if (transaction)
    throw new Error(
      `${leadingKeyword(transaction.sql)} is not allowed in an import: D1 runs the file in one transaction; remove it`,
    );
  const results = await runQueries(queryD1, id, statements);
  const total = (pick: "changes" | "rows_read" | "rows_written" | "duration"): number =>
    results.reduce((sum, { meta }) => sum + meta[pick], 0);
  const last = results.at(-1)?.meta;
  const meta = {
    ...last,
    duration: total("duration"),
    changes: total("changes"),
    changed_db: results.some((result) => result.meta.changed_db),
    rows_read: total("rows_read"),
    rows_written: total("rows_written"),
  };
  return { num_queries: results.length, meta };
}
