/** D1: one database a generation; the Worker is bound to the live one. */
import { D1Database } from "@pulumi/cloudflare";
import { accountId } from "./account.ts";
import { config, stack } from "./config.ts";
import { DATABASE, generationName } from "./inventory.ts";
import { keep } from "./protection.ts";

export const databases = config.database.generations.map((generation) => {
  const name = `${DATABASE.name}-g${generation}`;
  return {
    generation,
    name: generationName(DATABASE, generation, stack),
    resource: new D1Database(
      name,
      {
        accountId,
        name: generationName(DATABASE, generation, stack),
        // Left out, the provider reads a mode back that it then wants to change.
        readReplication: { mode: "disabled" },
      },
      keep(name),
    ),
  };
});
