/**
 * `ops gameday`: every fault on the local platform, with traffic, its alert, its runbook and its end; and a quiet day on which nothing is told.
 *
 * What is played is in `faults/`, one file a family; how, in `play.ts`. Faults share a platform as long as the one before has left nothing.
 */
import { z } from "zod";
import type { AlertRule } from "../../worker/alerts/rule.ts";
import { ALL_RULES } from "../../worker/alerts/rules.ts";
import { counted } from "../../worker/ground/counted.ts";
import { dayOf } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT, misuse } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { GAMEDAY_DETECTED_S, GAMEDAY_RECOVERED_S } from "../limits.ts";
import type { Fault } from "./fault.ts";
import { FAULTS } from "./faults.ts";
import { type Played, played } from "./played.ts";
import { recordQuiet, recordResult } from "./record.ts";

const DAY_H = 24;

const output = z.strictObject({
  faults: z.array(played),
  quiet: z.strictObject({
    hours: z.number(),
    alerts: z.int(),
    told: z.array(z.string()).describe("what was told although nothing was wrong"),
  }),
  coverage: z.strictObject({
    alerts: z.int().describe("rules that there are"),
    with_fault: z.int().describe("rules that told of a fault in this run"),
    with_runbook: z.int().describe("those of them whose runbook was then carried out to its end"),
  }),
  shortfalls: z.array(z.string()).describe("what fell short of the targets; empty when the game day was won"),
});
type GameDay = z.infer<typeof output>;

export const gameday = defineCommand({
  path: "gameday",
  group: "incident",
  summary: "play faults on a platform of its own: alert, runbook, recovery, nothing lost; and a quiet day",
  notes: `Time is simulated: minutes of it pass in a blink, and what processes take is added. Targets: told within ${GAMEDAY_DETECTED_S / 60} minutes (beside the time that the rule itself waits), recovered within ${GAMEDAY_RECOVERED_S / 60}, nothing lost, no false alert. Exit code 1 when one is missed. Two platforms are played on at once; a fault takes this machine some twenty seconds, one that waits for figures of an hour more, the quiet day some minutes.`,
  risk: "read",
  options: z.object({
    fault: z
      .array(z.string())
      .optional()
      .meta({ placeholder: "id", description: "only this fault; without it all, and the quiet day" }),
    record: z.boolean().default(false).describe("write what came of it into runbooks/README.md and the runbooks"),
    quiet_hours: z.int().min(0).optional().describe(`hours of the quiet day (default: ${DAY_H}, with --fault: none)`),
  }),
  output,
  examples: ["gameday --fault poison-message", "gameday --json"],
  async run(invocation, { fault: wanted, quiet_hours, record }): Promise<Outcome<GameDay>> {
    const chosen = wanted === undefined ? FAULTS : wanted.map(faultNamed);
    const hours = quiet_hours ?? (wanted === undefined ? DAY_H : 0);
    // Loaded on use: with it comes what starts a platform.
    const { playAll } = await import("./play-all.ts");
    const day = dayOf(invocation.now());
    const { faults, told } = await playAll(invocation, chosen, hours, {
      onPlayed: (came) => record && recordResult(FAULTS, came, day),
      onQuiet: ({ length: alerts }) => record && recordQuiet(FAULTS, { hours, alerts }, day),
    });
    const unproven = wanted === undefined ? ALL_RULES.filter((rule) => !isProven(rule, faults)) : [];
    const shortfalls = [
      ...faults.flatMap(shortfallsOf),
      ...unproven.map(({ id, runbook }) => `${id}: it told of no fault that its runbook ${runbook} then ended`),
      ...told.map((alert) => `quiet day: ${alert} was told`),
    ];
    const data: GameDay = {
      faults,
      quiet: { hours, alerts: told.length, told },
      coverage: coverageOf(faults),
      shortfalls,
    };
    return { data, text: textOf(data, invocation), exit_code: shortfalls.length === 0 ? EXIT.done : EXIT.check_failed };
  },
});

function faultNamed(id: string): Fault {
  const fault = FAULTS.find((one) => one.id === id);
  if (fault !== undefined) return fault;
  throw misuse({
    op: "play",
    subject: id,
    cause: "there is no such fault",
    hint: `one of ${FAULTS.map((one) => one.id).join(", ")}`,
  });
}

function shortfallsOf({ id, alert, detected_after_s, recovered_after_s, resolved_after_s, ...rest }: Played): string[] {
  const { unexpected, lost, runbook, runbook_done, shortfall } = rest;
  const complaints = [
    detected_after_s === null ? `${alert} was not told` : null,
    detected_after_s !== null && detected_after_s >= GAMEDAY_DETECTED_S ? `told after ${detected_after_s} s` : null,
    runbook_done ? null : `${runbook} did not come to its end`,
    recovered_after_s === null ? "the journeys do not pass" : null,
    recovered_after_s !== null && recovered_after_s >= GAMEDAY_RECOVERED_S
      ? `recovered after ${recovered_after_s} s`
      : null,
    resolved_after_s === null ? `${alert} did not resolve` : null,
    shortfall,
    lost > 0 ? `${counted(lost, "document")} lost` : null,
    unexpected.length > 0 ? `false alerts: ${unexpected.join(", ")}` : null,
  ];
  return complaints.flatMap((complaint) => (complaint === null ? [] : [`${id}: ${complaint}`]));
}

function coverageOf(faults: readonly Played[]): GameDay["coverage"] {
  const fired = ALL_RULES.filter(({ id }) => faults.some(({ alerts }) => alerts.includes(id)));
  const proven = ALL_RULES.filter((rule) => isProven(rule, faults));
  return { alerts: ALL_RULES.length, with_fault: fired.length, with_runbook: proven.length };
}

/** It told of a fault, and the runbook that it names was then carried out to its end. */
function isProven({ id, runbook }: AlertRule, faults: readonly Played[]): boolean {
  return faults.some((fault) => fault.alerts.includes(id) && fault.runbook === runbook && fault.runbook_done);
}

function textOf({ faults, quiet, coverage, shortfalls }: GameDay, { terminal }: Invocation): string {
  const rows = table(terminal, faults, [
    { title: "fault", value: ({ id }) => id },
    { title: "alert", value: ({ alert }) => alert },
    { title: "told after", value: ({ detected_after_s: s }) => (s === null ? "never" : `${s} s`), align: "right" },
    {
      title: "recovered after",
      value: ({ recovered_after_s: s }) => (s === null ? "never" : `${s} s`),
      align: "right",
    },
    { title: "failed", value: ({ failed, requests }) => `${failed} of ${requests}`, align: "right" },
    { title: "lost", value: ({ lost }) => lost, align: "right" },
    { title: "steps", value: ({ steps }) => steps.length, align: "right" },
  ]);
  return [
    rows,
    ...(quiet.hours > 0 ? [`Quiet for ${quiet.hours} h: ${counted(quiet.alerts, "alert")}.`] : []),
    `Of ${coverage.alerts} alert rules ${coverage.with_fault} told of a fault, ${coverage.with_runbook} with a runbook that was carried out.`,
    ...shortfalls.map((one) => `Short: ${one}`),
    `Done: ${faults.length - new Set(shortfalls.map((one) => one.split(":")[0])).size} ok, ${counted(shortfalls.length, "shortfall")}.`,
  ].join("\n");
}
