/** `ops schedule list` */
import { z } from "zod";
import { iso } from "../../worker/ground/time.ts";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { nextDate_ms } from "./calendar.ts";
import { STATES, stateOf } from "./due-rule.ts";
import { JOBS } from "./jobs.ts";
import { nowOption } from "./options.ts";
import { lastRuns } from "./states.ts";

const shown = z.strictObject({
  job: z.string(),
  summary: z.string(),
  cron: z.string(),
  state: z
    .enum(STATES)
    .describe("late: due for longer than its grace; unfinished: its run was killed; new: never ran and is not due"),
  last: z
    .strictObject({ result: z.enum(["start", "success", "fail"]), at: z.string(), due_at: z.string().nullable() })
    .nullable(),
  missed: z.int().describe("dates before the one that is due, that nobody ran it for"),
  next_at: z.string(),
});

export const scheduleList = defineCommand({
  path: "schedule list",
  group: "schedule",
  summary: "every job: when it is due, how its last run went, where it stands",
  notes:
    "By the records of this machine and what the service has heard; where that does not answer, by the records alone.",
  risk: "read",
  options: z.object({ now: nowOption }),
  output: z.strictObject({ now: z.string(), jobs: z.array(shown) }),
  examples: ["schedule list", "schedule list --stack production --json"],
  async run(invocation, { now }) {
    const now_ms = now ?? invocation.now();
    const runs = await lastRuns(invocation, JOBS);
    const jobs = JOBS.map((job) => {
      const { state, last, missed } = stateOf(job, runs.get(job.id) ?? null, now_ms);
      const { id, summary, cron } = job;
      const due_at = last?.due_ms == null ? null : iso(last.due_ms);
      const told = last === null ? null : { result: last.result, at: iso(last.at_ms), due_at };
      return { job: id, summary, cron, state, last: told, missed, next_at: iso(nextDate_ms(cron, now_ms)) };
    });
    const text = table(invocation.terminal, jobs, [
      { title: "job", value: ({ job }) => job },
      { title: "state", value: ({ state, missed }) => (missed === 0 ? state : `${state}, ${missed} missed`) },
      { title: "last", value: ({ last }) => (last === null ? "-" : `${last.result} ${last.at}`) },
      { title: "next (UTC)", value: ({ next_at }) => next_at },
      { title: "cron", value: ({ cron }) => cron },
      { title: "what", value: ({ summary }) => summary },
    ]);
    return { data: { now: iso(now_ms), jobs }, text };
  },
});
