/**
 * The newer Workers API (`workers/workers`), which `@pulumi/cloudflare`'s `Worker` and `WorkerVersion` speak: a
 * Worker exists before its code, and versions are JSON with base64 modules. The records are those of `scripts.ts`.
 */
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { ScriptRecord, VersionRecord } from "../registry.ts";
import { ApiError, ok } from "./envelope.ts";
import { type Observability, observabilityBody, patchedObservability, shownObservability } from "./observability.ts";
import { okPage } from "./pagination.ts";
import { jsonBody } from "./request-body.ts";
import { base64Modules, checkedUpload, INVALID_WORKER, unreadable, WORKERS_MALFORMED } from "./script-upload.ts";
import { shownSettings, subdomain, withSettings, withSubdomain } from "./scripts.ts";
import { withSecrets } from "./secrets.ts";
import { shownBindings } from "./version-view.ts";
import type { WorkerStore } from "./worker-store.ts";

const workerFields = z.object({
  logpush: z.boolean().optional(),
  observability: observabilityBody.optional(),
  subdomain: z.object({ enabled: z.boolean().optional(), previews_enabled: z.boolean().optional() }).optional(),
  tags: z.array(z.string()).optional(),
  tail_consumers: z.array(z.object({ name: z.string() })).optional(),
});
const createBody = workerFields.extend({ name: z.string() });
const updateBody = workerFields.extend({ name: z.string().optional() });
const versionBody = z.looseObject({
  main_module: z.string(),
  modules: z.array(z.object({ name: z.string(), content_type: z.string(), content_base64: z.base64() })),
});
/** What of a version may be changed into a new one: its secrets, and what is noted of it. */
const versionPatch = z.object({
  env: z.record(z.string(), z.object({ type: z.literal("secret_text"), text: z.string() }).nullable()).default({}),
  annotations: z.record(z.string(), z.string().optional()).default({}),
});

const PAGE = { default: 10, max: 100, code: WORKERS_MALFORMED };

