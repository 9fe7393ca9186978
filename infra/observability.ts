/**
 * What is kept and exported of what the Workers do. Spans are made by the platform itself; where they go is an OTLP destination of
 * the account, which the configuration names: the provider has no resource for one.
 */
import { plan } from "./account.ts";
import { config } from "./config.ts";
import { TRACES, WORKER_SETTINGS } from "./inventory.ts";

const { enabled, head_sampling_rate, logs, traces } = WORKER_SETTINGS.observability;
const { telemetryDestinations } = config;

/**
 * Of the Worker and of the watchdog. Destinations are declared where there are none, too: what is left out the provider keeps as it
 * was, so that lines and spans would go on to a destination that the configuration no longer names.
 */
export const observability = {
  enabled,
  headSamplingRate: head_sampling_rate,
  logs: { enabled: logs.enabled, invocationLogs: logs.invocation_logs, destinations: telemetryDestinations.logs },
  traces: {
    ...(plan.traces ? { enabled: true, headSamplingRate: TRACES.head_sampling_rate } : { enabled: traces.enabled }),
    destinations: telemetryDestinations.traces,
  },
};
