/** What a job's commands have measured that the Worker cannot see of itself: the end of the run reports it, and alert rules judge it. */
import { z } from "zod";
import { REPORTED_METRICS } from "../../worker/alerts/metrics.ts";

/** As `--json` of a command has it, in its field `measures`, and as a heartbeat takes it. */
export const measured = z.partialRecord(z.enum(REPORTED_METRICS), z.number().min(0));
export type Measures = z.infer<typeof measured>;

const output = z.looseObject({ measures: measured });

/** The measures in what a command printed; none where it printed something else, or was killed. */
export function measuresIn(printed: string): Measures {
  try {
    return output.safeParse(JSON.parse(printed)).data?.measures ?? {};
  } catch {
    return {};
  }
}
