/** One repository into another place, or back, and the check of what arrived. */
import { z } from "zod";
import { counted } from "../../../worker/ground/counted.ts";
import { EXIT, misuse, refusal } from "../../command/errors.ts";
import type { Invocation, Outcome } from "../../command/invocation.ts";
import { shownBytes } from "../../command/quantities.ts";
import { patientStorage } from "../../storage/patient-storage.ts";
import type { Storage } from "../../storage/storage.ts";
import { claimedId } from "../keys-at-hand.ts";
import { patienceOf, withKeyedPlace } from "../open.ts";
import { locateRepository } from "../place.ts";
import type { BackupKey } from "../repository/key-file.ts";
import { openRepository } from "../repository/open-repository.ts";
import { finding, type Repository } from "../repository/repository.ts";
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
  key_file?: readonly string[] | undefined;
  limit_rate?: number | undefined;
}

/** One repository into another place. @throws OpsError when that holds another repository. */
export async function copyRepository(invocation: Invocation, request: CopyRequest): Promise<Outcome<CopyReport>> {
  const report = await copied(invocation, request);
  const { from, to, objects, bytes, kept, snapshots } = report;
  const into = `${from} to ${to}:`;
  if ("dry_run" in report)
    return {
      data: report,
      text: `${into} would copy ${counted(objects, "object")} (${shownBytes(bytes)}), ${kept} are there.`,
    };
  const { passed, findings } = report;
  return {
    data: report,
    text: [
      ...findings.map(({ object, cause }) => `damage: ${object} ${cause}`),
      `${into} ${counted(objects, "object")} copied (${shownBytes(bytes)}), ${kept} were there; ${counted(snapshots, "snapshot")}, ` +
        `${passed ? "all objects at their size" : "NOT whole"}.`,
    ].join("\n"),
    exit_code: passed ? EXIT.done : EXIT.check_failed,
    audit: { detail: report },
  };
}

async function copied(invocation: Invocation, { from, to, key_file, limit_rate }: CopyRequest): Promise<CopyReport> {
  const { target, signal, progress, env, now, dry_run } = invocation;
  const options = { repository: from, key_file: key_file && [...key_file], limit_rate };
  return withKeyedPlace(invocation, options, null, async ({ storage, patient: there, patience, key }) => {
    const copy = await locateRepository(to, target, env);
    try {
      const here = patientStorage(copy.storage, patienceOf({ limit_rate }));
      await refuseAnother(here, key.repository, signal);
      const places = { from: there.location, to: here.location };
      const original = await openRepository(storage, key, { signal, now, patience });
      let done: RepositoryCopied;
      try {
        const keeps_own = await isAhead(original, there, key, here, { signal, now });
        const snapshots = (await original.listSnapshots()).map((snapshot) => snapshot.id);
        if (dry_run) {
          const { missing: _, ...plan } = await planCopy(there, here, signal);
          return { dry_run, ...places, ...plan, snapshots: snapshots.length };
        }
        // No prune may take away what is being copied.
        const lease = await original.leaseForRestore(snapshots);
        let bytes = 0;
        progress.start("kB copied", 0);
        done = await copyObjects(there, here, {
          signal: AbortSignal.any([signal, lease.lost]),
          keeps_own,
          on_bytes: (more) => {
            bytes += more;
            progress.update(Math.floor(bytes / 1000));
          },
        }).finally(() => lease.release());
      } finally {
        progress.stop();
        await original.close();
      }
      const arrived = await openRepository(copy.storage, key, { signal, now });
      const report = await arrived.verifyStructure();
      await arrived.close();
      const findings = report.findings.filter(({ severity }) => severity === "damage");
      return { ...places, ...done, snapshots: report.snapshots, passed: findings.length === 0, findings };
    } finally {
      copy.close();
    }
  });
}

/**
 * Whether the target has snapshots that never were in the original: its own pointer and configuration then know more, and stay.
 * @throws OpsError when the original has such ones, too: neither knows what the other one pruned.
 */
async function isAhead(
  original: Repository,
  there: Storage,
  key: BackupKey,
  here: Storage,
  options: Pick<Invocation, "signal" | "now">,
): Promise<boolean> {
  const [own, ...others] = await original.neverHere(here);
  if (own === undefined) return false;
  const target = await openRepository(here, key, options);
  const [theirs] = await target.neverHere(there).finally(() => target.close());
  if (theirs === undefined) return true;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  throw refusal({
    op: "copy repository to",
    subject: here.location,
    cause: `both went their own way: snapshot ${own}${more} was never in ${original.location}, nor ${theirs} in the target`,
    hint: "name an empty place",
  });
}

async function refuseAnother(place: Storage, repository: string, signal: AbortSignal): Promise<void> {
  const other = await claimedId(place, signal);
  if (other === null || other === repository) return;
  const cause = `it holds another repository, ${other}`;
  const hint = "name an empty place, or the copy of this one";
  throw misuse({ op: "copy repository", subject: place.location, cause, hint });
}