/** Routes below `/accounts/:account_id`. */
export function workersBetaRoutes(store: WorkerStore): Hono {
  const { registry } = store.engine;
  const shown = (script: ScriptRecord) => ({
    id: store.workerId(script),
    name: script.id,
    created_on: script.created_on,
    updated_on: script.modified_on,
    deployed_on: store.deployments(script.id)[0]?.created_on ?? null,
    ...shownSettings(script),
    observability: shownObservability(observability(script)),
    subdomain: {
      ...subdomain(script),
      // No such host answers here: the service's own address is that of the front proxy.
      ...(script.subdomain_enabled ? { url: `https://${script.id}.prism-local.workers.dev` } : {}),
    },
    references: {
      dispatch_namespace_outbounds: [],
      domains: [],
      durable_objects: [],
      queues: registry
        .list("queue")
        .flatMap(({ queue_id, queue_name, consumers }) =>
          consumers
            .filter(({ script_name }) => script_name === script.id)
            .map(({ consumer_id }) => ({ queue_consumer_id: consumer_id, queue_id, queue_name })),
        ),
      workers: [],
    },
  });
  const apply = (script: ScriptRecord, fields: z.infer<typeof workerFields>): ScriptRecord => {
    const set = withSettings(script, fields);
    if (!fields.subdomain) return store.saveScript(set);
    const { enabled = false, previews_enabled = false } = fields.subdomain;
    return store.saveScript(withSubdomain(set, enabled, previews_enabled));
  };
  /** A partial update leaves what it does not name as it was, inside of objects as well. */
  const patched = (script: ScriptRecord, fields: z.infer<typeof workerFields>): z.infer<typeof workerFields> => ({
    ...fields,
    ...(fields.observability && {
      observability: patchedObservability(observability(script), fields.observability),
    }),
    ...(fields.subdomain && { subdomain: { ...subdomain(script), ...fields.subdomain } }),
  });
  /** `whole`: the fields after a change, from those that were sent. */
  const change = async (c: Context, id: string, whole: typeof patched) => {
    const script = store.scriptByIdOrName(id);
    const { name = script.id, ...fields } = await jsonBody(c, updateBody, WORKERS_MALFORMED);
    if (name !== script.id)
      throw unreadable(`The local platform cannot rename ${script.id} to ${name}: create another Worker`);
    return ok(c, shown(apply(script, whole(script, fields))));
  };
  const defaults = { logpush: false, observability: { enabled: false }, tags: [], tail_consumers: [], subdomain: {} };

  return new Hono()
    .get("/workers/workers", (c) => okPage(c, registry.list("script").map(shown), PAGE))
    .post("/workers/workers", async (c) => {
      const { name, ...fields } = await jsonBody(c, createBody, WORKERS_MALFORMED);
      if (registry.get("script", name)) throw new ApiError(409, 10040, `A Worker named ${name} already exists.`);
      return ok(c, shown(apply(store.createScript(name), fields)));
    })
    .get("/workers/workers/:id", (c) => ok(c, shown(store.scriptByIdOrName(c.req.param("id")))))
    .put("/workers/workers/:id", (c) => change(c, c.req.param("id"), (_, fields) => ({ ...defaults, ...fields })))
    .patch("/workers/workers/:id", (c) => change(c, c.req.param("id"), patched))
    .delete("/workers/workers/:id", async (c) => {
      await store.deleteScript(store.scriptByIdOrName(c.req.param("id")).id);
      return ok(c, null);
    })
    .get("/workers/workers/:id/versions", (c) => {
      const script = store.scriptByIdOrName(c.req.param("id"));
      const versions = store.versions(script.id).map((version) => shownVersion(version, script, false));
      return okPage(c, versions, PAGE);
    })
    .post("/workers/workers/:id/versions", async (c) => {
      const script = store.scriptByIdOrName(c.req.param("id"));
      const { modules: sent, ...settings } = await jsonBody(c, versionBody, INVALID_WORKER);
      const modules = base64Modules(sent);
      const version = store.addVersion(script, checkedUpload(settings, modules), modules);
      if (c.req.query("deploy") === "true")
        await store.deploy(script.id, [{ version_id: version.id, percentage: 100 }], "api", {});
      return ok(c, shownVersion(version, script, false));
    })
    .patch("/workers/workers/:id/versions/latest", async (c) => {
      const script = store.scriptByIdOrName(c.req.param("id"));
      const [latest] = store.versions(script.id);
      if (!latest) throw new ApiError(404, 10222, "There are no uploaded versions of this Worker.");
      const { env, annotations } = await jsonBody(c, versionPatch, WORKERS_MALFORMED);
      const noted = Object.entries(annotations).filter((entry): entry is [string, string] => entry[1] !== undefined);
      const version = store.addVersionWithBindings(
        latest,
        withSecrets(latest.bindings, env),
        Object.fromEntries(noted),
      );
      return ok(c, shownVersion(version, script, false));
    })
    .get("/workers/workers/:id/versions/:version", (c) => {
      const script = store.scriptByIdOrName(c.req.param("id"));
      const version = store.version(script.id, c.req.param("version"));
      return ok(c, shownVersion(version, script, c.req.query("include") === "modules"));
    })
    .delete("/workers/workers/:id/versions/:version", (c) => {
      const script = store.scriptByIdOrName(c.req.param("id"));
      const version = store.version(script.id, c.req.param("version"));
      if (store.deployments(script.id)[0]?.versions.some(({ version_id }) => version_id === version.id))
        throw unreadable("The version is live and cannot be deleted: deploy another one first");
      registry.delete("version", version.id);
      return ok(c, null);
    });
}

/** As it was sent, to this API or to the older one. */
function observability({ settings }: ScriptRecord): Observability {
  return observabilityBody.parse(settings.observability ?? {});
}

function shownVersion(version: VersionRecord, script: ScriptRecord, withModules: boolean): Record<string, unknown> {
  const { id, number, created_on, annotations, bindings, main_module, compatibility_date, compatibility_flags } =
    version;
  return {
    id,
    number,
    created_on,
    annotations,
    bindings: shownBindings(bindings),
    main_module,
    compatibility_date,
    compatibility_flags,
    source: "api",
    urls: [],
    usage_model: "standard",
    ...(version.limits === undefined ? {} : { limits: version.limits }),
    ...(script.migration_tag === undefined ? {} : { migration_tag: script.migration_tag }),
    ...(withModules && {
      modules: Object.entries(version.modules).map(([name, { content, content_type }]) => ({
        name,
        content_type,
        content_base64: Buffer.from(content).toString("base64"),
      })),
    }),
  };
}
