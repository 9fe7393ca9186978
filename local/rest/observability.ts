/** Which of a Worker's lines and spans are kept, and where they are exported to, as the Workers APIs take it and the newer one shows it. Pure. */
import { z } from "zod";

const rate = z.number().min(0).max(1).nullish();
const kept = { enabled: z.boolean().optional(), head_sampling_rate: rate, persist: z.boolean().optional() };
const destinations = z.array(z.string()).optional();

export const observabilityBody = z.looseObject({
  enabled: z.boolean().optional(),
  head_sampling_rate: rate,
  logs: z.looseObject({ ...kept, destinations, invocation_logs: z.boolean().optional() }).nullish(),
  traces: z.looseObject({ ...kept, destinations }).nullish(),
});
export type Observability = z.infer<typeof observabilityBody>;

/** Every setting, what was never sent with Cloudflare's default: its answers leave none out. */
export function shownObservability({ enabled = false, logs, traces, ...others }: Observability) {
  const defaults = { head_sampling_rate: 1, persist: true, destinations: [] };
  return {
    head_sampling_rate: 1,
    ...others,
    enabled,
    logs: { enabled, invocation_logs: true, ...defaults, ...logs },
    traces: { enabled: false, ...defaults, ...traces },
  };
}

/** The settings after a partial update: what `sent` leaves out stays, at every depth. */
export function patchedObservability(before: Observability, sent: Observability): Observability {
  const { logs, traces } = shownObservability(before);
  return { ...before, ...sent, logs: { ...logs, ...sent.logs }, traces: { ...traces, ...sent.traces } };
}
