/** Incidents in lines of text, for a person. */
import { styleText } from "node:util";
import type { Invocation } from "../command/invocation.ts";
import { harmless } from "../command/output.ts";
import { nameOf, type ShownIncident } from "./answers.ts";
import { clockOf, dueTold } from "./clock.ts";
import type { Whereabouts } from "./reports.ts";

/** Where what was told is, where that is not the service; and what follows from it. */
export function whereaboutsTold(where: Whereabouts): string[] {
  if (where === "service") return [];
  const place =
    where === "kv"
      ? "It waits in KV: cron, or the next incident command, brings it to the service."
      : "It waits on this machine alone: repeat any incident command here when the account answers.";
  return [
    `The service does not answer. ${place}`,
    "Channels and status page do not know of it: npm run ops -- runbook show communication",
  ];
}

/** The clock of an incident on one line. */
export function clockTold(incident: ShownIncident, { now, colour }: Pick<Invocation, "now" | "colour">): string {
  const now_ms = now();
  const clock = clockOf(incident, now_ms);
  const paint = (text: string, isLate: boolean) =>
    isLate && colour ? styleText(["bold", "red"], text, { validateStream: false }) : text;
  const response = clock.is_responded
    ? `led by ${harmless(incident.commander ?? "nobody named")}`
    : paint(`nobody leads: response due ${dueTold(clock.respond_by, now_ms)}`, clock.response_late_s > 0);
  const update =
    clock.update_due === null
      ? "no news due"
      : paint(`next news due ${dueTold(clock.update_due, now_ms)}`, clock.update_late_s > 0);
  return `${response} · ${update}`;
}

export function headTold(incident: ShownIncident): string {
  const { severity, state, title, components } = incident;
  return `Incident ${nameOf(incident)} (${severity}, ${components.join(", ")}) is ${state}: ${harmless(title)}`;
}
