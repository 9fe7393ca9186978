/** What the verbs of `ops backup key` share: the repository with the key at hand, and what a change of its keys comes to. */
import { z } from "zod";
import type { Invocation, Outcome } from "../../command/invocation.ts";
import { writeOutput } from "../../command/output-file.ts";
import { type RepositoryOptions, withKeyedPlace } from "../open.ts";
import { keyAdministration } from "../repository/key-administration.ts";
import { type BackupKey, formatKey } from "../repository/key-file.ts";

export const NOTES = "Changes need the escrowed key. No part is written anew for them.";

export const out = z.string().meta({ placeholder: "file", description: "where the new key file goes" });

export const keyChange = z.strictObject({
  dry_run: z.boolean(),
  repository: z.string(),
  change: z.enum(["add-reader", "add-writer", "add-passphrase", "remove-reader", "remove-writer", "remove-passphrase"]),
  name: z.string(),
  /** Of the key that was made; null where none was. */
  file: z.string().nullable(),
});
type KeyChange = z.infer<typeof keyChange>;

/** Does `work`, or tries it where nothing may be changed. The key that it makes goes into `file`, which must be new. */
export async function changeKeys(
  invocation: Invocation,
  options: RepositoryOptions,
  { change, name, file = null }: Pick<KeyChange, "change" | "name"> & { file?: string | null | undefined },
  work: (keys: ReturnType<typeof keyAdministration>) => Promise<BackupKey | null>,
): Promise<Outcome<KeyChange>> {
  const { dry_run, signal } = invocation;
  return await withKeyedPlace(invocation, options, null, async ({ patient, key }) => {
    let made = null as BackupKey | null;
    const make = async () => {
      made = await work(keyAdministration(patient, key, signal, dry_run));
      return made === null || dry_run ? null : formatKey(made);
    };
    // A key that is let in and cannot be kept would open nothing for anybody.
    if (file === null) await make();
    else await writeOutput(file, { op: "write the key into", is_new: true, mode: 0o600 }, make);
    const detail = { repository: key.repository, change, name };
    const written = made === null ? null : file;
    const [done, goes] = dry_run ? ["it can be done", "would go"] : ["done", "is"];
    return {
      data: { dry_run, ...detail, file: written },
      text: `${change} ${name}: ${done}${written === null ? "" : `, its key ${goes} in ${written}`}.`,
      audit: { detail },
    };
  });
}
