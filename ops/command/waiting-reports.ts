/**
 * From this machine to a stack's service, whatever is down meanwhile: a report is kept here first, then sent. Where the service does not take
 * it, it is left in KV, from where cron takes it; where the account cannot be reached either, it waits here for the next command that reports.
 * A report has one id on every way, and whoever takes it takes it once.
 */
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { jsonIn } from "../../worker/ground/json.ts";
import { type WaitingKind, waitingKey } from "../../worker/ground/waiting.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { WAITING_REPORT_TIMEOUT_MS, WAITING_REPORTS_MAX } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
import { makeFolder } from "../storage/make-folder.ts";
import type { Invocation } from "./invocation.ts";

interface Report {
  id: string;
  at_ms: number;
}

/** What differs between audit records, heartbeats and whatever else is reported. */
export interface ReportKind<R extends Report> {
  kind: WaitingKind;
  schema: z.ZodType<R>;
  /** What brings it to the service; a `POST` where it says no method. */
  request(report: R): { method?: "PATCH"; path: string; body: object };
  /** Statuses with which the service says that it needs it no more, besides success. */
  settled: readonly number[];
}

export type Sender = Pick<Invocation, "stack" | "data_dir" | "env" | "note">;

/** Where reports of a kind wait. */
export function waitingFolder<R extends Report>(
  { stack, data_dir }: Pick<Sender, "stack" | "data_dir">,
  { kind }: ReportKind<R>,
): string {
  return join(data_dir, `${kind}-waiting`, stack);
}

/** Keeps a report until it is brought. */
export async function keepReport<R extends Report>(sender: Sender, kind: ReportKind<R>, report: R): Promise<void> {
  const folder = waitingFolder(sender, kind);
  makeFolder(folder, 0o700);
  const name = `${String(report.at_ms).padStart(15, "0")}-${report.id}.json`;
  // Whole or not at all: another command may look at the same moment.
  await writeFile(join(folder, `${name}.new`), JSON.stringify(report), { mode: 0o600, flag: "wx" });
  await rename(join(folder, `${name}.new`), join(folder, name));
}

/**
 * Keeps a report and brings it, behind those that are kept; where nothing can be kept on this machine, it is brought at once.
 * @returns as `bringReports`.
 * @throws what `isNowhere` tells, of a report that could be neither kept nor brought; else what KV's API throws.
 */
export async function bringReport<R extends Report>(
  sender: Sender,
  kind: ReportKind<R>,
  report: R,
): Promise<"service" | "kv" | null> {
  try {
    await keepReport(sender, kind, report);
  } catch (error) {
    const signal = AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS);
    const target = await located(sender, signal);
    if (target === null) throw error;
    if (await sent(target, kind, report, signal)) return "service";
    await leaveInKv(target, kind, report, signal).catch(() => {
      throw error;
    });
    return "kv";
  }
  return await bringReports(sender, kind);
}

/** Whether a report is lost: the disk refused it, and nobody else took it. */
export function isNowhere(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall !== undefined;
}

/**
 * Brings what is kept, oldest first.
 * @returns where the newest of it is now; null where the stack cannot be found, so that all of it stays.
 * @throws what KV's API throws.
 */
export async function bringReports<R extends Report>(
  sender: Sender,
  kind: ReportKind<R>,
): Promise<"service" | "kv" | null> {
  const signal = AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS);
  const target = await located(sender, signal);
  if (target === null) return null;
  let isTaken = true;
  for (const { path, report } of await keptHere(sender, kind)) {
    isTaken = await sent(target, kind, report, signal);
    if (!isTaken) await leaveInKv(target, kind, report, signal);
    await rm(path, { force: true });
  }
  return isTaken ? "service" : "kv";
}

/**
 * The oldest of what is kept. What is no report, as a file may be that was written when the power went, is set aside: the others must not
 * wait behind it for ever.
 */
