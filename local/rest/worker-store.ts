/**
 * Scripts, versions and deployments as the registry holds them, and the rules that all faces of the Workers API
 * share: an upload becomes a version, a deployment names versions, workerd must accept it before it counts.
 */
import { createHash, randomUUID } from "node:crypto";
import type { WorkerBinding } from "../../infra/bindings.ts";
import { VERSIONS_PER_DEPLOYMENT_MAX } from "../../infra/cloudflare-limits.ts";
import { PLANS, type Plan } from "../../infra/limits.ts";
import type { Engine } from "../engine.ts";
import type { DeploymentRecord, ScriptRecord, VersionRecord } from "../registry.ts";
import { ApiError, notFound } from "./envelope.ts";
import { invalidWorker, type Modules, storedBinding, type UploadSettings } from "./script-upload.ts";

type Split = DeploymentRecord["versions"];

export class WorkerStore {
  readonly engine: Engine;
  readonly plan: Plan;

  constructor(engine: Engine, plan: Plan) {
    this.engine = engine;
    this.plan = plan;
  }

  /** @throws ApiError 404, code 10007. */
  script(name: string): ScriptRecord {
    return this.engine.registry.get("script", name) ?? notFound(10007, "This Worker does not exist on your account.");
  }

  /** By name, or by the id that the newer API gives it. */
  scriptByIdOrName(key: string): ScriptRecord {
    return this.engine.registry.list("script").find((script) => this.workerId(script) === key) ?? this.script(key);
  }

  /** The newer API's id: stable for the life of a script, another one when the name is used again. */
  workerId({ id, created_on }: ScriptRecord): string {
    return createHash("sha256").update(`${this.engine.account_id} ${id} ${created_on}`).digest("hex").slice(0, 32);
  }

