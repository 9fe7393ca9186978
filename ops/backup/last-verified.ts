/**
 * The newest state of a stack of which a backup was really restored and compared, as a small record for whoever asks how old that
 * state is: `ops deploy` before it touches what holds data, the alert on the backups' age.
 *
 * It is an object in the stack's bucket of backups, outside of the locked prefix and no part of a repository, wherever the snapshot
 * is kept: a token that may read the bucket reads it, without a key of the repository and without Pulumi. There it survives what backups
 * are for. In the namespace CONFIG it would not: a restore puts that back to what it was, and it can be lost with the service.
 * Where the bucket is lost, no backup counts as verified until one is verified again.
 *
 * It protects against forgetting and against a machine that does not know what others did. It is not signed: a token that may write
 * the bucket (of backups, of restores, of deployments; the Worker has no binding to it) can claim a backup that nobody verified.
 * It tells what was seen then, not that the snapshot is still there or that somebody still has the key: `ops drill` does.
 */
import { z } from "zod";
import { BUCKETS, nameInStack, STACKS, type Stack } from "../../infra/inventory.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import type { StackTarget } from "../stack/target.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import { absent, isFailure, type Storage } from "../storage/storage.ts";
import { readSummary } from "./manifest.ts";
import type { Repository } from "./repository/repository.ts";

export const LAST_VERIFIED = "last-verified.json";

const lastVerified = z.object({
  /** Grows when an older reader would misunderstand. */
  format: z.literal(1),
  stack: z.enum(STACKS),
  /** Id of the snapshot, and where its repository is. */
  snapshot: z.string(),
  repository: z.string(),
  /** The state that it holds, milliseconds since the epoch. */
  state_at_ms: z.int(),
  verified_at_ms: z.int(),
});
export type LastVerified = z.infer<typeof lastVerified>;

/** Null where no backup was ever verified. @throws OpsError when the record cannot be read or is none. */
export async function readLastVerified(target: StackTarget, signal: AbortSignal): Promise<LastVerified | null> {
  return withRecord(target, async (storage) => {
    const stored = await readObject(storage, target.stack, signal);
    if (stored === undefined) return null;
    const { data, error } = stored.record;
    if (data) return data;
    throw new OpsError({
      op: "read",
      subject: `${storage.location}${LAST_VERIFIED}`,
      cause: `it is no record of a verified backup: ${z.prettifyError(error).replaceAll("\n", " ")}`,
      hint: `npm run ops -- backup verify --stack ${target.stack} writes it anew`,
    });
  });
}

/**
 * Writes down that a snapshot was restored and compared just now, unless a newer state of the stack is known to be verified. The
 * check has passed either way: where the record cannot be written, a note says so.
 */
export async function recordVerified(
  invocation: Pick<Invocation, "stack" | "target" | "signal" | "note" | "now">,
  repository: Repository,
  id: string,
): Promise<void> {
  const { stack, signal } = invocation;
  const snapshot = await repository.openSnapshot(id);
  const summary = readSummary(snapshot);
  // A repository may keep snapshots of other stacks, too.
  if (summary.stack !== stack) return;
  const { state_at_ms } = summary;
  const verified_at_ms = invocation.now();
  const where = { snapshot: snapshot.info.id, repository: repository.location };
  const record = { format: 1 as const, stack, ...where, state_at_ms, verified_at_ms };
  try {
    await withRecord(await invocation.target(), (storage) => replaceOlder(storage, record, signal));
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    invocation.note(`Warning: deployments do not learn of this check: ${error.message}. Try: ${error.parts.hint}`);
  }
}

/** A snapshot that a check found wanting counts no longer, for deployments either. */
export async function withdrawVerified(target: StackTarget, id: string, signal: AbortSignal): Promise<void> {
  await withRecord(target, async (storage) => {
    const stored = await readObject(storage, target.stack, signal);
    if (stored?.record.data?.snapshot === id) await storage.remove(LAST_VERIFIED, signal);
  });
}

/** What is unreadable is written over, and so is a state of a time to come: the clock that gave it was wrong. */
async function replaceOlder(storage: Storage, record: LastVerified, signal: AbortSignal): Promise<void> {
  for (;;) {
    const stored = await readObject(storage, record.stack, signal);
    const known_ms = stored?.record.data?.state_at_ms ?? 0;
    if (known_ms > record.state_at_ms && known_ms <= record.verified_at_ms) return;
    try {
      await storage.replace(LAST_VERIFIED, Buffer.from(JSON.stringify(record)), stored?.etag ?? null, signal);
      return;
    } catch (error) {
      // Another check ended in the same moment: the newer of the two states stays.
      if (!isFailure(error, "changed")) throw error;
    }
  }
}

async function readObject(storage: Storage, stack: Stack, signal: AbortSignal) {
  const schema = lastVerified.extend({ stack: z.literal(stack) });
  const found = await storage.read(LAST_VERIFIED, signal).catch(absent);
  return found && { etag: found.etag, record: schema.safeParse(jsonIn(Buffer.from(found.body).toString())) };
}

async function withRecord<T>(target: StackTarget, work: (storage: Storage) => Promise<T>): Promise<T> {
  const bucket = nameInStack(BUCKETS.backups.name, target.stack);
  const storage = s3Storage({ ...(await target.s3()), bucket, prefix: "" });
  try {
    return await work(patientStorage(storage));
  } finally {
    storage.close();
  }
}
