/**
 * What the local stack keeps between two runs, beside the platform's own files: its configuration, and what was deployed. It
 * holds secrets (tokens, outputs), so only its owner may read it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { stackOutputs } from "../../infra/outputs.ts";
import { writeWhole } from "../../infra/write-whole.ts";
import { OpsError } from "../../ops/command/errors.ts";

const properties = z.record(z.string(), z.unknown());
/** What is remembered of a resource between two runs. */
const knownResource = z.strictObject({
  type: z.string(),
  name: z.string(),
  id: z.string(),
  inputs: properties,
  outputs: properties,
  protect: z.boolean(),
  retain_on_delete: z.boolean(),
});
export type KnownResource = z.infer<typeof knownResource>;

const stackState = z.strictObject({
  stack: z.enum(STACKS),
  /** Over `Pulumi.local.yaml`; keys without the project's prefix, no secrets. */
  config: properties,
  /** Null before the first complete run. */
  outputs: stackOutputs.nullable(),
  /** In the order in which they were made. */
  resources: z.array(knownResource),
});
export type StackState = z.infer<typeof stackState>;

const FILE = "stack.json";

/** Null where nothing was configured or deployed yet. @throws OpsError when the file is damaged. */
export function readState(dataDir: string): StackState | null {
  const path = join(dataDir, FILE);
  if (!existsSync(path)) return null;
  try {
    return stackState.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new OpsError(
      {
        op: "read",
        subject: path,
        cause: "the state of the local stack is damaged or of another version",
        hint: `move ${path} away: the next deployment finds again what is there, and makes new API tokens`,
      },
      { error },
    );
  }
}

export function writeState(dataDir: string, state: StackState): void {
  const path = join(dataDir, FILE);
  writeWhole(path, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}
