/** Options that the commands of the schedule share. */
import { z } from "zod";
import { misuse } from "../command/errors.ts";
import type { Job } from "./job.ts";
import { JOBS } from "./jobs.ts";

export const nowOption = z.iso
  .datetime({ offset: true, error: "expected an ISO date and time such as 2026-03-01T02:00:00Z" })
  .transform((text) => Date.parse(text))
  .optional()
  .meta({ placeholder: "time", description: "as if it were this moment, e.g. 2026-03-01T02:00:00Z" });

export const jobNames = z.array(z.string()).default([]).describe("ids of jobs, as `schedule list` prints them");

/** @throws OpsError of usage for a name that no job has. */
export function jobsNamed(names: readonly string[]): Job[] {
  return names.map((name) => {
    const job = JOBS.find(({ id }) => id === name);
    if (job !== undefined) return job;
    const hint = `there are ${JOBS.map(({ id }) => id).join(", ")}`;
    throw misuse({ op: "find", subject: name, cause: "no job has this id", hint });
  });
}