  createScript(name: string): ScriptRecord {
    if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name))
      throw new ApiError(
        400,
        10016,
        `"${name}" is not a valid script name: lowercase letters, digits, dashes, underscores`,
      );
    const now = this.#timestamp();
    const record: ScriptRecord = {
      id: name,
      created_on: now,
      modified_on: now,
      schedules: [],
      subdomain_enabled: false,
      settings: {},
    };
    this.engine.registry.put("script", name, record);
    return record;
  }

  saveScript(record: ScriptRecord): ScriptRecord {
    const saved = { ...record, modified_on: this.#timestamp() };
    this.engine.registry.put("script", record.id, saved);
    return saved;
  }

  async deleteScript(name: string): Promise<void> {
    const { registry } = this.engine;
    const consuming = registry
      .list("queue")
      .find(({ consumers }) => consumers.some(({ script_name }) => script_name === name));
    if (consuming)
      throw new ApiError(
        400,
        10064,
        `This Worker consumes the queue ${consuming.queue_name}: remove the consumer first`,
      );
    const deployments = this.deployments(name);
    for (const deployment of deployments) registry.delete("deployment", deployment.id);
    for (const version of this.versions(name)) registry.delete("version", version.id);
    registry.delete("script", name);
    if (deployments.length > 0) await this.engine.reload();
  }

  /** Newest first. */
  versions(scriptName: string): VersionRecord[] {
    const all = this.engine.registry.list("version").filter(({ script_name }) => script_name === scriptName);
    return all.toSorted((a, b) => b.number - a.number);
  }

  /** @throws ApiError 404. */
  version(scriptName: string, id: string): VersionRecord {
    const record = this.engine.registry.get("version", id);
    if (record?.script_name !== scriptName)
      throw new ApiError(404, 100146, `Version ${id} of ${scriptName} does not exist.`);
    return record;
  }

  /** Newest first; the first one is live. */
  deployments(scriptName: string): DeploymentRecord[] {
    return this.engine.registry
      .list("deployment")
      .filter(({ script_name }) => script_name === scriptName)
      .toReversed();
  }

  /** Stores an upload as the script's next version. Nothing runs it yet. */
  addVersion(script: ScriptRecord, upload: UploadSettings, modules: Modules): VersionRecord {
    const latest = this.versions(script.id)[0];
    const number = (latest?.number ?? 0) + 1;
    const bindings = this.#resolvedBindings(upload, latest);
    for (const binding of bindings) this.#refuseMissing(binding);
    this.#refuseMigration(script, upload);
    if (upload.limits?.cpu_ms !== undefined && !PLANS[this.plan].cpu_limit)
      throw new ApiError(400, 100328, "CPU limits are not supported for the Free plan: remove limits.cpu_ms");
    const record: VersionRecord = {
      id: randomUUID(),
      script_name: script.id,
      number,
      created_on: this.#timestamp(),
      compatibility_date: upload.compatibility_date,
      compatibility_flags: upload.compatibility_flags,
      main_module: upload.main_module,
      ...(upload.limits ? { limits: upload.limits } : {}),
      modules,
      bindings,
      annotations: upload.annotations,
    };
    this.engine.registry.put("version", record.id, record);
    this.#applyMigration(script, upload, number);
    return record;
  }

  /** The latest version with other bindings, e.g. after a secret changed. */
  addVersionWithBindings(
    latest: VersionRecord,
    bindings: WorkerBinding[],
    annotations: Record<string, string>,
  ): VersionRecord {
    const record = {
      ...latest,
      id: randomUUID(),
      number: latest.number + 1,
      created_on: this.#timestamp(),
      bindings,
      annotations,
    };
    this.engine.registry.put("version", record.id, record);
    return record;
  }

  /**
   * Sends traffic to `split`. When workerd refuses, the deployment is forgotten and the previous one goes on.
   * @throws ApiError for a split that Cloudflare refuses, a rollback across a migration, or code that does not start.
   */
  async deploy(
    scriptName: string,
    split: Split,
    source: string,
    annotations: Record<string, string>,
  ): Promise<DeploymentRecord> {
    const { registry } = this.engine;
    if (split.length === 0 || split.length > VERSIONS_PER_DEPLOYMENT_MAX)
      throw invalidWorker(`a deployment has 1 to ${VERSIONS_PER_DEPLOYMENT_MAX} versions, got ${split.length}`);
    const total = split.reduce((sum, { percentage }) => sum + percentage, 0);
    if (Math.abs(total - 100) > 0.001)
      throw invalidWorker(`the percentages of a deployment must sum to 100, got ${total}`);
    if (new Set(split.map(({ version_id }) => version_id)).size < split.length)
      throw invalidWorker("a deployment names each version once");
    const migrated_at = Number(this.script(scriptName).settings.migrated_at_version ?? 0);
    for (const { version_id } of split) {
      const { number, bindings } = this.version(scriptName, version_id);
      for (const binding of bindings) this.#refuseMissing(binding);
      if (number < migrated_at)
        throw invalidWorker(
          `Version ${version_id} (number ${number}) precedes the Durable Object migration of version number ${migrated_at}: it cannot be deployed any more. Upload its code as a new version`,
        );
    }
    const record: DeploymentRecord = {
      id: randomUUID(),
      script_name: scriptName,
      created_on: this.#timestamp(),
      source,
      strategy: "percentage",
      versions: split,
      annotations,
    };
    registry.put("deployment", record.id, record);
    try {
      await this.engine.reload();
    } catch (error) {
      registry.delete("deployment", record.id);
      throw invalidWorker(`The Worker did not start, the previous deployment goes on: ${(error as Error).message}`);
    }
    return record;
  }

  #resolvedBindings(upload: UploadSettings, latest: VersionRecord | undefined): WorkerBinding[] {
    const declared = upload.bindings.map((binding): WorkerBinding => {
      if (binding.type !== "inherit") return storedBinding(binding);
      const inherited = latest?.bindings.find(({ name }) => name === binding.name);
      if (!inherited) throw invalidWorker(`binding ${binding.name} cannot be inherited: no earlier version has it`);
      return inherited;
    });
    const kept = (latest?.bindings ?? []).filter(
      ({ type, name }) => upload.keep_bindings.includes(type) && !declared.some((binding) => binding.name === name),
    );
    return [...declared, ...kept];
  }

  /** Vectorize indexes are not asked here: their store belongs to another face, and workerd meets them at first use. */
  #refuseMissing(binding: WorkerBinding): void {
    const { registry } = this.engine;
    if (binding.type === "d1" && !registry.get("d1", binding.id))
      throw invalidWorker(`binding ${binding.name} of type d1 must have a valid \`id\` specified`);
    if (binding.type === "kv_namespace" && !registry.get("kv", binding.namespace_id))
      throw new ApiError(400, 10041, `KV namespace '${binding.namespace_id}' not found (binding ${binding.name})`);
    if (binding.type === "r2_bucket" && !registry.get("r2", binding.bucket_name))
      throw new ApiError(400, 10085, `R2 bucket '${binding.bucket_name}' not found (binding ${binding.name})`);
    if (binding.type === "queue" && !registry.list("queue").some(({ queue_name }) => queue_name === binding.queue_name))
      throw new ApiError(400, 11000, `Queue '${binding.queue_name}' not found (binding ${binding.name})`);
  }

  #refuseMigration({ migration_tag = "" }: ScriptRecord, { migrations }: UploadSettings): void {
    const { old_tag } = migrations ?? {};
    if (old_tag !== undefined && old_tag !== migration_tag)
      throw new ApiError(
        412,
        10079,
        `Migration tag precondition failed: old_tag is "${old_tag}", the Worker is at "${migration_tag}"`,
      );
  }

  #applyMigration(script: ScriptRecord, { migrations }: UploadSettings, number: number): void {
    const migration_tag = migrations?.new_tag ?? migrations?.tag;
    if (migration_tag === undefined || migration_tag === script.migration_tag) return;
    // Cloudflare refuses to roll back across a migration; the first one creates the classes, nothing precedes it.
    const first = script.migration_tag === undefined;
    const settings = first ? script.settings : { ...script.settings, migrated_at_version: number };
    this.saveScript({ ...script, settings, migration_tag });
  }

  #timestamp(): string {
    return new Date(this.engine.now()).toISOString();
  }
}
