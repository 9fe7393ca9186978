/** What the commands of migrations look at: the files of this checkout, what has run on the live database, what is deployed. */
import { type Migration, readMigrations } from "../../infra/migration-files.ts";
import { mainVersion } from "../cloudflare/worker-versions.ts";
import type { Invocation } from "../command/invocation.ts";
import type { D1Connection } from "../d1/connection.ts";
import { liveDatabase, openStack } from "../stack/delivery.ts";
import { appliedMigrations } from "./ledger.ts";
import type { Deployed } from "./plan.ts";

interface OpenMigrations {
  database: D1Connection;
  files: Migration[];
  /** Oldest first. */
  applied: string[];
  deployed: Deployed;
}

/** @throws OpsError when the stack cannot be found. */
export async function openMigrations(invocation: Invocation): Promise<OpenMigrations> {
  const stack = await openStack(invocation);
  const database = await liveDatabase(stack);
  const [live] = await stack.versions.deployments();
  const deployed: Deployed = live
    ? { kind: "version", schema: (await stack.versions.version(mainVersion(live))).schema }
    : { kind: "nothing" };
  return { database, files: readMigrations(), applied: await appliedMigrations(database), deployed };
}
