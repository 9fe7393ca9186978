/**
 * What is kept and exported of what the Workers do. Spans are made by the platform itself; where they go is an OTLP destination of
 * the account, which the configuration names: the provider has no resource for one.
 */
import { plan } from "./account.ts";
import { config } from "./config.ts";
import { TRACES, WORKER_SETTINGS } from "./inventory.ts";

const { enabled, head_sampling_rate, logs, traces } = WORKER_SETTINGS.observability;
const { telemetryDestinations } = config;

/** Left out where there are none, so that the provider keeps what it reads. */
const to = (destinations: string[]) => (destinations.length === 0 ? {} : { destinations });

/** Of the Worker and of the watchdog. */
export const observability = {
  enabled,
  headSamplingRate: head_sampling_rate,
  logs: { enabled: logs.enabled, invocationLogs: logs.invocation_logs, ...to(telemetryDestinations.logs) },
  traces: plan.traces
    ? { enabled: true, headSamplingRate: TRACES.head_sampling_rate, ...to(telemetryDestinations.traces) }
    : { enabled: traces.enabled },
};
