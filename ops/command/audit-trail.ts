/**
 * From this machine into the stack's audit log: a record is kept here first, then reported to the service. Where that does not answer, it is
 * left in KV, from where cron completes the log; where the account cannot be reached either, it waits here for the next command that changes
 * something. A record has one id on every way, so that it is in the log once.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import type { Stack } from "../../infra/inventory.ts";
import { type AuditEntry, auditEntry } from "../../worker/ground/audit-entry.ts";
import { waitingKey } from "../../worker/ground/waiting.ts";
import { AUDIT_DETAIL_BYTES_MAX } from "../../worker/limits.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { AUDIT_REPORT_TIMEOUT_MS, AUDIT_REPORTS_MAX } from "../limits.ts";
import { createClient } from "../service/client.ts";
import { locateStack } from "../stack/locate.ts";
import type { StackTarget } from "../stack/target.ts";
import { asOpsError, isReason } from "./errors.ts";
import type { Invocation } from "./invocation.ts";
import type { JournalEntry } from "./journal.ts";

/** Keeps a record for the audit log and brings it there, with those that waited. Never throws: what was done is done. */
export async function reportAction(
  { stack, data_dir, env, note }: Pick<Invocation, "stack" | "data_dir" | "env" | "note">,
  entry: JournalEntry,
  at_ms: number,
): Promise<void> {
  const folder = join(data_dir, "audit-waiting", stack);
  try {
    await keep(folder, entryOf(entry, at_ms));
    // A database that is half restored is compared with its snapshot when the command is resumed: nothing may be written into it.
    if (/^(restore|generation) /.test(entry.action) && entry.outcome !== "done") return;
    const signal = AbortSignal.timeout(AUDIT_REPORT_TIMEOUT_MS);
    const target = await located(stack, data_dir, env, signal);
    if (target !== null) await deliver(folder, target, signal);
  } catch (error) {
    // It makes what a stack begins with: there is no log yet, and the first deployment brings this along.
    if (entry.action === "bootstrap" && isReason(error, "resource-missing")) return;
    note(`The audit record of this waits in ${folder} for the next command: ${asOpsError(error).message}`);
  }
}

function entryOf({ action, outcome, detail }: JournalEntry, at_ms: number): AuditEntry {
  const text = JSON.stringify(detail);
  const bytes = Buffer.byteLength(text);
  const sha256 = createHash("sha256").update(text).digest("hex");
  return auditEntry.parse({
    id: randomUUID(),
    at_ms,
    source: "ops",
    actor: userInfo().username,
    key_id: "operator",
    action,
    outcome,
    subject: "",
    // The journal of this machine has it whole.
    detail: bytes <= AUDIT_DETAIL_BYTES_MAX ? JSON.parse(text) : { detail_bytes: bytes, detail_sha256: sha256 },
  });
}

async function keep(folder: string, entry: AuditEntry): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${String(entry.at_ms).padStart(15, "0")}-${entry.id}.json`;
  await writeFile(join(folder, name), JSON.stringify(entry), { mode: 0o600, flag: "wx" });
}

/** Null where there is no such stack now, or nothing to reach it with: commands need neither. */
async function located(
  stack: Stack,
  data_dir: string,
  env: Invocation["env"],
  signal: AbortSignal,
): Promise<StackTarget | null> {
  try {
    return await locateStack(stack, data_dir, env, signal);
  } catch {
    return null;
  }
}

async function deliver(folder: string, target: StackTarget, signal: AbortSignal): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  for (const name of names.slice(0, AUDIT_REPORTS_MAX)) {
    const path = join(folder, name);
    const entry = auditEntry.parse(JSON.parse(await readFile(path, "utf8")));
    if (!(await reported(target, entry, signal))) await leaveInKv(target, entry, signal);
    await rm(path, { force: true });
  }
}

/** Whether the service has it now. */
async function reported(target: StackTarget, entry: AuditEntry, signal: AbortSignal): Promise<boolean> {
  const { id, at_ms, actor, action, outcome, subject, detail } = entry;
  try {
    const { url, secret } = await target.service();
    const client = createClient({ url, token: secret, signal, timeout_ms: AUDIT_REPORT_TIMEOUT_MS / 2 });
    const at = new Date(at_ms).toISOString();
    const body = { id, at, actor, action, outcome, subject, detail };
    return (await client.send("POST", "/api/v1/audit-logs", body)).ok;
  } catch {
    return false;
  }
}

async function leaveInKv(target: StackTarget, entry: AuditEntry, signal: AbortSignal): Promise<void> {
  const address = await target.api();
  const { kv } = await target.resources();
  const { account_id } = address;
  await createCloudflare(address, { signal }).kv.namespaces.values.update(waitingKey("audit", entry.id), {
    account_id,
    namespace_id: kv.config,
    value: JSON.stringify(entry),
  });
}
