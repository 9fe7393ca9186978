/** Which run of a runbook to go on with. */

import { refusal } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { isAlive } from "../machine.ts";
import { type Begin, beginOf, readTranscript, runsIn, type Transcript } from "./transcript.ts";

/** The newest run of a runbook on this stack that did not come to its end. @throws OpsError where there is none, or it cannot go on. */
export async function unfinishedRun(
  { data_dir, stack }: Invocation,
  runbook: string,
): Promise<{ begin: Begin; transcript: Transcript }> {
  const refuse = (cause: string, hint: string, reason?: "busy" | "damaged") =>
    refusal({ op: "go on with the runbook", subject: runbook, cause, hint, reason });
  const afresh = `npm run ops -- runbook run ${runbook} begins a new one`;
  for (const run_id of await runsIn(data_dir)) {
    if (!run_id.includes(`-${runbook}-`)) continue;
    const transcript = await readTranscript(data_dir, run_id);
    const begin = beginOf(transcript.records);
    if (begin?.runbook !== runbook || begin.stack !== stack) continue;
    if (transcript.flaw !== null)
      throw refuse(`line ${transcript.flaw.line} of ${transcript.path} ${transcript.flaw.reason}`, afresh, "damaged");
    const last = transcript.records.at(-1)?.event;
    if (last?.kind === "end" && last.outcome === "done") break;
    const pid = transcript.records
      .map(({ event }) => ("pid" in event ? event.pid : null))
      .findLast((one) => one !== null);
    if (last?.kind !== "end" && pid !== undefined && pid !== null && pid !== process.pid && isAlive(pid))
      throw refuse(`process ${pid} is at work on the run ${run_id}`, "wait for it, or end it", "busy");
    return { begin, transcript };
  }
  throw refuse(`no run of it on stack ${stack} is unfinished on this machine`, afresh);
}
