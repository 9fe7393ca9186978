/** Alerts, silences, heartbeats. */
import { z } from "@hono/zod-openapi";
import { METRICS, REPORTED_METRICS } from "../alerts/metrics.ts";
import { CHANGE_KINDS, SEVERITIES } from "../alerts/rule.ts";
import {
  ALERT_NOTE_CHARS_MAX,
  HEARTBEAT_DURATION_MAX_MS,
  HEARTBEAT_GRACE_DEFAULT_S,
  HEARTBEAT_GRACE_MAX_S,
  SILENCE_MINUTES_MAX,
} from "../limits.ts";
import { SHOWN, shownText } from "./documents.ts";

const instant = z.iso.datetime();

const alert = z.object({
  id: z.string().openapi({ example: "quota-high:kv_writes", description: "The rule, and the values of its labels." }),
  rule: z.string(),
  labels: z.record(z.string(), z.string()),
  state: z.enum(["pending", "firing", "resolved"]),
  severity: z.enum(SEVERITIES),
  summary: z.string(),
  runbook: z.string().nullable().openapi({ description: "A file of runbooks/, without its ending." }),
  value: z.number().nullable(),
  since: instant.openapi({ description: "When the state was entered." }),
  flaps: z.int().openapi({ description: "How often it fired again within an hour of resolving." }),
  told_at: instant.nullable().openapi({ description: "When channels were told; null: not, or silenced." }),
  escalated: z.int().openapi({ description: "Steps of escalation taken." }),
  acknowledged: z.object({ by: z.string(), at: instant }).nullable(),
  silenced_until: instant.nullable(),
});

const silence = z.object({ id: z.string(), until: instant, by: z.string(), reason: z.string() });

const heardJob = z.object({
  job: z.string(),
  result: z.enum(["start", "success", "fail", "awaited"]),
  at: instant,
  duration_ms: z.number().nullable(),
  succeeded_at: instant.nullable(),
  run_id: z.string().nullable(),
  due_at: instant.nullable().openapi({ description: "The date that the run was for." }),
  lease_until: instant.nullable().openapi({ description: "While it runs: no other run may begin before." }),
  next_due_at: instant.nullable(),
  late_s: z.int().openapi({ description: "Past its due time and grace; 0: in time." }),
});

export const alertList = z
  .object({
    evaluated_at: instant.nullable().openapi({ description: "Null: cron has not run yet." }),
    configuration: z.enum(["none", "valid", "invalid"]),
    channels: z.array(z.object({ id: z.string(), type: z.enum(["slack", "pagerduty", "email", "webhook"]) })),
    on_call: z.record(z.string(), z.string()).openapi({ description: "Who is on call now, by rotation." }),
    alerts: z.array(alert),
    silences: z.array(silence),
    jobs: z.array(heardJob),
    deliveries: z
      .array(
        z.object({
          id: z.int(),
          channel: z.string(),
          kind: z.enum(["firing", "escalation", "acknowledged", "resolved", "change", "test"]),
          alert: z.string(),
          state: z.enum(["waiting", "sent", "given up"]),
          attempts: z.int(),
          created_at: instant,
          at: instant.openapi({ description: "When it is tried again, or was settled." }),
          error: z.string().nullable(),
        }),
      )
      .openapi({ description: "Newest first." }),
    changes: z
      .array(z.object({ at: instant, kind: z.enum(CHANGE_KINDS), summary: z.string() }))
      .openapi({ description: "What was done or happened lately, newest first." }),
  })
  .openapi("Alerts");
export type AlertList = z.infer<typeof alertList>;

export const alertPath = z.object({ id: z.string().min(1).max(200).openapi({ example: "error-rate" }) });

export const acknowledgement = z
  .object({ id: z.string(), acknowledged: z.object({ by: z.string(), at: instant }) })
  .openapi("Acknowledgement");

const reason = shownText.trim().min(1).max(ALERT_NOTE_CHARS_MAX).openapi({ pattern: SHOWN });

export const silenceRequest = z
  .strictObject({
    minutes: z.int().min(1).max(SILENCE_MINUTES_MAX).openapi({ description: "From now on.", example: 60 }),
    reason: reason.openapi({ example: "planned maintenance" }),
  })
  .openapi("SilenceRequest");
export const silenceAnswer = silence.openapi("Silence");

export const channelTest = z.strictObject({ channel: z.string().min(1).max(100) }).openapi("ChannelTest");
export const channelTestAnswer = z
  .object({ channel: z.string(), delivered: z.boolean(), error: z.string().nullable() })
  .openapi("ChannelTestAnswer");
export type AlertTest = z.infer<typeof channelTestAnswer>;

export const heartbeatPath = z.object({
  job: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "lower-case letters, digits and `-`")
    .max(64)
    .openapi({ example: "backup" }),
});

/** A moment that a job names; null: it names none. */
const named = (description: string) =>
  z.iso.datetime({ offset: true }).nullable().default(null).openapi({ description });

export const heartbeatRequest = z
  .strictObject({
    result: z.enum(["start", "success", "fail"]),
    duration_ms: z.number().positive().max(HEARTBEAT_DURATION_MAX_MS).nullable().default(null),
    at: named(
      "When it happened, where that was before now; null: now. What happened before the last heartbeat changes nothing.",
    ),
    run_id: z
      .string()
      .regex(/^[\w.-]{8,64}$/, "8 to 64 letters, digits, `.`, `_` and `-`")
      .nullable()
      .default(null)
      .openapi({ description: "Of the caller's choice. With it another run is refused while this one has the job." }),
    due_at: named("The date that the run is for: one run may begin for it."),
    next_due_at: named("When the next heartbeat is due; null: whenever."),
    grace_s: z
      .int()
      .min(1)
      .max(HEARTBEAT_GRACE_MAX_S)
      .default(HEARTBEAT_GRACE_DEFAULT_S)
      .openapi({ description: "How late it may be; after a start, how long it may take." }),
    measures: z
      .strictObject(
        Object.fromEntries(
          REPORTED_METRICS.map((name) => [
            name,
            z.number().min(0).optional().openapi({ description: METRICS[name].meaning }),
          ]),
        ) as Record<(typeof REPORTED_METRICS)[number], z.ZodOptional<z.ZodNumber>>,
      )
      .default({})
      .openapi({ description: "What only somebody outside the Worker can measure." }),
  })
  .openapi("Heartbeat");
export type HeartbeatRequest = z.output<typeof heartbeatRequest>;

/** A heartbeat as ops leaves it in KV while the service is down. */
export const waitingHeartbeat = z.object({ job: heartbeatPath.shape.job, beat: heartbeatRequest });

export const heartbeatList = z.object({ jobs: z.array(heardJob) }).openapi("Heartbeats");
export type HeartbeatList = z.infer<typeof heartbeatList>;

export const heartbeatAnswer = z
  .object({
    job: z.string(),
    result: z.enum(["start", "success", "fail"]),
    at: instant,
    next_due_at: instant.nullable(),
  })
  .openapi("HeartbeatAnswer");
export type HeartbeatAnswer = z.infer<typeof heartbeatAnswer>;
