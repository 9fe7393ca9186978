/** What callers met during a delivery, phase by phase, and how it is told. */
import { z } from "zod";
import { table } from "../command/output.ts";

const seen = z.strictObject({ requests: z.number(), failed: z.number() });

const phaseTraffic = z.strictObject({
  phase: z.string(),
  /** Those under way count where they began. */
  requests: z.number(),
  /** No answer, or one of 500 and above. */
  failed: z.number(),
  /** Of the new version alone, by its override; not among the others. */
  candidate: seen,
  longest_ms: z.number(),
  /** How the first failures read, those of the new version included. */
  examples: z.array(z.string()),
});
export type PhaseTraffic = z.infer<typeof phaseTraffic>;

export const trafficReport = z.strictObject({
  requests: z.number(),
  failed: z.number(),
  /** Requests for the new version alone, which no caller sent. */
  candidate: seen,
  phases: z.array(phaseTraffic),
});
export type TrafficReport = z.infer<typeof trafficReport>;

/** The sum of all phases, and those in which something was asked. */
export function reported(phases: readonly PhaseTraffic[]): TrafficReport {
  const sum = (pick: (phase: PhaseTraffic) => number) => phases.reduce((all, phase) => all + pick(phase), 0);
  return {
    requests: sum(({ requests }) => requests),
    failed: sum(({ failed }) => failed),
    candidate: {
      requests: sum(({ candidate }) => candidate.requests),
      failed: sum(({ candidate }) => candidate.failed),
    },
    phases: phases.filter(({ requests, candidate }) => requests + candidate.requests > 0),
  };
}

/** A row for each phase, and the sum. */
export function trafficText({ requests, failed, phases }: TrafficReport, terminal: boolean): string {
  const rows = table(terminal, phases, [
    { title: "phase", value: ({ phase }) => phase },
    { title: "requests", value: (phase) => phase.requests, align: "right" },
    { title: "failed", value: (phase) => phase.failed, align: "right" },
    { title: "longest ms", value: ({ longest_ms }) => longest_ms, align: "right" },
    {
      title: "of the new version",
      value: ({ candidate }) => (candidate.requests === 0 ? "-" : `${candidate.failed}/${candidate.requests} failed`),
      align: "right",
    },
  ]);
  return `${rows}\nRequests during it: ${requests}, failed: ${failed}.`;
}
