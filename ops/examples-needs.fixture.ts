/** For tests: what must be there before an example is typed, and what stands in it for a word that nobody can know before. */
import { rmSync } from "node:fs";
import { CRONS, QUEUES, SERVICE } from "../infra/inventory.ts";
import { readMigrations } from "../infra/migration-files.ts";
import { writeVersionNote } from "../infra/version-note.ts";
import { generateReader } from "./backup/repository/key-file.ts";
import { asOpsError, EXIT } from "./command/errors.ts";
import type { Progress } from "./command/progress.ts";
import { typed } from "./command/typed.fixture.ts";
import { account, type Desk, giveChannelSecrets, layOutEscrow } from "./examples.fixture.ts";

/** Words of an example, and what is typed in their place. */
type Stands = Readonly<Record<string, string>>;
type Need = (desk: Desk) => Promise<Stands>;

/** What a person exports who works on a passphrase. */
export const withPassphrase = () => ({ ...process.env, PRISM_BACKUP_PASSPHRASE: "correct horse battery staple" });

const lines = async (...all: readonly string[]): Promise<Stands> => {
  for (const line of all) await typed(line);
  return {};
};

/** A snapshot of the local stack with documents of both tenants, another repository with one, and the key of both. */
async function snapshots({ service }: Desk): Promise<Stands> {
  const ofAcme = await service.key({ tenant: "acme", scopes: ["read", "write"] });
  for (const [id, key] of [["tea"], ["runbooks/leaked-api-key.md"], ["tea", ofAcme]] as const)
    await service.call("PUT", `/api/v1/documents/${encodeURIComponent(id)}`, { text: `Of ${id}.` }, key ? { key } : {});
  const { data } = await typed("backup create --tag before-migration --full");
  const id: string = data.snapshot.id;
  layOutEscrow();
  const at = new Date().toISOString();
  return { "3fa9": id, "3f2a": id, "81c0": id, "2026-11-20T12:00:00Z": at, "--at 2d": `--at ${at}` };
}

async function otherPlaces({ platform }: Desk): Promise<Stands> {
  for (const place of ["plain", "what-is-left", "here", "copied"]) rmSync(place, { recursive: true, force: true });
  return { "endpoint=https://…": `endpoint=${platform.s3_url}`, "/media/vault": "./copied" };
}

async function incident(): Promise<Stands> {
  const { data } = await typed('incident open "Search is slow" --severity SEV-3');
  await typed(`incident update ${data.incident.id} --action "Alert on orphan vectors"`);
  return { " 12": ` ${data.incident.id}` };
}

/** A job that reports its failure: the one alert that needs neither traffic nor time. */
async function alertThatFires(desk: Desk): Promise<Stands> {
  await report(desk, "fail");
  return { "error-rate": "job-failed:nightly" };
}

async function quiet(desk: Desk): Promise<Stands> {
  await report(desk, "success");
  return {};
}

async function report({ service, platform }: Desk, result: "fail" | "success"): Promise<void> {
  await service.call("POST", "/api/v1/heartbeats/nightly", { result });
  await platform.runtime.triggerSchedule(SERVICE, CRONS.worker.checks);
}

async function alertsConfigured(desk: Desk): Promise<Stands> {
  await giveChannelSecrets(desk);
  return lines("alerts configure alerts.yaml");
}

async function deadLetter({ platform, service }: Desk): Promise<Stands> {
  const documents = [{ id: "late", text: "It was late." }];
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  await service.job(json.job_id);
  const id = "4f6c0a1e8b";
  const body = { type: "ingest", job_id: json.job_id, part: 0 };
  await platform.runtime.deliver(SERVICE, QUEUES.dead.name, [{ id, timestamp: new Date(), attempts: 1, body }]);
  return {};
}

async function purgedLetter(desk: Desk): Promise<Stands> {
  await deadLetter(desk);
  const { data } = await typed("queue purge --yes");
  return { "purged-messages/2026-03-01T02-00-00-000Z.ndjson": data.copies[0] };
}

/** As after a rollback to a release from before the newest migration. */
async function olderRelease({ platform }: Desk): Promise<Stands> {
  const { registry } = platform.runtime;
  const note = writeVersionNote({ schema: readMigrations().at(-2)?.name ?? "", fingerprint: null });
  for (const { id, ...version } of registry.list("version"))
    registry.put("version", id, { id, ...version, annotations: { "workers/message": note } });
  return {};
}

/** Types a line on a machine that goes off when that stretch of work begins. */
async function interrupted(line: string, stretch: RegExp): Promise<Stands> {
  const start = (label: string) => {
    if (stretch.test(label)) throw new Error("the machine went off");
  };
  const progress: Progress = { start, update: () => {}, stop: () => {} };
  await typed(line, { progress }).then(
    () => Promise.reject(new Error(`${line} was not interrupted`)),
    () => {},
  );
  return {};
}

/** One that is over, a week later. */
async function oldDatabase(): Promise<Stands> {
  await typed("generation move database --yes");
  const { live, generations } = (await typed("generation list")).data.database;
  const old = generations.find(({ generation }: { generation: number }) => generation !== live);
  return { "database 1": `database ${old.generation}` };
}

