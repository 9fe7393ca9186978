/**
 * Leases: who is at work on a repository. Objects under `locks/`, renewed by conditional writes; told dead by the
 * storage's clock, never by this machine's.
 *
 * Whoever starts writes a lease first and then looks for others', so of two that start together at least one sees the
 * other: a prune spares what a backup or a restore uses, and a backup does not start beside a prune.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { OpsError, refusal } from "../../command/errors.ts";
import { LEASE_RENEW_EVERY_MS, LEASE_TTL_MS } from "../../limits.ts";
import { diedHere, MACHINE } from "../../machine.ts";
import { absent, isFailure, objectsUnder } from "../../storage/storage.ts";
import { LEASES } from "./layout.ts";
import type { Opened } from "./opened.ts";
import type { Lease } from "./repository.ts";

const LeaseFile = z.object({
  kind: z.enum(["backup", "restore", "prune"]),
  /** For people. */
  owner: z.string(),
  /** Names the running system that `process` is a number of; null where that cannot be told. */
  machine: z.string().nullable(),
  process: z.int(),
  /** Snapshots that must stay. */
  snapshots: z.array(z.string()),
  /** Epochs in which unreferenced objects are somebody's work. */
  epochs: z.array(z.string()),
});
type LeaseFile = z.infer<typeof LeaseFile>;

interface HeldLease extends Lease {
  /** Renews it now. @throws OpsError when another machine took it over. */
  assertHeld(): Promise<void>;
}

interface OtherLease extends LeaseFile {
  id: string;
}

/** `id` names the work: the snapshot's id for a backup. */
export async function takeLease(
  opened: Pick<Opened, "storage" | "signal">,
  use: Pick<LeaseFile, "kind" | "snapshots" | "epochs">,
  id = randomBytes(8).toString("hex"),
): Promise<HeldLease> {
  const { storage, signal } = opened;
  const object = `${LEASES}${id}`;
  const owner = `${hostname()} process ${process.pid}`;
  const file: LeaseFile = { ...use, owner, machine: MACHINE, process: process.pid };
  // Never the same bytes twice: a bucket's etags name contents, and a renewal must be seen.
  let renewals = 0;
  const body = (): Uint8Array => Buffer.from(JSON.stringify({ ...file, renewals }));
  let etag = await storage.create(object, body(), signal);
  const lost = new AbortController();
  let renewed_ms = performance.now();
  let renewing: Promise<void> = Promise.resolve();

  const lose = (error: unknown): OpsError => {
    const cause = "another machine took its lease over, because it was not renewed in time";
    const hint = "repeat the command: it goes on where this one stopped";
    const failure = new OpsError({ op: use.kind, subject: storage.location, cause, hint }, { error });
    lost.abort(failure);
    return failure;
  };
  const renew = async (): Promise<void> => {
    lost.signal.throwIfAborted();
    try {
      renewals += 1;
      etag = await storage.replace(object, body(), etag, signal);
      renewed_ms = performance.now();
    } catch (error) {
      const taken = isFailure(error, "changed", "missing");
      if (taken || performance.now() - renewed_ms > LEASE_TTL_MS) throw lose(error);
      throw error;
    }
  };
  // One at a time: two renewals would take each other for a stranger's.
  const renewInTurn = (): Promise<void> => {
    renewing = renewing.catch(() => {}).then(renew);
    return renewing;
  };
  const timer = setInterval(() => {
    // A storage that fails now may answer at the next renewal; the lease outlives several.
    renewInTurn().catch(() => {});
  }, LEASE_RENEW_EVERY_MS).unref();

  return {
    id,
    lost: lost.signal,
    assertHeld: renewInTurn,
    async release() {
      clearInterval(timer);
      await renewing.catch(() => {});
      // After an interruption the command's own signal is spent; a lease that stays only delays a prune.
      await storage.remove(object, AbortSignal.timeout(LEASE_RENEW_EVERY_MS)).catch(() => {});
    },
  };
}

/** Everybody else's living leases. Dead ones are taken over: their owners, should they wake, find it out before they write. */
export async function otherLeases(opened: Opened, own: Lease): Promise<OtherLease[]> {
  const { others, own_ms } = await leasesThere(opened, own.id);
  const living: OtherLease[] = [];
  for (const { lease, key, etag, modified_ms } of others) {
    const isDead = own_ms - modified_ms > LEASE_TTL_MS || diedHere({ machine: lease.machine, pid: lease.process });
    if (isDead && (await takenOver(opened, key, etag))) {
      opened.warn(`${key}: ${lease.owner} is dead; its lease was taken over`);
    } else living.push(lease);
  }
  return living;
}

/** All leases, of the dead as well, without that of `own`; and when that was written, by the storage's clock: long ago where it is not there. */
export async function leasesThere(opened: Opened, own?: string) {
  const { storage, signal } = opened;
  const others: { lease: OtherLease; key: string; etag: string; modified_ms: number }[] = [];
  let own_ms = Number.NEGATIVE_INFINITY;
  for await (const { key, modified_ms, etag } of objectsUnder(storage, LEASES, signal)) {
    if (key === `${LEASES}${own}`) {
      own_ms = modified_ms;
      continue;
    }
    const object = await storage.read(key, signal).catch(absent);
    if (!object) continue;
    const parsed = LeaseFile.safeParse(safeJson(object.body));
    // Renewed between listing and reading: it lives, whatever the listing said.
    const renewed = object.etag !== etag;
    if (parsed.success) {
      const lease = { id: key.slice(LEASES.length), ...parsed.data };
      others.push({ lease, key, etag, modified_ms: renewed ? Number.POSITIVE_INFINITY : modified_ms });
    } else opened.warn(`${key} is no lease and is ignored`);
  }
  return { others, own_ms };
}

async function takenOver({ storage, signal }: Opened, key: string, etag: string): Promise<boolean> {
  try {
    await storage.replace(key, Buffer.from("{}"), etag, signal);
  } catch (error) {
    if (isFailure(error, "changed")) return false;
    throw error;
  }
  await storage.remove(key, signal);
  return true;
}

/** @throws OpsError (exit code 3) while a prune runs. */
export function refuseBesidePrune(leases: readonly OtherLease[], op: string, subject: string): void {
  const prune = leases.find(({ kind }) => kind === "prune");
  if (prune === undefined) return;
  throw refusal({
    op,
    subject,
    cause: `a prune is running (${prune.owner})`,
    hint: `repeat it when the prune has ended; one that died is taken over ${LEASE_TTL_MS / 60_000} minutes after its last sign of life`,
    reason: "busy",
  });
}

function safeJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}
