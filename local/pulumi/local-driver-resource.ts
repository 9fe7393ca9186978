/**
 * One resource of the local stack, as an engine would treat it: compared with what is there, then made, changed, replaced, left
 * alone or refused. The resource types are those of the provider stand-in and of the Vectorize provider, in this process.
 */
import type { DeclaredResource } from "../../infra/program-monitor.ts";
import { EngineLog } from "../../infra/provider/engine-log.ts";
import { PartlyDone, type Plugin, type Properties } from "../../infra/provider/plugin.ts";
import { hasUnknown } from "../../infra/provider/unknowns.ts";
import { VectorizeApi } from "../../infra/provider/vectorize-api.ts";
import { vectorizeIndex } from "../../infra/provider/vectorize-index.ts";
import { type CloudflareAddress, createCloudflare } from "../../ops/cloudflare/api.ts";
import type { Cloudflare } from "../../ops/cloudflare/official.ts";
import { OpsError, refusal } from "../../ops/command/errors.ts";
import type { DriftedResource, PlannedStep } from "../../ops/stack/driver.ts";
import { findExisting } from "../../ops/stack/natural-keys.ts";
import type { KnownResource } from "./local-driver-state.ts";
import { PackageTypes } from "./package-types.ts";
import { cloudflareStandIn } from "./stand-in-provider.ts";

type Lifecycle = Pick<Plugin, "check" | "diff" | "create" | "read" | "update" | "delete">;

export interface Reconciliation {
  step: PlannedStep;
  /** As it is, or in a preview as far as that is known. `id` is empty for one that does not exist yet. */
  resource: KnownResource;
}

export class LocalResources {
  readonly #client: Cloudflare;
  readonly #cloudflare: Plugin;
  readonly #vectorize: Lifecycle;
  readonly #signal: AbortSignal;

  constructor(address: CloudflareAddress, signal: AbortSignal) {
    this.#signal = signal;
    this.#client = createCloudflare(address, { signal });
    this.#cloudflare = cloudflareStandIn(new PackageTypes(), {});
    this.#cloudflare.configure({ apiToken: address.token, baseUrl: address.api_url });
    const api = new VectorizeApi({ apiToken: address.token, baseURL: address.api_url });
    this.#vectorize = vectorizeIndex(() => api, new EngineLog(undefined));
  }

