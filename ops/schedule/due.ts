/** `ops schedule due` */
import { z } from "zod";
import { defineCommand } from "../command/define.ts";
import { table } from "../command/output.ts";
import { dueRuns } from "./due-rule.ts";
import { JOBS } from "./jobs.ts";
import { nowOption } from "./options.ts";
import { lastRuns } from "./states.ts";

const shown = z.strictObject({
  job: z.string(),
  due_at: z.string(),
  state: z.enum(["due", "late"]),
  missed: z.int(),
  resumes: z.string().nullable().describe("the killed run that a run now goes on with"),
});

export const scheduleDue = defineCommand({
  path: "schedule due",
  group: "schedule",
  summary: "jobs that are due, in the order in which `schedule run --due` runs them",
  risk: "read",
  options: z.object({ now: nowOption }),
  output: z.strictObject({ now: z.string(), due: z.array(shown) }),
  examples: ["schedule due", "schedule due --now 2026-03-01T02:00:00Z --json"],
  async run(invocation, { now }) {
    const now_ms = now ?? invocation.now();
    const due = dueRuns(JOBS, await lastRuns(invocation, JOBS), now_ms).map(
      ({ job, due_ms, state, missed, resumes }) => ({
        job: job.id,
        due_at: new Date(due_ms).toISOString(),
        state: state === "late" ? state : ("due" as const),
        missed,
        resumes,
      }),
    );
    const drawn = table(invocation.terminal, due, [
      { title: "job", value: ({ job }) => job },
      { title: "due", value: ({ due_at }) => due_at },
      { title: "state", value: ({ state }) => state },
      { title: "missed before", value: ({ missed }) => missed, align: "right" },
      { title: "goes on with", value: ({ resumes }) => resumes ?? "-" },
    ]);
    const text = due.length === 0 ? "Nothing is due." : drawn;
    return { data: { now: new Date(now_ms).toISOString(), due }, text };
  },
});
