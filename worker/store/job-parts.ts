/** What a part of a job comes to, and where its documents wait. Apart, because ops and the Worker share it and nothing else of jobs. */
import { z } from "zod";

export const partOutcome = z.object({
  created: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  /** Left alone, because the document was written after the job had been received. Parts of older versions lack it. */
  superseded: z.number().default(0),
  failed: z.number(),
  rows_written: z.number(),
  embedded_texts: z.number(),
  errors: z.array(z.object({ id: z.string(), detail: z.string() })),
});
export type PartOutcome = z.infer<typeof partOutcome>;

export const NO_OUTCOME: PartOutcome = {
  created: 0,
  updated: 0,
  unchanged: 0,
  superseded: 0,
  failed: 0,
  rows_written: 0,
  embedded_texts: 0,
  errors: [],
};

/** Where a part's documents wait in R2. */
export function stagedKey(job_id: string, part: number): string {
  return `staging/${job_id}/${part}.json`;
}
