/** The deployed Worker: its version with all modules, and the names (never the values) of its secrets. */
import type { Cloudflare } from "../../cloudflare/official.ts";
import { mainVersion, workerVersions } from "../../cloudflare/worker-versions.ts";
import { OpsError } from "../../command/errors.ts";

export interface WorkerState {
  version_id: string;
  /** The version as the API gives it, with its modules in base64; secrets have no value there. */
  version: Buffer;
  secret_names: string[];
}

/** @throws OpsError when the Worker was never deployed, and in the API's words. */
export async function readWorker(api: Cloudflare, account_id: string, name: string): Promise<WorkerState> {
  const [serving] = await workerVersions(api, account_id, name).deployments();
  if (serving === undefined)
    throw new OpsError({
      op: "back up the Worker",
      subject: name,
      cause: "it was never deployed",
      hint: "npm run ops -- deploy, then repeat the backup",
      reason: "never-deployed",
    });
  const version_id = mainVersion(serving);
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