async function vault(desk: Desk): Promise<Stands> {
  await account(desk, "POST", "r2/buckets", { name: "vault" }).catch(() => {});
  const stands = { ...(await snapshots(desk)), ...(await otherPlaces(desk)) };
  return { ...stands, ...(await lines("backup create --repository ./vault")) };
}

/** A repository to which that key was added, by this example's need or by an example before it. */
async function keyAdded(desk: Desk, line: string): Promise<Stands> {
  const stands = await vault(desk);
  rmSync("of-ci.json", { force: true });
  await typed(`backup key ${line} --key-file ./escrow.json`, { env: withPassphrase() }).catch((thrown: unknown) => {
    // Refused where the name is taken.
    if (asOpsError(thrown).exit_code !== EXIT.refused) throw thrown;
  });
  return stands;
}

/** Before the first example of a command; or before one example, by its own words. */
export const NEEDS: Readonly<Record<string, Need>> = {
  "alerts ack": alertThatFires,
  "incident open --alert error-rate": alertThatFires,
  "alerts test-channel": alertsConfigured,
  oncall: alertsConfigured,
  "incident update": incident,
  "incident resolve": async (desk) => ({ ...(await quiet(desk)), ...(await incident()) }),
  "incident postmortem": incident,
  "runbook run search-wrong --resume": async () => {
    await typed("runbook run search-wrong", { ask: async () => "q" });
    return {};
  },
  "migrate revert": olderRelease,
  "generation undo": () => lines("generation move all --yes"),
  "generation resume": () => interrupted("generation move all --yes", /compare/),
  "generation cancel": () => interrupted("generation move all --yes", /compare/),
  "generation drop database 1 --dry-run": oldDatabase,
  "backup create": vault,
  'backup create --stack production --repository "s3://vault/prism?endpoint=https://…" --json': async ({
    platform,
  }) => {
    const place = `"s3://vault/of-production?endpoint=${platform.s3_url}"`;
    await typed(`backup create --stack production --repository ${place} --init .prism/backup-keys`);
    return { "vault/prism": "vault/of-production" };
  },
  "backup list": vault,
  "backup stats": vault,
  "backup show": vault,
  "backup documents": vault,
  "backup diff": vault,
  "backup verify": vault,
  "backup prune": vault,
  "backup export": vault,
  "backup export ./plain --table documents --table tenants": otherPlaces,
  "backup import": async (desk) => ({
    ...(await vault(desk)),
    ...(await lines(
      "backup export --as-repository --to ./copied",
      `backup export --as-repository --to "s3://vault/prism?endpoint=${desk.platform.s3_url}"`,
    )),
  }),
  "backup key list": vault,
  "backup key add-reader": async (desk) => ({ ...(await vault(desk)), "age1…": (await generateReader()).recipient }),
  "backup key add-writer": vault,
  "backup key add-passphrase": vault,
  "backup key remove-reader": async (desk) =>
    keyAdded(desk, `add-reader auditor --recipient ${(await generateReader()).recipient}`),
  "backup key remove-writer ci --key-file ./escrow.json --yes": (desk) =>
    keyAdded(desk, "add-writer ci --out ./of-ci.json"),
  "backup key remove-writer ci --until 2026-11-20T12:00:00Z --key-file ./escrow.json --dry-run": async (desk) => ({
    ...(await keyAdded(desk, "add-writer another --out ./of-ci.json")),
    "remove-writer ci": "remove-writer another",
  }),
  "backup key remove-passphrase": (desk) => keyAdded(desk, "add-passphrase safe"),
  "vacuum --rebuild --yes --json": async (desk) => ({ ...(await snapshots(desk)), ...(await lines("backup verify")) }),
  "restore plan": snapshots,
  "restore apply": snapshots,
  "restore apply --resume --yes": () => interrupted("restore apply --yes", /compare/),
  "restore document": snapshots,
  "restore table": snapshots,
  "restore undo": async (desk) => ({ ...(await snapshots(desk)), ...(await lines("restore apply --yes")) }),
  drill: snapshots,
  "keys revoke": async () => ({ "3f9a1c0b7d2e": (await typed("keys create --name nobody")).data.id }),
  "secrets rotate API_SECRET --retire --yes --json": () => lines("secrets rotate API_SECRET"),
  "bootstrap --stack production --account 023e105f4ecef8ad9ca31a8372d0c353 --dry-run": async ({ platform }) => ({
    "023e105f4ecef8ad9ca31a8372d0c353": platform.account_id,
  }),
  "capacity --measure 20000 --json": async () => ({ "20000": "200" }),
  unblock: () => lines('block 203.0.113.7 --reason "tries keys"'),
  "queue peek": deadLetter,
  "queue replay --dry-run": deadLetter,
  "queue replay 4f6c0a1e8b --json": deadLetter,
  "queue replay --copy purged-messages/2026-03-01T02-00-00-000Z.ndjson": purgedLetter,
  "queue purge --dry-run": deadLetter,
  "queue purge 4f6c0a1e8b --yes": deadLetter,
};
