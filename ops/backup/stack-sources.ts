/** A stack's stores as a snapshot reads them. */
import { liveOf } from "../../infra/outputs.ts";
import { createCloudflare, retryTold } from "../cloudflare/api.ts";
import { RequestBudget } from "../cloudflare/request-budget.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { restD1 } from "../d1/rest-connection.ts";
import type { StackTarget } from "../stack/target.ts";
import { patientStorage } from "../storage/patient-storage.ts";
import { s3Storage } from "../storage/s3-storage.ts";
import type { SnapshotSources } from "./snapshot/take.ts";

export interface StackSources extends SnapshotSources {
  /** The stack as it was found: its resources are not asked for again. */
  target: StackTarget;
  stores: NonNullable<SnapshotSources["stores"]>;
  budget: RequestBudget;
  /** Ends connections. */
  close(): void;
}

/** `budget`: of the token, where others have drawn on it or time is simulated. @throws OpsError when the stack cannot be found. */
export async function stackSources(
  invocation: Pick<Invocation, "signal" | "stack" | "target" | "note" | "env">,
  budget = new RequestBudget(),
): Promise<StackSources> {
  const { signal, stack } = invocation;
  const target = await invocation.target();
  const api = createCloudflare(await target.api(), {
    signal,
    budget,
    on_retry: (retry) => invocation.note(retryTold(retry)),
  });
  const resources = await target.resources();
  const { account_id, buckets, s3, database } = resources;
  const live = liveOf(database);
  if (live === undefined)
    throw new OpsError({
      op: "back up stack",
      subject: stack,
      cause: `its live database, generation ${database.live}, is none of those that exist`,
      hint: `npm run ops -- drift --stack ${stack}`,
    });
  const opened = {
    vectors: s3Storage({ ...s3, bucket: buckets.vectors, prefix: "" }),
    audit: s3Storage({ ...s3, bucket: buckets.audit, prefix: "" }),
  };
  return {
    stack,
    target: { ...target, resources: async () => resources },
    database: {
      id: live.id,
      name: live.name,
      connection: restD1(api, account_id, live.id),
      bookmark: async () => (await api.d1.database.timeTravel.getBookmark(live.id, { account_id })).bookmark ?? null,
    },
    stores: {
      api,
      resources,
      signal,
      vectors: patientStorage(opened.vectors),
      audit: patientStorage(opened.audit),
      exportStack: () => exportStack(invocation),
    },
    budget,
    close: () => {
      for (const storage of Object.values(opened)) storage.close();
    },
  };
}

/** A restore needs no state of Pulumi: without it `ops adopt` takes over what is there. So a backup does not fail for the lack of it. */
async function exportStack({
  stack,
  signal,
  note,
  env,
}: Pick<Invocation, "stack" | "signal" | "note" | "env">): Promise<Buffer | null> {
  if (stack === "local") return null;
  try {
    const { pulumiEngine } = await import("../stack/pulumi-engine.ts");
    return Buffer.from(await (await pulumiEngine(stack, env, signal)).run(["stack", "export"]));
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    note(`The snapshot goes without Pulumi's state of the stack: ${error.parts.cause}`);
    return null;
  }
}
