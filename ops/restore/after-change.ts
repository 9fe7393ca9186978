/** What a restore throws once the live stores have changed: it is done in part, and can go on. */
import { asOpsError, EXIT, OpsError } from "../command/errors.ts";
import { UnequalRestore } from "./derived-checks.ts";

/**
 * `so_far`: what is done and what is left, in words. A check that fails keeps its own error, which says how to overrule it.
 * @throws OpsError with exit code 4 for whatever else `work` throws.
 */
export async function afterChange<T>(source: string, so_far: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnequalRestore) throw error;
    const { cause, hint, reason } = asOpsError(error).parts;
    const next = "then go on: npm run ops -- restore apply --resume --yes";
    throw new OpsError(
      { op: "restore", subject: source, cause: `${so_far}: ${cause}`, hint: `${hint}; ${next}`, reason },
      { exit_code: EXIT.partial, error },
    );
  }
}
