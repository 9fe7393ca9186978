/** `ops keys revoke` */
import { z } from "zod";
import { keyPath, keyView } from "../../worker/schemas/keys.ts";
import { parseKey } from "../../worker/security/keys.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { listKeys, revokeKey } from "./keys.ts";

const output = z.union([
  z.strictObject({ id: z.string(), revoked: z.literal(true) }),
  z.strictObject({ dry_run: z.literal(true), key: z.strictObject(keyView.shape).nullable() }),
]);

export const keysRevoke = defineCommand({
  path: "keys revoke",
  group: "security",
  summary: "end a key for good; its callers get 401 within 10 s",
  risk: "destructive",
  args: z.object({
    id: z
      .string()
      // Whoever holds what leaked has the whole key. Its secret goes neither into a request nor into a record.
      .transform((given) => parseKey(given)?.id ?? given)
      .pipe(keyPath.shape.id)
      .describe("the key's id, as npm run ops -- keys list shows it; the whole key will do"),
  }),
  output,
  examples: ["keys revoke 3f9a1c0b7d2e --yes"],
  async run(invocation, { id }): Promise<Outcome<z.infer<typeof output>>> {
    const client = await invocation.client();
    if (invocation.dry_run) {
      const key = (await listKeys(client)).find((candidate) => candidate.id === id) ?? null;
      const text = key === null ? `No key ${id}` : `Would revoke ${id} (${harmless(key.name)})`;
      return { data: { dry_run: true, key }, text, exit_code: key === null ? EXIT.check_failed : EXIT.done };
    }
    await invocation.confirm({ op: "revoke key", subject: id });
    await revokeKey(client, id);
    return { data: { id, revoked: true }, text: `Revoked ${id}`, audit: { detail: { id } } };
  },
});
