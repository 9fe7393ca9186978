/**
 * Brings the service's documents in line with the configured sources: reads, compares by content hash, sends what
 * differs, deletes what vanished. A second run over unchanged sources sends nothing.
 */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import type { DocumentInput } from "../../worker/ground/document.ts";
import { misuse, OpsError, refusal } from "../command/errors.ts";
import type { Progress } from "../command/progress.ts";
import { INDEX_DELETE_UNASKED, INDEX_DELETE_UNASKED_SHARE, INDEX_LIST_PAGE, INDEX_READERS } from "../limits.ts";
import { batches, finishedJob, submit } from "../service/batch.ts";
import { type Client, pagesOf } from "../service/client.ts";
import type { IndexConfig } from "./config.ts";
import { planSync, type StoredDocument, type SyncPlan, storedDocument } from "./plan.ts";
import { documentId, readDocument } from "./read-document.ts";
import type { Refusals } from "./refusals.ts";
import { type SourceFile, withSource } from "./sources.ts";

export const syncResult = z.strictObject({
  scanned: z.int().describe("files that the globs matched"),
  added: z.int(),
  changed: z.int(),
  unchanged: z.int(),
  deleted: z.int(),
  failed: z.int(),
  converted: z.int().describe("files that were made into Markdown; unchanged ones are not, once they are in the index"),
  failures: z
    .array(z.strictObject({ id: z.string(), cause: z.string() }))
    .describe("why each failed document is not (or no longer up to date) in the index"),
  dry_run: z.boolean(),
  plan: z.strictObject({ add: z.array(z.string()), change: z.array(z.string()), delete: z.array(z.string()) }),
});
export type SyncResult = z.infer<typeof syncResult>;

export interface SyncOptions {
  client: Pick<Client, "get" | "post" | "delete">;
  config: IndexConfig;
  /** What relative folders and repositories are relative to. */
  cwd: string;
  /** Reads, compares and reports; sends nothing. */
  dry_run?: boolean;
  /** Known files last changed before this are taken for unchanged without reading them. Git sources are always read. */
  since_ms?: number;
  /** Why files could not be converted before; what is found is added. */
  refusals?: Refusals;
  signal?: AbortSignal;
  /** Called before unusually many documents are deleted; throws to refuse. Without it, such a run is refused. */
  approveDeletion?: (ids: readonly string[]) => Promise<void>;
  /** Each stage is a stretch of its own. */
  progress?: Progress;
}

const Page = z.object({ documents: z.array(storedDocument), next_cursor: z.string().nullable() });
/** A request that is wrong in itself: its documents fail, the others go on. */
const BAD_REQUEST = new Set([400, 413, 422]);

/**
 * Runs one update.
 * @throws OpsError when a source cannot be read, two sources give the same id, the service does not answer, or
 * (exit code 3) the update would delete unusually much unasked; nothing has been changed then, except that an
 * interrupted run may have sent a part. Repeating it is always safe.
 */
export async function syncIndex(options: SyncOptions): Promise<SyncResult> {
  const { client, config, dry_run = false } = options;
  const collections = new Set(config.sources.map((source) => source.collection));
  const stored = await listStored(client, collections);
  const local = await readSources(options, new Map(stored.map((document) => [document.id, document])));
  const plan = planSync(local.hashes, stored, collections);
  await checkDeletion(plan, stored.length, options);

  const failures = local.failures;
  if (!dry_run) {
    const changed = [...plan.add, ...plan.change]
      .map((id) => local.documents.get(id))
      .filter((found) => found !== undefined);
    failures.push(...(await send(changed, options)));
    options.progress?.start("delete documents", plan.delete.length);
    for (const [done, id] of plan.delete.entries()) {
      await client.delete(`/api/v1/documents/${encodeURIComponent(id)}`).catch(ignoreGone);
      options.progress?.update(done + 1);
    }
    options.progress?.stop();
  }
  const failed = new Set(failures.map(({ id }) => id));
  const remains = remainder(stored, plan);
  const succeeded = (ids: readonly string[]): number => ids.filter((id) => !failed.has(id)).length;
  return {
    scanned: local.seen.size,
    added: succeeded(plan.add),
    changed: succeeded(plan.change),
    unchanged: succeeded(plan.unchanged),
    deleted: plan.delete.length,
    failed: failed.size,
    converted: local.converted,
    failures: failures.map(({ id, cause }) => ({ id, cause: `${cause}${remains(id)}` })),
    dry_run,
    plan: { add: plan.add, change: plan.change, delete: plan.delete },
  };
}

/** What becomes of the earlier document of one that failed: answers may still quote it. */
function remainder(stored: readonly StoredDocument[], plan: SyncPlan): (id: string) => string {
  const known = new Set(stored.map(({ id }) => id));
  const deleted = new Set(plan.delete);
  return (id) => {
    if (deleted.has(id)) return " (its earlier text leaves the index)";
    return known.has(id) ? " (the index keeps its earlier text)" : "";
  };
}

async function listStored(client: SyncOptions["client"], collections: ReadonlySet<string>): Promise<StoredDocument[]> {
  const stored: StoredDocument[] = [];
  for (const collection of collections) {
    const query = new URLSearchParams({ collection, limit: String(INDEX_LIST_PAGE) });
    for await (const { documents } of pagesOf(client, `/api/v1/documents?${query}`, Page)) stored.push(...documents);
  }
  return stored;
}

