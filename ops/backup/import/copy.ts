/** One repository into another place, or back, and the check of what arrived. */
import { z } from "zod";
import { EXIT, OpsError, type Reason } from "../../command/errors.ts";
import type { Invocation, Outcome } from "../../command/invocation.ts";
import { patientStorage } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { claimedId, keyAtHand } from "../keys-at-hand.ts";
import { locateRepository } from "../place.ts";
import { openRepository } from "../repository/open-repository.ts";
import { finding } from "../repository/repository.ts";
import { shownBytes } from "../shown.ts";
import { copyObjects, planCopy, type RepositoryCopied, repositoryCopied } from "./copy-objects.ts";

const copyPlan = repositoryCopied.extend({ from: z.string(), to: z.string(), snapshots: z.int() });

/** What `copyRepository` comes to; a dry run counts what it would copy. */
export const copyReport = z.union([
  copyPlan.extend({
    passed: z.boolean(),
    /** Damage in the copy. */
    findings: z.array(finding),
  }),
  copyPlan.extend({ dry_run: z.literal(true) }),
]);
type CopyReport = z.infer<typeof copyReport>;

interface CopyRequest {
  /** Places as `--repository` takes them; undefined: the stack's own. */
  from: string | undefined;
  to: string | undefined;
  key_file: readonly string[] | undefined;
}

/** One repository into another place. @throws OpsError when that holds another repository. */
export async function copyRepository(invocation: Invocation, request: CopyRequest): Promise<Outcome<CopyReport>> {
  const report = await copied(invocation, request);
  const { from, to, objects, bytes, kept, snapshots } = report;
  const into = `${from} to ${to}:`;
  if ("dry_run" in report)
    return { data: report, text: `${into} would copy ${objects} objects (${shownBytes(bytes)}), ${kept} are there.` };
  const { passed, findings } = report;
  return {
    data: report,
    text: [
      ...findings.map(({ object, cause }) => `damage: ${object} ${cause}`),
      `${into} ${objects} objects copied (${shownBytes(bytes)}), ${kept} were there; ${snapshots} snapshots, ` +
        `${passed ? "all objects at their size" : "NOT whole"}.`,
    ].join("\n"),
    exit_code: passed ? EXIT.done : EXIT.check_failed,
    audit: { detail: report },
  };
}

async function copied(
  { target, data_dir, signal, progress, env, now, dry_run }: Invocation,
  { from, to, key_file: key_files = [] }: CopyRequest,
): Promise<CopyReport> {
  const [source, copy] = [await locateRepository(from, target, env), await locateRepository(to, target, env)];
  try {
    const [there, here] = [patientStorage(source.storage), patientStorage(copy.storage)];
    const id = await idOf(there, here, signal);
    const key = await keyAtHand(there, id, { key_files, data_dir, env, signal });
    const original = await openRepository(source.storage, key, { signal, now });
    const snapshots = (await original.listSnapshots()).map((snapshot) => snapshot.id);
    const places = { from: there.location, to: here.location };
    if (dry_run) {
      await original.close();
      const { missing: _, ...plan } = await planCopy(there, here, signal);
      return { dry_run, ...places, ...plan, snapshots: snapshots.length };
    }
    // No prune may take away what is being copied.
    const lease = await original.leaseForRestore(snapshots);
    let done: RepositoryCopied;
    try {
      let bytes = 0;
      progress.start("kB copied", 0);
      done = await copyObjects(there, here, {
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
    const arrived = await openRepository(copy.storage, key, { signal, now });
    const report = await arrived.verifyStructure();
    await arrived.close();
    const findings = report.findings.filter(({ severity }) => severity === "damage");
    return { ...places, ...done, snapshots: report.snapshots, passed: findings.length === 0, findings };
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