async function keptHere<R extends Report>(sender: Sender, kind: ReportKind<R>): Promise<{ path: string; report: R }[]> {
  const folder = waitingFolder(sender, kind);
  const found = await readdir(folder).catch(() => []);
  const names = found.filter((name) => name.endsWith(".json")).sort();
  const kept = names.slice(0, WAITING_REPORTS_MAX).map(async (name) => {
    const path = join(folder, name);
    // Another command may have brought it meanwhile.
    const text = await readFile(path, "utf8").catch(unlessGone);
    if (text === null) return [];
    const { data: report } = kind.schema.safeParse(jsonIn(text));
    if (report !== undefined) return [{ path, report }];
    await rename(path, `${path}.damaged`).catch(unlessGone);
    sender.note(`Warning: ${path} is no whole report, and nobody hears of it: it is kept as ${name}.damaged`);
    return [];
  });
  return (await Promise.all(kept)).flat();
}

function unlessGone(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}

/** What waits on this machine, oldest first. */
export async function reportsHere<R extends Report>(sender: Sender, kind: ReportKind<R>): Promise<R[]> {
  return (await keptHere(sender, kind)).map(({ report }) => report);
}

/** What waits in KV; nothing where the stack cannot be found. @throws what KV's API throws. */
export async function reportsInKv<R extends Report>(sender: Sender, kind: ReportKind<R>): Promise<R[]> {
  const signal = AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS);
  const target = await located(sender, signal);
  return target === null ? [] : (await leftInKv(target, kind, signal)).map(({ report }) => report);
}

/** Brings to the service what is left in KV, before cron does. @throws what KV's API throws. */
export async function bringFromKv<R extends Report>(sender: Sender, kind: ReportKind<R>): Promise<void> {
  const signal = AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS);
  const target = await located(sender, signal);
  if (target === null) return;
  const values = await configValues(target, signal);
  for (const { key, report } of await leftInKv(target, kind, signal))
    if (await sent(target, kind, report, signal)) await values.delete(key);
}

async function leftInKv<R extends Report>(target: StackTarget, { kind, schema }: ReportKind<R>, signal: AbortSignal) {
  const values = await configValues(target, signal);
  const names = await values.names(waitingKey(kind));
  // What is no report cron takes away, and says so in the log.
  const left = names.map(async (key) => {
    const { data: report } = schema.safeParse(jsonIn(await values.get(key)));
    return report === undefined ? [] : [{ key, report }];
  });
  return (await Promise.all(left)).flat();
}

/** The CONFIG namespace by the account's API. */
async function configValues(target: StackTarget, signal: AbortSignal) {
  const address = await target.api();
  const { kv } = await target.resources();
  const place = { account_id: address.account_id, namespace_id: kv.config };
  const { keys, values } = createCloudflare(address, { signal }).kv.namespaces;
  return {
    names: async (prefix: string) => {
      const names: string[] = [];
      for await (const { name } of keys.list(kv.config, { account_id: address.account_id, prefix })) names.push(name);
      return names;
    },
    get: async (key: string) => await (await values.get(key, place)).text(),
    put: async (key: string, value: string) => await values.update(key, { ...place, value }),
    delete: async (key: string) => await values.delete(key, place),
  };
}

/** Null where there is no such stack now, or nothing to reach it with: commands need neither. */
async function located({ stack, data_dir, env }: Sender, signal: AbortSignal): Promise<StackTarget | null> {
  try {
    return await locateStack(stack, data_dir, env, signal);
  } catch {
    return null;
  }
}

async function sent<R extends Report>(
  target: StackTarget,
  { request, settled }: ReportKind<R>,
  report: R,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { url, secret } = await target.service();
    const client = createClient({ url, token: secret, signal, timeout_ms: WAITING_REPORT_TIMEOUT_MS / 2 });
    const { method = "POST", path, body } = request(report);
    const { ok, status } = await client.send(method, path, body);
    return ok || settled.includes(status);
  } catch {
    return false;
  }
}

async function leaveInKv<R extends Report>(
  target: StackTarget,
  { kind }: ReportKind<R>,
  report: R,
  signal: AbortSignal,
): Promise<void> {
  await (await configValues(target, signal)).put(waitingKey(kind, report.id), JSON.stringify(report));
}
