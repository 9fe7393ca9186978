/** What came of a fault. */
import { z } from "zod";

export const ranStep = z.strictObject({ name: z.string(), outcome: z.string(), duration_ms: z.number().nullable() });

export const played = z.strictObject({
  id: z.string(),
  alert: z.string(),
  runbook: z.string(),
  detected_after_s: z
    .number()
    .nullable()
    .describe("platform time from the fault until a channel was told, less `rule_waits_s`; null: never"),
  rule_waits_s: z.number().describe("for so long the rule wants its condition to hold, or to build up over its window"),
  recovered_after_s: z
    .number()
    .nullable()
    .describe("platform time from the fault until the journeys passed again after the runbook; null: they do not"),
  resolved_after_s: z
    .number()
    .nullable()
    .describe(
      "until the channel was told that the alert is over, which a rule over a long window says late; null: never",
    ),
  alerts: z.array(z.string()).describe("rules that told of something"),
  unexpected: z.array(z.string()).describe("rules that this fault must not raise, or that told of something before it"),
  requests: z.int().describe("of callers, from the fault to the recovery"),
  failed: z.int().describe("those that were answered with a server error, or not at all"),
  promised: z.int().describe("documents whose write was acknowledged before, during or after the fault"),
  lost: z.int().describe("promised documents that are not there word for word"),
  shortfall: z.string().nullable().describe("what else was not as it must be when it was over"),
  runbook_done: z.boolean().describe("it was carried out to its end"),
  steps: z.array(ranStep).describe("of the runbook, as far as they were carried out"),
});
export type Played = z.infer<typeof played>;
