/** The deployed Worker: its version with all modules, and the names (never the values) of its secrets. */
import type { Cloudflare } from "../../cloudflare/official.ts";
import type { StackResources } from "../../stack/target.ts";
import type { SnapshotInventory } from "../manifest.ts";

export interface WorkerState {
  version_id: string;
  /**
   * The version as the API gives it, with its modules in base64; secrets have no value there. A version never changes: where the snapshot before
   * holds it, it is not read, and this is the id of its part.
   */
  version: Buffer | string;
  secret_names: string[];
}

/** `known`: what the snapshot before holds, null to read anew. @throws OpsError in the API's words. */
export async function readWorker(
  api: Cloudflare,
  { account_id, worker: { name, version_id } }: Pick<StackResources, "account_id" | "worker">,
  known: SnapshotInventory["worker"],
): Promise<WorkerState> {
  if (known?.name === name && known.version_id === version_id) return known;
  const version = await api.workers.beta.workers.versions.get(version_id, {
    account_id,
    worker_id: name,
    include: "modules",
  });
  const secret_names = (version.bindings ?? []).flatMap((binding) =>
    binding.type === "secret_text" ? [binding.name] : [],
  );
  return { version_id, version: Buffer.from(JSON.stringify(version)), secret_names: secret_names.sort() };
}
