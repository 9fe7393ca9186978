/** Versions of Worker scripts on the game day's account: the watchdog, and releases with something wrong in front of the served code. */
import { COMPATIBILITY, SERVICE, WATCHDOG } from "../../infra/inventory.ts";
import type { Cloudflare } from "../cloudflare/official.ts";

export interface Account {
  client: Cloudflare;
  account_id: string;
}

interface Version {
  /** ES modules by path; the first is the main one. */
  modules: Record<string, string>;
  flags?: readonly string[];
  bindings: readonly unknown[];
}

/** A release that serves callers. */
export interface Release {
  version_id: string;
  /** Of its main module. */
  source: string;
  bindings: readonly { name: string }[];
}

/** Deploys a version with all traffic, as somebody would who is in a hurry: no trial, no share. The version's id. */
export async function deployVersion(account: Account, script: string, version: Version): Promise<string> {
  const { client, account_id } = account;
  const [main_module = ""] = Object.keys(version.modules);
  const made = await client.post<{ result: { id: string } }>(
    `/accounts/${account_id}/workers/workers/${script}/versions`,
    {
      body: {
        main_module,
        modules: Object.entries(version.modules).map(([name, source]) => ({
          name,
          content_type: "application/javascript+module",
          content_base64: Buffer.from(source).toString("base64"),
        })),
        compatibility_date: COMPATIBILITY.date,
        compatibility_flags: [...COMPATIBILITY.flags, ...(version.flags ?? [])],
        bindings: version.bindings,
      },
    },
  );
  const { id } = made.result;
  await client.post(`/accounts/${account_id}/workers/scripts/${script}/deployments`, {
    body: { strategy: "percentage", versions: [{ version_id: id, percentage: 100 }] },
  });
  return id;
}

/** The watchdog as production has it: the same bundle, fewer bindings, a cron of its own. */
export async function deployWatchdog(account: Account, { source, bindings }: Release): Promise<void> {
  const { client, account_id } = account;
  const names: readonly string[] = WATCHDOG.bindings;
  await client.post(`/accounts/${account_id}/workers/workers`, { body: { name: WATCHDOG.name } });
  await deployVersion(account, WATCHDOG.name, {
    modules: { "worker.js": source },
    flags: ["global_fetch_strictly_public"],
    bindings: bindings.filter(({ name }) => names.includes(name)),
  });
  await client.workers.scripts.schedules.update(WATCHDOG.name, { account_id, body: [{ cron: WATCHDOG.cron }] });
}

/** A release of the served code with `statements` before its own answer to `request`, deployed with all traffic. `rest`: cron and the queue's consumer. */
export async function deployRelease(
  account: Account,
  { source, bindings }: Release,
  statements: string,
  rest: "works" | "throws" = "works",
): Promise<string> {
  const dead = ["scheduled", "queue"].map(
    (handler) => `, ${handler}() { throw new Error("game day: no ${handler}"); }`,
  );
  return deployVersion(account, SERVICE, {
    modules: {
      "release.js": `import worker from "./served.js";
export * from "./served.js";
export default { ...worker, fetch(request, env, ctx) { ${statements} return worker.fetch(request, env, ctx); }${rest === "works" ? "" : dead.join("")} };`,
      "served.js": source,
    },
    bindings,
  });
}
