/**
 * From this machine to a stack's service, whatever is down meanwhile: a report is kept here first, then sent. Where the service does not take
 * it, it is left in KV, from where cron takes it; where the account cannot be reached either, it waits here for the next command that reports.
 * A report has one id on every way, and whoever takes it takes it once.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { type WaitingKind, waitingKey } from "../../worker/ground/waiting.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { WAITING_REPORT_TIMEOUT_MS, WAITING_REPORTS_MAX } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
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

export type Sender = Pick<Invocation, "stack" | "data_dir" | "env">;

/** Where reports of a kind wait. */
export function waitingFolder<R extends Report>({ stack, data_dir }: Sender, { kind }: ReportKind<R>): string {
  return join(data_dir, `${kind}-waiting`, stack);
}

/** Keeps a report until it is brought. */
export async function keepReport<R extends Report>(sender: Sender, kind: ReportKind<R>, report: R): Promise<void> {
  const folder = waitingFolder(sender, kind);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${String(report.at_ms).padStart(15, "0")}-${report.id}.json`;
  await writeFile(join(folder, name), JSON.stringify(report), { mode: 0o600, flag: "wx" });
}

/** Brings what is kept, oldest first. Nothing is brought where the stack cannot be found. @throws what KV's API throws. */
export async function bringReports<R extends Report>(sender: Sender, kind: ReportKind<R>): Promise<void> {
  const signal = AbortSignal.timeout(WAITING_REPORT_TIMEOUT_MS);
  const target = await located(sender, signal);
  if (target === null) return;
  const folder = waitingFolder(sender, kind);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  for (const name of names.slice(0, WAITING_REPORTS_MAX)) {
    const path = join(folder, name);
    const report = kind.schema.parse(JSON.parse(await readFile(path, "utf8")));
    if (!(await sent(target, kind, report, signal))) await leaveInKv(target, kind, report, signal);
    await rm(path, { force: true });
  }
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
  const address = await target.api();
  const { kv } = await target.resources();
  const { account_id } = address;
  await createCloudflare(address, { signal }).kv.namespaces.values.update(waitingKey(kind, report.id), {
    account_id,
    namespace_id: kv.config,
    value: JSON.stringify(report),
  });
}