interface LocalState {
  /** Ids of all that was found. */
  seen: Set<string>;
  /** By id; null for what was not read; without those that hold no text. */
  hashes: Map<string, string | null>;
  /** Only what may have to be sent. */
  documents: Map<string, DocumentInput>;
  converted: number;
  failures: SyncResult["failures"];
}

type Known = ReadonlyMap<string, StoredDocument>;

async function readSources(options: SyncOptions, known: Known): Promise<LocalState> {
  const state: LocalState = { seen: new Set(), hashes: new Map(), documents: new Map(), converted: 0, failures: [] };
  for (const source of options.config.sources) {
    await withSource(source, options, async ({ files, unlisted }) => {
      for (const { path, cause } of unlisted) {
        const id = documentId({ source, path });
        state.seen.add(id);
        state.failures.push({ id, cause: `${path} ${cause}` });
        for (const other of known.keys()) if (other === id || other.startsWith(`${id}/`)) state.hashes.set(other, null);
      }
      let done = 0;
      options.progress?.start("read files", files.length);
      const queue = files.values();
      const reader = async (): Promise<void> => {
        for (const file of queue) {
          options.signal?.throwIfAborted();
          await readOne(file, state, options, known);
          options.progress?.update(++done);
        }
      };
      await Promise.all(Array.from({ length: INDEX_READERS }, reader));
      options.progress?.stop();
    });
  }
  return state;
}

async function readOne(
  file: SourceFile,
  state: LocalState,
  { since_ms, refusals, signal }: Pick<SyncOptions, "since_ms" | "refusals" | "signal">,
  known: Known,
): Promise<void> {
  const id = documentId(file);
  if (state.seen.has(id)) {
    throw misuse({
      op: "index",
      subject: id,
      cause: "two sources give this id",
      hint: "put one of them into another `collection`, or exclude the file",
    });
  }
  state.seen.add(id);
  state.hashes.set(id, null);
  const old = since_ms !== undefined && file.modified_ms !== undefined && file.modified_ms < since_ms;
  if (old && known.has(id)) return;
  const read = await readDocument(file, { stored: known.get(id), refusals, signal });
  if ("refused" in read) {
    if (read.is_gone) state.hashes.delete(id);
    state.failures.push({ id, cause: `${file.path} ${read.refused}` });
    return;
  }
  state.hashes.set(id, read.content_hash);
  if (!("document" in read)) return;
  state.documents.set(id, read.document);
  if (read.is_converted) state.converted += 1;
}

async function checkDeletion(plan: SyncPlan, stored: number, options: SyncOptions): Promise<void> {
  const unasked = Math.max(INDEX_DELETE_UNASKED, stored * INDEX_DELETE_UNASKED_SHARE);
  if (options.dry_run || plan.delete.length <= unasked) return;
  if (options.approveDeletion) return options.approveDeletion(plan.delete);
  throw refusal({
    op: "delete",
    subject: `${plan.delete.length} of ${counted(stored, "document")}`,
    cause: "their files are gone or empty, which looks like a wrong folder rather than a wish",
    hint: "look at the plan (npm run ops -- index update --dry-run), then confirm it with --yes",
  });
}

/** Sends documents in batches, waits for their jobs, and returns what the service could not index. */
async function send(documents: readonly DocumentInput[], options: SyncOptions): Promise<SyncResult["failures"]> {
  const failures: SyncResult["failures"] = [];
  const jobs: AcceptedBatch[] = [];
  let done = 0;
  options.progress?.start("send documents", documents.length);
  for (const batch of batches(documents)) {
    const sent = await sendApart(batch, options);
    jobs.push(...sent.jobs);
    failures.push(...sent.failures);
    done += batch.length;
    options.progress?.update(done);
  }
  done = failures.length;
  options.progress?.start("index documents", documents.length);
  for (const { id, batch } of jobs) {
    const job = await finishedJob(options.client, id, options.signal);
    failures.push(...job.errors.map((error) => ({ id: error.id, cause: error.detail })));
    if (job.state === "failed" && job.errors.length === 0)
      failures.push(...batch.map((document) => ({ id: document.id, cause: `job ${id} failed without a detail` })));
    done += batch.length;
    options.progress?.update(done);
  }
  options.progress?.stop();
  return failures;
}

interface AcceptedBatch {
  id: string;
  batch: readonly DocumentInput[];
}

/**
 * Sends one batch. The service refuses a request as a whole, so a refused one is halved until each document that it
 * does not take stands alone: one of n costs about 2·log₂ n more requests, and whatever the rule was, it is the service's.
 */
async function sendApart(
  batch: readonly DocumentInput[],
  options: SyncOptions,
): Promise<{ jobs: AcceptedBatch[]; failures: SyncResult["failures"] }> {
  options.signal?.throwIfAborted();
  try {
    return { jobs: [{ id: await submit(options.client, batch), batch }], failures: [] };
  } catch (error) {
    if (!(error instanceof OpsError) || !BAD_REQUEST.has(error.status ?? 0)) throw error;
    const [alone, ...others] = batch;
    if (alone !== undefined && others.length === 0) {
      const cause = error.parts.cause.replaceAll("documents[0].", "");
      return { jobs: [], failures: [{ id: alone.id, cause: `${alone.metadata.path}: ${cause}` }] };
    }
    const middle = Math.ceil(batch.length / 2);
    const first = await sendApart(batch.slice(0, middle), options);
    const second = await sendApart(batch.slice(middle), options);
    return { jobs: [...first.jobs, ...second.jobs], failures: [...first.failures, ...second.failures] };
  }
}

/** Someone else deleted it first: that is what was wanted. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof OpsError) || error.status !== 404) throw error;
}
