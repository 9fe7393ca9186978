/** What an alert rule is. Thresholds stand in the rules alone (`rules.ts`). */
import { z } from "zod";
import { METRIC_NAMES, METRICS } from "./metrics.ts";

/** critical = SEV-1 and SEV-2, warning = SEV-3, info = SEV-4. */
export const SEVERITIES = ["critical", "warning", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Where an alert goes; the configuration says which channels that are (`configuration.ts`). */
export const ROUTES = ["page", "mail", "quiet"] as const;

/** What is told once and has no state. */
export const CHANGE_KINDS = ["deploy", "backup", "scale", "incident", "cloudflare"] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

const clause = z
  .strictObject({
    metric: z.enum(METRIC_NAMES),
    /** Over how many minutes, for windowed metrics. */
    window_min: z.int().positive().optional(),
    /** Only readings with these labels. */
    where: z.record(z.string(), z.string()).optional(),
    is: z.enum([">", ">=", "<", "<="]),
    value: z.number(),
  })
  .superRefine(({ metric, window_min, where = {} }, context) => {
    const { windowed, labels } = METRICS[metric];
    if (windowed !== (window_min !== undefined))
      context.addIssue(`${metric} ${windowed ? "needs" : "has no"} window_min`);
    const known: readonly string[] = labels;
    for (const label of Object.keys(where))
      if (!known.includes(label)) context.addIssue(`${metric} has no label ${label}`);
  });
export type Clause = z.infer<typeof clause>;

export const alertRule = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
    summary: z.string(),
    severity: z.enum(SEVERITIES),
    /** All clauses hold, or a change of this kind happens. */
    condition: z.union([
      z.strictObject({ all: z.array(clause).min(1) }),
      z.strictObject({ change: z.enum(CHANGE_KINDS) }),
    ]),
    /** How long the condition must hold before it fires. */
    for_min: z.int().min(0),
    /**
     * What no data means. `clear`: the condition does not hold. `keep`: nothing changes. `fire`: it holds, for a metric whose silence
     * is the failure.
     */
    missing: z.enum(["clear", "keep", "fire"]),
    channels: z.enum(ROUTES),
    /** A file of `runbooks/`; null for changes that call for nothing. */
    runbook: z.string().nullable(),
    /** Labels that tell alerts of this rule apart; all others are one alert. */
    dedup: z.array(z.string()),
    /** How long the condition must be gone before the alert resolves; longer for one that flaps. */
    resolve: z.strictObject({ after_min: z.int().min(0) }),
  })
  .superRefine(({ condition, dedup, runbook }, context) => {
    if (runbook === null && "all" in condition) context.addIssue("an alert that may fire needs a runbook");
    const labels =
      "all" in condition ? condition.all.flatMap(({ metric }): readonly string[] => METRICS[metric].labels) : [];
    for (const label of dedup) if (!labels.includes(label)) context.addIssue(`no metric of the condition has ${label}`);
  });
export type AlertRule = z.infer<typeof alertRule>;
