/** One repository into another place, or back, and the check of what arrived. */
import { EXIT, OpsError, type Reason } from "../../command/errors.ts";
import type { Invocation } from "../../command/invocation.ts";
import { patientStorage } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { claimedId, keyAtHand } from "../keys-at-hand.ts";
import { locateRepository } from "../place.ts";
import { openRepository } from "../repository/open-repository.ts";
import type { Finding } from "../repository/repository.ts";
import { copyObjects, type RepositoryCopied } from "./copy-objects.ts";

export interface CopyReport extends RepositoryCopied {
  from: string;
  to: string;
  snapshots: number;
  passed: boolean;
  /** Damage in the copy. */
  findings: Finding[];
}

/** `from`, `to`: places as `--repository` takes them; undefined: the stack's own. @throws OpsError when the target holds another repository. */
export async function copyRepository(
  { target, data_dir, signal, progress }: Invocation,
  { from, to, key_files }: { from: string | undefined; to: string | undefined; key_files: readonly string[] },
): Promise<CopyReport> {
  const [source, copy] = [
    await locateRepository(from, target, process.env),
    await locateRepository(to, target, process.env),
  ];
  try {
    const [there, here] = [patientStorage(source.storage), patientStorage(copy.storage)];
    const id = await idOf(there, here, signal);
    const key = await keyAtHand(there, id, { key_files, data_dir, env: process.env, signal });
    const original = await openRepository(source.storage, key, { signal });
    const snapshots = (await original.listSnapshots()).map((snapshot) => snapshot.id);
    // No prune may take away what is being copied.
    const lease = await original.leaseForRestore(snapshots);
    let copied: RepositoryCopied;
    try {
      let bytes = 0;
      progress.start("kB copied", 0);
      copied = await copyObjects(there, here, {
        signal: AbortSignal.any([signal, lease.lost]),
        on_bytes: (more) => {
          bytes += more;
          progress.update(Math.floor(bytes / 1000));
        },
      });
    } finally {
      progress.stop();
      await lease.release();
      await original.close();
    }
    const arrived = await openRepository(copy.storage, key, { signal });
    const report = await arrived.verifyStructure();
    await arrived.close();
    const findings = report.findings.filter(({ severity }) => severity === "damage");
    return {
      from: there.location,
      to: here.location,
      ...copied,
      snapshots: report.snapshots,
      passed: findings.length === 0,
      findings,
    };
  } finally {
    source.close();
    copy.close();
  }
}

async function idOf(from: Storage, to: Storage, signal: AbortSignal): Promise<string> {
  const refuse = (subject: string, cause: string, hint: string, reason?: Reason) =>
    new OpsError({ op: "copy repository", subject, cause, hint, reason }, { exit_code: EXIT.usage });
  const id = await claimedId(from, signal);
  if (id === null) throw refuse(from.location, "there is none", "name the place where one lies", "no-repository");
  const other = await claimedId(to, signal);
  if (other === null || other === id) return id;
  throw refuse(to.location, `it holds another repository, ${other}`, "name an empty place, or the copy of this one");
}