  /** A question of the program, e.g. which permission groups there are. */
  async invoke(token: string, args: Properties): Promise<Properties> {
    return (await this.#cloudflare.invoke?.(token, args)) ?? {};
  }

  /** Makes the resource what is declared; a preview only says what that would take. @throws where an engine refuses. */
  async reconcile(
    declared: DeclaredResource,
    known: KnownResource | undefined,
    preview: boolean,
  ): Promise<Reconciliation> {
    const { type, name, protect, retain_on_delete } = declared;
    const of = this.#of(type, name);
    const { inputs, failures } = of.plugin.check({ urn: of.urn, news: declared.inputs });
    const [failure] = failures;
    if (failure) throw refused(name, `${failure.property}: ${failure.reason}`);
    const secrets = Object.fromEntries(declared.secret_inputs.map((input) => [input, inputs[input]]));
    const live = await this.#find(type, name, inputs, known, secrets);
    const mutation = { urn: of.urn, signal: this.#signal, preview, timeout_ms: 0 };
    const result = (kind: PlannedStep["kind"], changed: string[], id: string, outputs: Properties): Reconciliation => ({
      step: { kind, type, name, changed: changed.sort(), protected: live !== null && (known?.protect ?? protect) },
      resource: { type, name, id, inputs, outputs, protect, retain_on_delete },
    });
    const make = async (kind: "create" | "replace", changed: string[]) => {
      const made = await of.plugin.create({ ...mutation, inputs }).catch((error: unknown) => {
        if (error instanceof PartlyDone) return { id: error.id, outputs: error.outputs, error };
        throw error;
      });
      if ("error" in made) throw made.error;
      return result(kind, changed, made.id, made.outputs);
    };
    if (live === null) return make("create", []);

    const before = { urn: of.urn, signal: this.#signal, id: live.id, state: live.outputs };
    const diff = await of.plugin.diff({ ...before, news: inputs, old_inputs: known?.inputs ?? {} });
    const changed = Object.keys(diff.changed);
    if (changed.length === 0) return result("same", [], live.id, live.outputs);
    if (diff.replaces.length === 0)
      return result("update", changed, live.id, await of.plugin.update({ ...mutation, ...before, news: inputs }));
    const kept = known?.protect ?? protect;
    if (preview) return result("replace", changed, "", inputs);
    if (kept) throw isProtected(name, "replaced", diff.replaces);
    const old = { ...live, type, name, inputs, protect, retain_on_delete: known?.retain_on_delete ?? retain_on_delete };
    if (diff.delete_before_replace) await this.delete(old);
    const replaced = await make("replace", changed);
    if (!diff.delete_before_replace) await this.delete(old);
    return replaced;
  }

  /** Removes what the program no longer declares, unless it was declared to stay. */
  async delete(known: KnownResource): Promise<void> {
    if (known.retain_on_delete) return;
    const of = this.#of(known.type, known.name);
    await of.plugin.delete({ urn: of.urn, signal: this.#signal, id: known.id, state: known.outputs });
  }

  async drift(known: KnownResource): Promise<DriftedResource> {
    const { type, name, inputs } = known;
    const live = await this.#find(type, name, inputs, known);
    if (live === null) return { type, name, state: "missing", changed: [] };
    const of = this.#of(type, name);
    const { changed } = await of.plugin.diff({
      ...{ urn: of.urn, signal: this.#signal, id: live.id, state: live.outputs },
      ...{ news: inputs, old_inputs: inputs },
    });
    const names = Object.keys(changed).sort();
    return { type, name, state: names.length > 0 ? "drifted" : "unchanged", changed: names };
  }

  /**
   * The resource as it is: the known one, or one that is already there under its name. What no answer shows of the latter is taken
   * for what `secrets` says: this installation's own are what it was seeded with.
   */
  async #find(
    type: string,
    name: string,
    inputs: Properties,
    known: KnownResource | undefined,
    secrets: Properties = {},
  ): Promise<{ id: string; outputs: Properties } | null> {
    const of = this.#of(type, name);
    const read = (id: string, state: Properties, old: Properties) =>
      of.plugin.read({ urn: of.urn, signal: this.#signal, id, state, inputs: old });
    const kept = known ? await read(known.id, known.outputs, known.inputs) : null;
    if (kept !== null) return kept;
    // Gone, or made again by a run that was interrupted before it could write down the new one.
    // Below something that does not exist yet there is nothing.
    const id = hasUnknown(placeOf(inputs)) ? null : await findExisting(this.#client, type, inputs);
    if (id === null) return null;
    // An import would want an id of another shape; what is declared says the rest.
    const owner = { accountId: inputs.accountId, zoneId: inputs.zoneId };
    const address = Object.fromEntries(
      Object.entries({ ...owner, ...placeOf(inputs) }).filter(([, one]) => one !== undefined),
    );
    return read(id, { ...secrets, ...address }, address);
  }

  #of(type: string, name: string): { urn: string; plugin: Lifecycle } {
    const urn = `urn:pulumi:local::prism::${type}::${name}`;
    return { urn, plugin: type.startsWith("cloudflare:") ? this.#cloudflare : this.#vectorize };
  }
}

/** Properties that say below what a resource lives. */
function placeOf({ bucketName, scriptName, queueId, workerId }: Properties): Properties {
  return { bucketName, scriptName, queueId, workerId };
}

export function isProtected(name: string, verb: "replaced" | "deleted", properties: readonly string[]): OpsError {
  return refusal({
    op: "deploy",
    subject: name,
    cause: `it would be ${verb}${properties.length > 0 ? ` (${properties.join(", ")})` : ""}, and it is protected: its data would be lost`,
    hint: "make a new generation beside it, or lift the protection with an entry in prism:waivers and one deployment (infra/README.md)",
  });
}

function refused(name: string, cause: string): OpsError {
  return new OpsError({
    op: "declare",
    subject: name,
    cause,
    hint: "correct what the message names in infra/ or in the stack's configuration, then repeat",
  });
}
