/**
 * What a provider plugin of this project is, in plain values: the gRPC face (`plugin-server.ts`) asks these questions.
 *
 * Secrets reach a plugin bare and the engine marks them again in what it returns; nothing here knows of envelopes.
 */

export type Properties = Record<string, unknown>;

export interface CheckFailure {
  property: string;
  reason: string;
}

/** What an update would do. Without `changed` there is nothing to do. */
export interface Diff {
  /** Top-level properties that differ, and how. */
  changed: Record<string, "add" | "update" | "delete">;
  /** Those among them that cannot change in place. */
  replaces: string[];
  /** The new one cannot exist beside the old one, e.g. because both have the same name. */
  delete_before_replace: boolean;
}

interface Subject {
  urn: string;
  /** Aborted when the user stops the engine. */
  signal: AbortSignal;
}

/** A resource that exists. */
interface Existing extends Subject {
  id: string;
  /** Its outputs as the stack's state has them. */
  state: Properties;
}

interface Mutation {
  /** Nothing may be changed: the outputs as far as they are known are asked for. */
  preview: boolean;
  /** From the resource's `customTimeouts`; 0 when it has none. */
  timeout_ms: number;
}

export interface Plugin {
  /** Of the package, e.g. `vectorize`. */
  name: string;
  version: string;
  /** Package schema in JSON, for `pulumi import` and code generation. */
  schema: string;
  /** The provider's configuration as it is kept in state; values may be secret envelopes. */
  checkConfig(config: Properties): Properties;
  /** @throws when it cannot work with this, e.g. without an API token. */
  configure(config: Record<string, string>): void;
  /** Inputs with defaults filled in, and what is wrong with them. Values may be unknown (see `unknowns.ts`). */
  check(request: { urn: string; news: Properties }): { inputs: Properties; failures: CheckFailure[] };
  /** `old_inputs` are those of the last update: what is in state but not among them was computed. */
  diff(request: Existing & { news: Properties; old_inputs: Properties }): Promise<Diff>;
  create(request: Subject & Mutation & { inputs: Properties }): Promise<{ id: string; outputs: Properties }>;
  /** The resource as it is now; null when it is gone. `state` and `inputs` are empty during an import. */
  read(
    request: Existing & { inputs: Properties },
  ): Promise<{ id: string; outputs: Properties; inputs: Properties } | null>;
  update(request: Existing & Mutation & { news: Properties }): Promise<Properties>;
  delete(request: Existing): Promise<void>;
  /** A function of the package, e.g. a data source. */
  invoke?(token: string, args: Properties): Promise<Properties>;
}

/** The resource exists but is not what was asked for: the engine records it, and the next update finishes the work. */
export class PartlyDone extends Error {
  readonly id: string;
  readonly outputs: Properties;

  constructor(message: string, id: string, outputs: Properties) {
    super(message);
    this.name = "PartlyDone";
    this.id = id;
    this.outputs = outputs;
  }
}
