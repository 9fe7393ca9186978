/**
 * What Cloudflare's API says of each part, asked directly: the way that is left where the Worker does not answer. Each part is asked on its
 * own, so that one failure hides no other.
 */
import {
  cronsOf,
  DATABASE,
  KV_NAMESPACES,
  nameInStack,
  QUEUES,
  SERVICE,
  type Stack,
  VECTOR_INDEX,
} from "../../infra/inventory.ts";
import { counted } from "../../worker/ground/counted.ts";
import { queueId } from "../cloudflare/account-resources.ts";
import { type CloudflareAddress, createCloudflare } from "../cloudflare/api.ts";
import { refusalCodes } from "../cloudflare/failures.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { asOpsError, OpsError } from "../command/errors.ts";
import { shownBytes } from "../command/quantities.ts";
import { queryNumber } from "../d1/query.ts";
import { restD1 } from "../d1/rest-connection.ts";
import { HEALTH_CHECK_TIMEOUT_MS } from "../limits.ts";
import { type HealthRow, NEXT, type Part, type State } from "./row.ts";

interface Finding {
  state: State;
  detail: string;
}

interface Asked {
  client: Cloudflare;
  account_id: string;
  stack: Stack;
  script: string;
  /** What the serving version is bound to, by name. @throws where there is none. */
  bound(name: string): Promise<Record<string, unknown>>;
}

/** The API knows no such path: what stands in for it on this machine lacks some. */
const NO_SUCH_ROUTE = 7003;
/** Nothing is said of the part where the question did not get through. */
const NOT_JUDGED: ReadonlySet<number> = new Set([401, 403, 429]);

const CHECKS: Readonly<Record<Exclude<Part, "quota">, (asked: Asked) => Promise<Finding>>> = {
  async worker({ client, account_id, script }) {
    const versions = workerVersions(client, account_id, script);
    const [serving] = await versions.deployments();
    if (serving === undefined) return down(`${script} was never deployed`);
    const { number, release } = await versions.version(mainVersion(serving));
    return up(`version ${number}${release === null ? "" : ` (${release})`} deployed ${serving.created_on}`);
  },
  async database({ client, account_id, bound }) {
    // The API spells the id of a D1 binding either way, by endpoint.
    const { id, database_id } = await bound(DATABASE.binding);
    const database = String(id ?? database_id);
    const sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
    try {
      const tables = await queryNumber(restD1(client, account_id, database), sql);
      return tables > 0
        ? up(`${counted(tables, "table")}`)
        : down("it has no tables: run the migrations, or restore a backup");
    } catch (error) {
      // A query counts as a write: a token that only reads is told that the database is there.
      if (asOpsError(error).status !== 403) throw error;
      const { file_size } = await client.d1.database.get(database, { account_id });
      return up(`it is there (${shownBytes(file_size ?? 0)}); this token may not query it`);
    }
  },
  async vectorize({ client, account_id, bound }) {
    const { index_name } = await bound(VECTOR_INDEX.binding);
    const info = await client.vectorize.indexes.info(String(index_name), { account_id });
    return up(`vectors ${info?.vectorCount ?? "?"}, dimensions ${info?.dimensions ?? "?"}`);
  },
  async kv({ client, account_id, bound }) {
    const names = Object.values(KV_NAMESPACES);
    for (const { binding } of names) {
      const { namespace_id } = await bound(binding);
      await client.kv.namespaces.keys.list(String(namespace_id), { account_id, limit: 10 });
    }
    return up(`${counted(names.length, "namespace")} listed`);
  },
  async ai({ client, account_id }) {
    await client.ai.models.list({ account_id, per_page: 1 });
    return up("models listed");
  },
  async queue({ client, account_id, stack }) {
    const id = await queueId(client, account_id, QUEUES.ingest, stack);
    const { consumers_total_count } = await client.queues.get(id, { account_id });
    return consumers_total_count === 0 ? down("it has no consumer: nobody takes its messages") : up("has a consumer");
  },
  async crons({ client, account_id, stack, script }) {
    const { schedules } = await client.workers.scripts.schedules.get(script, { account_id });
    const declared = cronsOf(stack);
    const there = new Set(schedules.map(({ cron }) => cron));
    const missing = declared.filter((cron) => !there.has(cron));
    return missing.length === 0
      ? up(`${counted(declared.length, "trigger")} set`)
      : down(`triggers are missing: ${missing.join(", ")}`);
  },
};

/** All parts, or those named. Never throws. */
export async function accountRows(
  address: () => Promise<CloudflareAddress>,
  stack: Stack,
  signal: AbortSignal,
  parts: readonly Part[],
): Promise<HealthRow[]> {
  const script = nameInStack(SERVICE, stack);
  const asking = async (): Promise<Asked> => {
    const found = await address();
    const { account_id } = found;
    const client = createCloudflare(found, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(HEALTH_CHECK_TIMEOUT_MS)]),
    });
    const versions = workerVersions(client, account_id, script);
    let bindings: Promise<Record<string, unknown>[]> | undefined;
    const ofServing = async () => {
      const [serving] = await versions.deployments();
      return serving === undefined ? [] : (await versions.version(mainVersion(serving))).bindings;
    };
    const bound = async (name: string) => {
      bindings ??= ofServing();
      const one = (await bindings).find((binding) => binding.name === name);
      if (one === undefined)
        throw new OpsError({
          op: "find binding",
          subject: name,
          cause: `what serves as ${script} has none`,
          hint: NEXT.worker,
        });
      return one;
    };
    return { client, account_id, stack, script, bound };
  };
  const asked = asking();
  return Promise.all(parts.map((part) => rowOf(part, asked)));
}

async function rowOf(part: Part, asked: Promise<Asked>): Promise<HealthRow> {
  const row = { part, asked: "account" } as const;
  if (part === "quota")
    return { ...row, state: "unknown", latency_ms: null, detail: "the meter is asked through the Worker alone" };
  const begun_ms = performance.now();
  const found = await asked.then(CHECKS[part]).catch(failed);
  return { ...row, ...found, latency_ms: Math.round(performance.now() - begun_ms) };
}

function failed(error: unknown): Finding {
  const { status, reason, message } = asOpsError(error);
  const isJudged = reason === undefined && !NOT_JUDGED.has(status ?? 0) && !refusalCodes(error).includes(NO_SUCH_ROUTE);
  return { state: isJudged || reason === "resource-missing" ? "down" : "unknown", detail: message };
}

function up(detail: string): Finding {
  return { state: "up", detail };
}

function down(detail: string): Finding {
  return { state: "down", detail };
}
