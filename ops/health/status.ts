/** `ops status`: one screen about the stack. Each part is asked on its own and says so where it could not be read. */
import { z } from "zod";
import { nameInStack, SERVICE, STACKS } from "../../infra/inventory.ts";
import { iso } from "../../worker/ground/time.ts";
import { alertList } from "../../worker/schemas/alerts.ts";
import { modeView } from "../../worker/schemas/defence.ts";
import { health as publicHealth } from "../../worker/schemas/health.ts";
import { incident } from "../../worker/schemas/incidents.ts";
import { readLastVerified } from "../backup/last-verified.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { defineCommand } from "../command/define.ts";
import { asOpsError, EXIT, OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { shownTime } from "../command/quantities.ts";
import { MODE_PATH, shownMode } from "../defence/mode.ts";
import { HEALTH_CHECK_TIMEOUT_MS } from "../limits.ts";
import { type Client, createClient, decode } from "../service/client.ts";
import type { StackTarget } from "../stack/target.ts";
import { cloudflareStatus, readCloudflareStatus } from "./cloudflare-status.ts";
import { NEXT } from "./row.ts";

/** What was read, or why it could not be. */
function known<T extends z.ZodType>(value: T) {
  return z.union([
    z.strictObject({ known: z.literal(true), value }),
    z.strictObject({ known: z.literal(false), why: z.string() }),
  ]);
}

const facts = { id: true, severity: true } as const;
const alert = alertList.shape.alerts.element.pick({
  ...facts,
  since: true,
  summary: true,
  runbook: true,
  acknowledged: true,
});
const openIncident = incident.pick({ ...facts, title: true, state: true, started_at: true, commander: true });
const output = z.strictObject({
  stack: z.enum(STACKS),
  at: z.iso.datetime(),
  service: known(z.strictObject({ status: z.enum(["healthy", "degraded", "unhealthy"]), url: z.string() })),
  version: known(z.strictObject({ number: z.number(), release: z.string().nullable(), deployed_at: z.string() })),
  mode: known(modeView),
  generations: known(z.strictObject({ database: z.number(), vectors: z.number() })),
  alerts: known(z.array(alert)),
  incidents: known(z.array(openIncident)),
  backup: known(z.strictObject({ snapshot: z.string(), state_at: z.string(), verified_at: z.string() }).nullable()),
  cloudflare: cloudflareStatus,
});
type Status = z.infer<typeof output>;

export const status = defineCommand({
  path: "status",
  group: "health",
  summary:
    "one screen: service, version, mode, firing alerts, open incidents, last verified backup, Cloudflare's own status",
  notes: `What cannot be read says why and hides nothing else. Exit code 1 when the service does not answer well, an alert fires that nobody
has taken, or an incident is open. Cloudflare's page is waited for briefly; PRISM_CLOUDFLARE_STATUS_URL names another one.`,
  risk: "read",
  output,
  examples: ["status", "status --stack production --json"],
  async run(invocation) {
    const data = await readStatus(invocation);
    const now_ms = invocation.now();
    const isWell =
      data.service.known &&
      data.service.value.status !== "unhealthy" &&
      !(data.alerts.known && data.alerts.value.some(({ acknowledged }) => acknowledged === null)) &&
      !(data.incidents.known && data.incidents.value.length > 0);
    return { data, text: statusText(data, now_ms), exit_code: isWell ? EXIT.done : EXIT.check_failed };
  },
});

async function readStatus(invocation: Invocation): Promise<Status> {
  const { stack, signal, env } = invocation;
  const target = await invocation.target();
  const client = target.service().then(({ url, secret }) => ({
    url,
    api: createClient({ url, token: secret, signal, timeout_ms: HEALTH_CHECK_TIMEOUT_MS }),
  }));
  // Each part says itself why there is none.
  client.catch(() => {});
  const [service, version, mode, generations, alerts, incidents, backup, cloudflare] = await Promise.all([
    told(async () => serviceOf(await client)),
    told(() => versionOf(target, signal)),
    told(async () => asked((await client).api, MODE_PATH, modeView)),
    told(async () => {
      const { database, vectors } = await target.resources();
      return { database: database.live, vectors: vectors.live };
    }),
    told(async () => firing((await client).api)),
    told(async () => openIncidents((await client).api)),
    told(async () => {
      const last = await readLastVerified(target, signal);
      return (
        last && { snapshot: last.snapshot, state_at: iso(last.state_at_ms), verified_at: iso(last.verified_at_ms) }
      );
    }),
    readCloudflareStatus(env, signal),
  ]);
  const at = iso(invocation.now());
  return { stack, at, service, version, mode, generations, alerts, incidents, backup, cloudflare };
}

async function told<T>(read: () => Promise<T>): Promise<{ known: true; value: T } | { known: false; why: string }> {
  try {
    return { known: true, value: await read() };
  } catch (error) {
    return { known: false, why: asOpsError(error).message };
  }
}

/** Once: who looks at a screen does not wait for a service that is away. */
async function asked<T>(client: Client, path: string, answer: z.ZodType<T>): Promise<T> {
  const response = await client.send("GET", path);
  if (!response.ok) throw refusedWith(path, response);
  return decode(answer, await response.json(), path);
}

function refusedWith(subject: string, { status: code }: Response): OpsError {
  return new OpsError({ op: "GET", subject, cause: `it answered ${code}`, hint: NEXT.worker });
}

async function serviceOf({ url, api }: { url: string; api: Client }) {
  const response = await api.send("GET", "/health");
  const answer = publicHealth.safeParse(await response.json().catch(() => null));
  // An unhealthy service answers 503 in the same shape; anything else is not what it says of itself.
  if (!answer.success) throw refusedWith(`${url}/health`, response);
  return { status: answer.data.status, url };
}

async function versionOf(target: StackTarget, signal: AbortSignal) {
  const address = await target.api();
  const client = createCloudflare(address, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(HEALTH_CHECK_TIMEOUT_MS)]),
  });
  const script = nameInStack(SERVICE, target.stack);
  const versions = workerVersions(client, address.account_id, script);
  const [serving] = await versions.deployments();
  if (serving === undefined)
    throw new OpsError({
      op: "find what serves",
      subject: script,
      cause: "it was never deployed",
      hint: "npm run ops -- deploy",
    });
  const { number, release } = await versions.version(mainVersion(serving));
  return { number, release, deployed_at: serving.created_on };
}

