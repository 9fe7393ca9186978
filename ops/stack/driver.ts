/**
 * A stack as delivery sees it: what is configured, what `up` would do, doing it, and what then exists.
 *
 * Two kinds: `pulumi-driver.ts` has the engine do it, on any stack; `local-driver.ts` runs the same program on this machine's platform
 * without an engine. Nothing else in ops knows which one it has.
 */
import { z } from "zod";
import type { SecretName, Stack } from "../../infra/inventory.ts";
import type { StackOutputs } from "../../infra/outputs.ts";

export const plannedStep = z.strictObject({
  /** What happens to one resource. `replace` may lose data, as may `delete`. */
  kind: z.enum(["create", "update", "replace", "delete", "same"]),
  /** Pulumi's type token, e.g. `cloudflare:index/d1Database:D1Database`. */
  type: z.string(),
  /** Name in the program, e.g. `prism-db-g1`: what a waiver names. */
  name: z.string(),
  /** Top-level properties that differ. No values: they may be secret. */
  changed: z.array(z.string()),
  /** Whether the engine refuses to replace or delete it. */
  protected: z.boolean(),
});
export type PlannedStep = z.infer<typeof plannedStep>;

export interface StackPlan {
  steps: PlannedStep[];
  warnings: string[];
}

export const driftedResource = z.strictObject({
  type: z.string().describe("Pulumi's type token"),
  name: z.string(),
  state: z.enum(["unchanged", "drifted", "missing"]),
  changed: z.array(z.string()).describe("inputs that differ from what was deployed; empty unless drifted"),
});
export type DriftedResource = z.infer<typeof driftedResource>;

/** A resource that the program declares and that the stack does not know yet: the next `up` would create it. */
export interface UnmanagedResource {
  type: string;
  name: string;
  /** Never printed: some may be secret. What is not known yet is the engine's mark for it. */
  inputs: Record<string, unknown>;
}

/** How a secret changes without being shown to anybody. `swap`: both are set, and each gets the other's value. */
export type SecretChange =
  | { kind: "set"; name: SecretName; value: string }
  | { kind: "swap"; names: readonly [SecretName, SecretName] }
  | { kind: "remove"; name: SecretName };

/** Path of a key in the stack's configuration, without the project's prefix: `database.live`, `rollout`. */
export type ConfigPath = string;

export interface StackDriver {
  readonly stack: Stack;
  /** What `up` would do. Changes nothing. */
  preview(): Promise<StackPlan>;
  /**
   * Makes the account what the program and the configuration say. `on_step` hears of each resource as it is done.
   * @throws OpsError with the provider's own words and the remedy; what was done before stays done, and a repetition goes on from there.
   */
  up(on_step?: (step: PlannedStep) => void): Promise<StackOutputs>;
  /** What the last `up` told. @throws OpsError when the stack was never deployed. */
  outputs(): Promise<StackOutputs>;
  /** Compares what was deployed with what is there. Changes nothing. */
  drift(): Promise<DriftedResource[]>;
  /**
   * What `preview` and `up` compare the program with. The engine takes its state for what is there, until it is told of a difference.
   */
  readonly compares_with: "account" | "state";
  /** Takes what is otherwise of these, or gone, into the state. Nothing where that is not compared with. */
  notice(drift: readonly DriftedResource[]): Promise<void>;
  /** What `ops adopt` looks for in the account. Changes nothing. */
  unmanaged(): Promise<UnmanagedResource[]>;
  /** The configured value (structures as such), or undefined. Secrets are never read through this. */
  getConfig(path: ConfigPath): Promise<unknown>;
  /** Writes all of them or none. `undefined` removes a key. */
  setConfig(changes: Readonly<Record<ConfigPath, unknown>>): Promise<void>;
  /**
   * Changes a secret of the configuration, and with it plain keys: together or not at all, except that a `set` is there before them.
   * @throws OpsError where a secret that is to be swapped is not set.
   */
  changeSecret(change: SecretChange, changes: Readonly<Record<ConfigPath, unknown>>): Promise<void>;
}
