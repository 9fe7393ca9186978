/** `ops keys list` */
import { z } from "zod";
import { keyView } from "../../worker/schemas/keys.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { listKeys } from "./keys.ts";

export const keysList = defineCommand({
  path: "keys list",
  group: "security",
  summary: "list keys, revoked ones included, without their secrets",
  risk: "read",
  output: z.strictObject({ keys: z.array(z.strictObject(keyView.shape)) }),
  examples: ["keys list --json"],
  async run(invocation) {
    const keys = await listKeys(await invocation.client());
    const text = table(invocation.terminal, keys, [
      { title: "id", value: (key) => key.id },
      { title: "name", value: (key) => key.name },
      { title: "tenant", value: (key) => key.tenant },
      { title: "scopes", value: (key) => key.scopes.join(",") },
      { title: "tier", value: (key) => key.rate_tier },
      { title: "quota", value: (key) => key.daily_quota ?? "-", align: "right" },
      { title: "created", value: (key) => key.created_at },
      { title: "expires", value: (key) => key.expires_at ?? "-" },
      { title: "revoked", value: (key) => key.revoked_at ?? "-" },
    ]);
    return { data: { keys }, text };
  },
});