async function firing(client: Client) {
  const { alerts } = await asked(client, "/api/v1/alerts", alertList);
  const all = alerts.filter(({ state, silenced_until }) => state === "firing" && silenced_until === null);
  return all.map((one) => alert.parse(one));
}

async function openIncidents(client: Client) {
  const answer = z.object({ incidents: z.array(openIncident) });
  return (await asked(client, "/api/v1/incidents?state=open", answer)).incidents;
}

function statusText(found: Status, now_ms: number): string {
  const { service, version, mode, generations, alerts, incidents, backup, cloudflare } = found;
  const ago = (at: string) => `${shownTime(now_ms - Date.parse(at))} ago`;
  const line = (name: string, words: string) => `${name.padEnd(12)}${harmless(words)}`;
  const or = <T>(part: { known: true; value: T } | { known: false; why: string }, words: (value: T) => string) =>
    part.known ? words(part.value) : `not known: ${part.why}`;
  const lines = [
    line(
      "service",
      or(service, ({ status: state, url }) => `${state.toUpperCase()} at ${url}`),
    ),
    line(
      "version",
      or(
        version,
        ({ number, release, deployed_at }) =>
          `${number}${release === null ? "" : ` (${release})`}, deployed ${ago(deployed_at)}`,
      ),
    ),
    line("mode", or(mode, shownMode)),
    line(
      "generations",
      or(generations, ({ database, vectors }) => `database ${database}, vectors ${vectors}`),
    ),
    line(
      "backup",
      or(backup, (last) =>
        last === null
          ? "none was ever verified: npm run ops -- backup verify"
          : `state of ${ago(last.state_at)}, verified ${ago(last.verified_at)} (${last.snapshot})`,
      ),
    ),
    line("cloudflare", cloudflareWords(cloudflare)),
    line(
      "alerts",
      or(alerts, (all) => (all.length === 0 ? "none fires" : `${all.length} firing`)),
    ),
    ...(alerts.known ? alerts.value : []).map(({ id, severity, since, summary, runbook, acknowledged }) =>
      harmless(
        `  ${severity.padEnd(9)} ${id}, since ${ago(since)}: ${summary}${acknowledged === null ? "" : ` (taken by ${acknowledged.by})`}${runbook === null ? "" : ` → npm run ops -- runbook run ${runbook}`}`,
      ),
    ),
    line(
      "incidents",
      or(incidents, (all) => (all.length === 0 ? "none open" : `${all.length} open`)),
    ),
    ...(incidents.known ? incidents.value : []).map(({ id, severity, title, state, started_at, commander }) =>
      harmless(
        `  ${severity.padEnd(9)} #${id} ${title}: ${state}, since ${ago(started_at)}, ${commander ?? "nobody leads it"}`,
      ),
    ),
  ];
  return lines.join("\n");
}

function cloudflareWords({ state, description, impaired, incidents }: Status["cloudflare"]): string {
  if (state === "not reachable") return `not reachable: ${description}`;
  return [description, ...impaired, ...incidents].join("; ");
}
