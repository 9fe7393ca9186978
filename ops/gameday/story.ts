/** What an incident must tell that was opened while nothing of the Worker worked: all that happened meanwhile, in its order, and how long it took. */
import { MINUTE_MS } from "../../worker/ground/time.ts";
import { readAlerts } from "../alerts/answers.ts";
import { readIncident, readIncidents, type ShownIncident } from "../incident/answers.ts";
import { merged, mttd_s, mttr_s } from "../incident/measures.ts";
import { doubtsOf, incidentResolve } from "../incident/resolve.ts";
import { whereaboutsTold } from "../incident/shown.ts";
import { GAMEDAY_DETECTED_S, GAMEDAY_PATIENCE_MIN, GAMEDAY_RECOVERED_S } from "../limits.ts";
import { readTranscript, runsIn, stepEnds } from "../runbook/transcript.ts";
import type { Arena } from "./arena.ts";

/** Lines of its timeline, each after the one before: who says it, and what. */
const STORY: readonly [ShownIncident["timeline"][number]["source"], RegExp][] = [
  ["deploy", /^deployment: version \S+ gets 100 %/],
  ["alert", /^alert worker-dead fires/],
  ["runbook", /^complete-outage: .* begins the runbook/],
  ["operator", /^We see it/],
  ["runbook", /^complete-outage: open-incident passed/],
  ["deploy", /^deployment: version \S+ gets 100 %/],
  ["deploy", /: rollback, done$/],
  ["runbook", /^complete-outage: roll-back passed/],
  ["runbook", /^complete-outage: verify passed/],
  ["runbook", /^complete-outage: the runbook is done/],
  ["alert", /^alert worker-dead is resolved/],
  ["operator", /^It is over/],
];

/** Ends the incident of the outage, and reads what it then tells. @throws Error saying what it lacks. */
export async function outageIsTold({ invocation, operator, clock, traffic, data_dir }: Arena): Promise<void> {
  const incident = (await readIncidents(operator, "all")).find(({ severity }) => severity === "SEV-1");
  if (incident === undefined) throw new Error("the incident of the outage is not in the book");
  const [run_id = ""] = await runsIn(data_dir);
  const opened = stepEnds((await readTranscript(data_dir, run_id)).records).get("open-incident")?.output ?? "";
  if (!whereaboutsTold("kv").every((line) => opened.includes(line)))
    throw new Error(`the incident did not wait in KV: ${opened}`);
  const id = String(incident.id);
  const patience_ms = clock.now() + GAMEDAY_PATIENCE_MIN * MINUTE_MS;
  // An outage leaves more alerts than its own.
  while (doubtsOf(await readAlerts(operator), incident, clock.now()).length > 0 && clock.now() < patience_ms)
    await clock.passTo(clock.now() + MINUTE_MS, () => traffic.minute());
  await incidentResolve.run(invocation, { id, text: "It is over." });
  const resolved = await readIncident(operator, id);
  const timeline = merged(resolved.timeline, []);
  const [detected_s, recovered_s] = [mttd_s(resolved), mttr_s(resolved)];
  let from = 0;
  for (const [source, text] of STORY) {
    const at = timeline.findIndex((line, index) => index >= from && line.source === source && text.test(line.text));
    if (at < 0)
      throw new Error(`the incident's timeline lacks ${source} ${text} after its line ${from}: ${told(timeline)}`);
    from = at + 1;
  }
  if (detected_s === null || detected_s <= 0 || detected_s >= GAMEDAY_DETECTED_S)
    throw new Error(`its time to detect is ${detected_s} s`);
  if (recovered_s === null || recovered_s <= detected_s || recovered_s >= GAMEDAY_RECOVERED_S)
    throw new Error(`its time to recover is ${recovered_s} s`);
}

function told(timeline: readonly { at: string; source: string; text: string }[]): string {
  return timeline.map(({ at, source, text }) => `\n  ${at} ${source}: ${text}`).join("");
}
