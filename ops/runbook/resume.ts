/** Which run of a runbook to go on with. */

import { refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { isAlive } from "../machine.ts";
import { type Begin, beginOf, readTranscript, runsIn, type Transcript } from "./transcript.ts";

interface Unfinished {
  run_id: string;
  begin: Begin;
  transcript: Transcript;
  /** Of the process that is at work on it; null where none is. */
  busy_pid: number | null;
}

/**
 * The newest run of a runbook on this stack that did not come to its end; null where there is none. One that was stopped before it did
 * anything hides none that came half way: whoever begins anew by mistake stops there.
 */
export async function findUnfinished(
  { data_dir, stack }: Pick<Invocation, "data_dir" | "stack">,
  runbook: string,
): Promise<Unfinished | null> {
  let idle: Unfinished | null = null;
  for (const run_id of await runsIn(data_dir)) {
    if (!run_id.includes(`-${runbook}-`)) continue;
    const transcript = await readTranscript(data_dir, run_id);
    const { records, flaw } = transcript;
    const begin = beginOf(records);
    if (begin?.runbook !== runbook || begin.stack !== stack) continue;
    const last = records.at(-1)?.event;
    if (flaw === null && last?.kind === "end" && last.outcome === "done") break;
    const pid = records.flatMap(({ event }) => ("pid" in event ? [event.pid] : [])).at(-1) ?? null;
    const isBusy = last?.kind !== "end" && pid !== null && pid !== process.pid && isAlive(pid);
    const found = { run_id, begin, transcript, busy_pid: isBusy ? pid : null };
    const didNothing = !records.some(({ event }) => event.kind === "step begin");
    if (flaw !== null || isBusy || !didNothing) return found;
    idle ??= found;
  }
  return idle;
}

/** The run to go on with. @throws OpsError where there is none, or it cannot go on. */
export async function unfinishedRun(invocation: Invocation, runbook: string): Promise<Unfinished> {
  const refuse = (cause: string, hint: string, reason?: "busy" | "damaged") =>
    refusal({ op: "go on with the runbook", subject: runbook, cause, hint, reason });
  const afresh = `npm run ops -- runbook run ${runbook} begins a new one`;
  const found = await findUnfinished(invocation, runbook);
  if (found === null) throw refuse(`no run of it on stack ${invocation.stack} is unfinished on this machine`, afresh);
  const { run_id, transcript, busy_pid } = found;
  const { flaw, path } = transcript;
  if (flaw !== null) throw refuse(`line ${flaw.line} of ${path} ${flaw.reason}`, afresh, "damaged");
  if (busy_pid !== null)
    throw refuse(`process ${busy_pid} is at work on the run ${run_id}`, "wait for it, or end it", "busy");
  return found;
}
