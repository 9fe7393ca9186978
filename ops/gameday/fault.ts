/** What a fault is: something that goes wrong from outside the bundle, which alert must tell of it, and which runbook mends it. */
import type { Arena } from "./arena.ts";

/** What failed requests raise beside the alert of their cause, by how fast they burn the budget. */
export const ERROR_ALERTS = [
  "error-rate",
  "availability",
  "slo-availability-fast",
  "slo-availability-quick",
  "slo-availability-steady",
  "slo-availability-slow",
  "user-errors",
] as const;

/** The same of slow ones. */
export const LATENCY_ALERTS = [
  "latency",
  "slo-latency-fast",
  "slo-latency-quick",
  "slo-latency-steady",
  "slo-latency-slow",
] as const;

export interface Fault {
  id: string;
  /** What happens, in a few words. */
  what: string;
  /** Id of the rule that must tell of it. */
  alert: string;
  /** Rules that tell of it as well, or may. Any other alert is a false one. */
  also?: readonly string[];
  /** Id of the runbook that is run. */
  runbook: string;
  /** It needs a platform on which nothing has happened before. */
  alone?: true;
  /** What must be so before it strikes, such as the time of day. */
  prepare?(arena: Arena): Promise<void>;
  /** Lets what is left of the time before it pass at once; after the warm-up. */
  approach?(arena: Arena): Promise<void>;
  inject(arena: Arena): Promise<void>;
  /** What callers do in each minute from then on until the alert fires, beside the usual traffic. */
  workload?(arena: Arena): Promise<void>;
  /** Minutes that the condition needs to build up, where it is a sum over a window longer than five minutes. */
  builds_up_min?: number;
  /**
   * What ends the fault where no command can: a provider that comes back, a caller who gives up. It happens after the runbook was
   * run once; then the runbook goes on.
   */
  passes?(arena: Arena): Promise<void>;
  /** What else must be so when it is over. @throws Error saying what is not. */
  afterwards?(arena: Arena): Promise<void>;
  /** Situations that the engineer on call sees, as `when=` of the runbook's steps names them. */
  situations?: readonly string[];
  /** What the engineer on call would put into the variables that the runbook names. */
  variables?(arena: Arena): Promise<Record<string, string>>;
}
