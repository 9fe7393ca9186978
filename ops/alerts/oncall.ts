/** `ops oncall` */

import ical from "ical-generator";
import { z } from "zod";
import type { AlertConfiguration } from "../../worker/alerts/configuration.ts";
import { onCallAt, shiftsOf } from "../../worker/alerts/on-call.ts";
import { DAY_MS } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { positive } from "../command/options.ts";
import { harmless } from "../command/output.ts";
import { ONCALL_DAYS_MAX } from "../limits.ts";
import { configurationInUse } from "./configuration.ts";

const shift = z.strictObject({
  rotation: z.string(),
  person: z.string(),
  name: z.string(),
  from: z.string(),
  to: z.string(),
});
type ShownShift = z.infer<typeof shift>;

export const oncall = defineCommand({
  path: "oncall",
  group: "alerts",
  summary: "who is on call now, and the shifts to come; as a calendar with --ical",
  notes: "Reads the rota from KV through Cloudflare's API: it works while the Worker is down.",
  risk: "read",
  options: z.object({
    days: positive
      .max(ONCALL_DAYS_MAX, `expected at most ${ONCALL_DAYS_MAX}`)
      .default(28)
      .describe("how far to look ahead"),
    ical: z.boolean().default(false).describe("print the shifts as an iCalendar file"),
  }),
  output: z.strictObject({
    now: z.array(z.strictObject({ rotation: z.string(), person: z.string(), name: z.string(), email: z.string() })),
    shifts: z.array(shift),
    ical: z.string().nullable(),
  }),
  examples: ["oncall", "oncall --ical --days 90 > on-call.ics"],
  async run(invocation, { days, ical: wanted }) {
    const configuration = await configurationInUse(invocation);
    const now_ms = invocation.now();
    const { people, rotations } = configuration;
    const now = Object.entries(rotations).flatMap(([rotation, rota]) => {
      const person = onCallAt(rota, now_ms);
      const known = people[person ?? ""];
      return person === null || known === undefined ? [] : [{ rotation, person, name: known.name, email: known.email }];
    });
    const shifts = shiftsAhead(configuration, now_ms, now_ms + days * DAY_MS);
    const calendar = wanted ? calendarOf(shifts, invocation.stack) : null;
    const lines = now.map(({ rotation, name, email }) => `${rotation}: ${harmless(`${name} <${email}>`)}`);
    const ahead = shifts.map(({ rotation, name, from, to }) => `${from} – ${to}\t${rotation}\t${harmless(name)}`);
    const text =
      calendar ??
      [...(lines.length > 0 ? lines : [nobody(rotations)]), ...(ahead.length > 0 ? ["", ...ahead] : [])].join("\n");
    return { data: { now, shifts, ical: calendar }, text: text.trimEnd() };
  },
});

function nobody(rotations: AlertConfiguration["rotations"]): string {
  const [first] = Object.values(rotations)
    .map(({ start }) => Date.parse(start))
    .sort((a, b) => a - b);
  return `Nobody is on call: ${first === undefined ? "there is no rotation" : `the first one begins at ${new Date(first).toISOString()}`}`;
}

function shiftsAhead({ people, rotations }: AlertConfiguration, from_ms: number, to_ms: number): ShownShift[] {
  return Object.entries(rotations).flatMap(([rotation, rota]) =>
    shiftsOf(rota, from_ms, to_ms).map(({ person, from_ms: from, to_ms: to }) => ({
      rotation,
      person,
      name: people[person]?.name ?? person,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
    })),
  );
}

/** One event a shift; a shift has the same id in every export, so that a calendar takes a new one for a change. */
function calendarOf(shifts: readonly ShownShift[], stack: string): string {
  const calendar = ical({ name: `PRISM on call (${stack})`, prodId: { company: "prism", product: "on-call" } });
  for (const { rotation, name, from, to } of shifts)
    calendar.createEvent({
      id: `${stack}-${rotation}-${Date.parse(from)}@prism`,
      start: new Date(from),
      end: new Date(to),
      // An export is the same as long as the rota is.
      stamp: new Date(from),
      summary: `On call (${rotation}): ${name}`,
    });
  return calendar.toString();
}
