/** The Worker's versions and the deployments that send traffic to them, over Cloudflare's API. */
import { z } from "zod";
import { readVersionNote, type VersionNote } from "../../infra/version-note.ts";
import { refusalCodes } from "./failures.ts";
import type { Cloudflare } from "./official.ts";

/** Share of the traffic that a version of a deployment gets; 0 to 100, together 100. */
const share = z.object({ version_id: z.string(), percentage: z.number() });
export type Share = z.infer<typeof share>;

const deployment = z.object({ id: z.string(), created_on: z.string(), versions: z.array(share) });
export type Deployment = z.infer<typeof deployment>;

const NO_SUCH_WORKER = 10007;

/** The official client believes in a page of items here. The first deployment is the latest. */
const deploymentList = z.object({ deployments: z.array(deployment) });

export interface DeployedVersion extends VersionNote {
  id: string;
  number: number;
  created_on: string;
  /** Short name of its release, where it has one. */
  release: string | null;
  /** As the API shows them: secrets without a value. */
  bindings: Record<string, unknown>[];
  migration_tag: string | null;
}

export interface WorkerVersions {
  readonly script: string;
  /** Newest first: the first one serves. Empty before the first deployment, when the Worker does not exist yet. */
  deployments(): Promise<Deployment[]>;
  version(id: string): Promise<DeployedVersion>;
  /** Sends the traffic to these versions, at once. Changes nothing else. */
  deploy(shares: readonly Share[]): Promise<void>;
}

/** @throws OpsError from every method, as `createCloudflare` makes them. */
export function workerVersions(client: Cloudflare, account_id: string, script: string): WorkerVersions {
  const account = { account_id };
  return {
    script,
    deployments: async () => {
      const page = await client.workers.scripts.deployments.list(script, account).catch((error: unknown) => {
        if (refusalCodes(error).includes(NO_SUCH_WORKER)) return null;
        throw error;
      });
      return page === null ? [] : deploymentList.parse(page.result).deployments;
    },
    version: async (id) => {
      const found = await client.workers.beta.workers.versions.get(id, { ...account, worker_id: script });
      const { annotations, bindings = [], migration_tag } = found;
      return {
        id,
        number: found.number,
        created_on: found.created_on,
        release: annotations?.["workers/tag"] ?? null,
        ...readVersionNote(annotations?.["workers/message"]),
        bindings: bindings.map((binding) => ({ ...binding })),
        migration_tag: migration_tag ?? null,
      };
    },
    deploy: async (versions) => {
      await client.workers.scripts.deployments.create(script, {
        ...account,
        strategy: "percentage",
        versions: [...versions],
      });
    },
  };
}

/** The version that has the larger share of a deployment. */
export function mainVersion({ versions }: Deployment): string {
  return versions.toSorted((a, b) => b.percentage - a.percentage)[0]?.version_id ?? "";
}
