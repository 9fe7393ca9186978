/** What is wrong with an object of a repository, as an error that names it. */
import { OpsError, type Reason, refusal } from "../../command/errors.ts";

/** Damaged, missing, swapped, replayed or forged: nothing of it was used. */
export class DamagedObject extends OpsError {
  /** Its key in the repository. */
  readonly object: string;

  constructor(
    object: string,
    cause: string,
    hint: string,
    { reason = "damaged", error }: { reason?: Reason | undefined; error?: unknown } = {},
  ) {
    super({ op: "read", subject: object, cause, hint, reason }, { error });
    this.name = "DamagedObject";
    this.object = object;
  }
}

export const HINTS = {
  damaged:
    "bring the object back from another copy of the repository; npm run ops -- backup verify names the snapshots that are whole",
  forged: "somebody without the signing key wrote it: restore from the off-account copy and look who may write here",
  unreadable: "everything else can be read: look at the rights of this object, or in which class of storage it lies",
  written_anew: "nothing is lost: the next backup writes it anew",
  newer: "use the release that wrote it, or a newer one",
} as const;

/** A key that is not good for what is asked. Nothing was done. */
export const refused = (op: string, subject: string, cause: string, hint: string, reason?: Reason): OpsError =>
  refusal({ op, subject, cause, hint, reason });
