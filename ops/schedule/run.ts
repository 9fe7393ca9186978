/** `ops schedule run` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { EXIT, misuse, type OpsError } from "../command/errors.ts";
import type { Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { JOBS } from "./jobs.ts";
import { jobNames, jobsNamed, nowOption } from "./options.ts";
import { carryOut, jobResult, OUTCOMES, planByHand, planDue } from "./runner.ts";

const planned = z.strictObject({ job: z.string(), due_at: z.string().nullable(), missed: z.int() });
const output = z.union([
  z.strictObject({ dry_run: z.literal(true), jobs: z.array(planned) }),
  z.strictObject({ jobs: z.array(jobResult), ok: z.int(), failed: z.int() }),
]);

export const scheduleRun = defineCommand({
  path: "schedule run",
  group: "schedule",
  summary: "run jobs, in their order: those that are due, or those that are named",
  notes: `Each command runs as a process of its own, with the credentials of its job alone and a limit on its time; what it prints is kept in the run's
folder. The service hears of each start and end. Runners at the same time, on one machine or several, do no job twice. A run that was
killed is gone on with by the next runner; one that must not be repeated is told. Exit code 4 when something failed, was held back because what it
needs had failed, or is unfinished; 1 when nothing succeeded.`,
  risk: "change",
  args: z.object({ jobs: jobNames }),
  options: z.object({
    due: z.boolean().default(false).describe("only what is due; without names, of all jobs"),
    now: nowOption,
  }),
  output,
  examples: ["schedule run --due", "schedule run backup", "schedule run --due --now 2026-03-01T02:00:00Z --dry-run"],
  async run(invocation, { jobs: names, due, now }): Promise<Outcome<z.infer<typeof output>>> {
    const named = jobsNamed(names);
    if (named.length === 0 && !due) throw nothingNamed();
    const wanted = named.length === 0 ? JOBS : named;
    const plan = due ? await planDue(invocation, wanted, now ?? invocation.now()) : planByHand(invocation, wanted);
    if (invocation.dry_run) {
      const jobs = plan.runs.map(({ job, due_ms, missed }) => ({
        job: job.id,
        due_at: due_ms === null ? null : new Date(due_ms).toISOString(),
        missed,
      }));
      const text = jobs.length === 0 ? "Nothing is due." : `Would run ${jobs.map(({ job }) => job).join(", ")}`;
      return { data: { dry_run: true, jobs }, text };
    }
    return summary(await carryOut(invocation, plan), invocation.terminal);
  },
});

function summary(jobs: z.infer<typeof jobResult>[], terminal: boolean): Outcome<z.infer<typeof output>> {
  const ids = (outcome: (typeof OUTCOMES)[number]) =>
    jobs.filter((one) => one.outcome === outcome).map(({ job }) => job);
  const ok = ids("ok").length;
  const elsewhere = ids("elsewhere").length;
  const failed = jobs.length - ok - elsewhere;
  const drawn = table(terminal, jobs, [
    { title: "job", value: ({ job }) => job },
    { title: "outcome", value: ({ outcome, resumed }) => `${outcome}${resumed ? " (resumed)" : ""}` },
    { title: "for", value: ({ due_at }) => due_at ?? "by hand" },
    { title: "missed before", value: ({ missed }) => missed, align: "right" },
    {
      title: "took s",
      value: ({ duration_ms }) => (duration_ms === null ? "-" : (duration_ms / 1_000).toFixed(1)),
      align: "right",
    },
    { title: "because", value: ({ because }) => because ?? "-" },
    { title: "output", value: ({ folder }) => folder ?? "-" },
  ]);
  const left = elsewhere === 0 ? "" : `, ${elsewhere} left to another runner`;
  return {
    data: { jobs, ok, failed },
    text: jobs.length === 0 ? "Nothing is due." : `${drawn}\nDone: ${ok} ok, ${failed} failed${left}`,
    exit_code: failed === 0 ? EXIT.done : ok === 0 ? EXIT.check_failed : EXIT.partial,
    audit:
      jobs.length === 0 ? null : { detail: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, ids(outcome)])) },
  };
}

function nothingNamed(): OpsError {
  const hint = "name some (npm run ops -- schedule list), or add --due";
  return misuse({ op: "run", subject: "jobs", cause: "none is named", hint });
}
