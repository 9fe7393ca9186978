/** Worker scripts: upload and deploy in one call, list, read, delete, script-level settings, workers.dev. */
import { createHash } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { ScriptRecord, VersionRecord } from "../registry.ts";
import { ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import {
  multipartSettings,
  multipartUpload,
  scriptSettings,
  type UploadSettings,
  WORKERS_MALFORMED,
} from "./script-upload.ts";
import { shownBindings } from "./version-view.ts";
import type { WorkerStore } from "./worker-store.ts";

const SETTING_NAMES = scriptSettings.keyof().options;
const subdomainBody = z.object({ enabled: z.boolean(), previews_enabled: z.boolean().optional() });

/** The settings that the API shows; absent ones have Cloudflare's defaults. */
export function shownSettings({ settings }: ScriptRecord): Record<(typeof SETTING_NAMES)[number], unknown> {
  return {
    logpush: settings.logpush ?? false,
    observability: settings.observability ?? { enabled: false },
    tags: settings.tags ?? [],
    tail_consumers: settings.tail_consumers ?? [],
  };
}

/** Takes over the script-level settings among `sent`; those not sent stay. */
export function withSettings(script: ScriptRecord, sent: z.infer<typeof scriptSettings>): ScriptRecord {
  const settings = { ...script.settings };
  for (const name of SETTING_NAMES) if (sent[name] !== undefined) settings[name] = sent[name];
  return { ...script, settings };
}

/** Routes below `/accounts/:account_id`. */
export function scriptRoutes(store: WorkerStore): Hono {
  const shown = (script: ScriptRecord) => {
    const latest = store.versions(script.id)[0];
    return {
      id: script.id,
      tag: store.workerId(script),
      created_on: script.created_on,
      modified_on: script.modified_on,
      has_assets: false,
      has_modules: true,
      usage_model: "standard",
      last_deployed_from: "api",
      ...shownSettings(script),
      ...(script.migration_tag === undefined ? {} : { migration_tag: script.migration_tag }),
      ...(latest && {
        etag: etag(latest),
        compatibility_date: latest.compatibility_date,
        compatibility_flags: latest.compatibility_flags,
      }),
    };
  };
  const settings = (script: ScriptRecord) => {
    const latest = store.versions(script.id)[0];
    return {
      ...shownSettings(script),
      usage_model: "standard",
      bindings: latest ? shownBindings(latest.bindings) : [],
      compatibility_date: latest?.compatibility_date,
      compatibility_flags: latest?.compatibility_flags ?? [],
      ...(script.migration_tag === undefined ? {} : { migration_tag: script.migration_tag }),
    };
  };
  return (
    new Hono()
      .get("/workers/scripts", (c) => ok(c, store.engine.registry.list("script").map(shown)))
      .put("/workers/scripts/:name", async (c) => {
        const name = c.req.param("name");
        const { settings, modules } = await multipartUpload(c.req.raw);
        const existing = store.engine.registry.get("script", name);
        const script = withSettings(existing ?? store.createScript(name), settings);
        try {
          const version = store.addVersion(store.saveScript(script), settings, modules);
          await store.deploy(name, [{ version_id: version.id, percentage: 100 }], "api", {});
          // The version's id, in spite of its name.
          const deployment_id = version.id.replaceAll("-", "");
          return ok(c, { ...shown(store.script(name)), deployment_id, startup_time_ms: 1 });
        } catch (error) {
          // An upload that fails leaves no empty script behind.
          if (!existing) await store.deleteScript(name);
          throw error;
        }
      })
      .get("/workers/scripts/:name", (c) => {
        const script = store.script(c.req.param("name"));
        const live = store.versions(script.id)[0];
        return c.body(live?.modules[live.main_module]?.content ?? "", 200, {
          "Content-Type": "application/javascript",
        });
      })
      .get("/workers/scripts/:name/content/v2", (c) => {
        const live = store.versions(store.script(c.req.param("name")).id)[0];
        const form = new FormData();
        for (const [module, { content, content_type }] of Object.entries(live?.modules ?? {}))
          form.append(module, new File([content], module, { type: content_type }));
        return new Response(form, { headers: { "cf-entrypoint": live?.main_module ?? "" } });
      })
      .delete("/workers/scripts/:name", async (c) => {
        await store.deleteScript(store.script(c.req.param("name")).id);
        return ok(c, { id: c.req.param("name") });
      })
      .get("/workers/scripts/:name/settings", (c) => ok(c, settings(store.script(c.req.param("name")))))
      .patch("/workers/scripts/:name/settings", async (c) => {
        const script = store.script(c.req.param("name"));
        const patch = await multipartSettings(c.req.raw);
        store.saveScript(withSettings(script, patch));
        const [latest] = store.versions(script.id);
        if (latest && (patch.bindings || patch.compatibility_date || patch.compatibility_flags)) {
          const version = store.addVersion(script, { ...uploadOf(latest), ...patch }, latest.modules);
          await store.deploy(script.id, [{ version_id: version.id, percentage: 100 }], "api", {});
        }
        return ok(c, settings(store.script(script.id)));
      })
      .get("/workers/scripts/:name/script-settings", (c) => ok(c, shownSettings(store.script(c.req.param("name")))))
      .patch("/workers/scripts/:name/script-settings", async (c) => {
        const script = store.script(c.req.param("name"));
        const saved = store.saveScript(withSettings(script, await jsonBody(c, scriptSettings, WORKERS_MALFORMED)));
        return ok(c, shownSettings(saved));
      })
      .get("/workers/scripts/:name/subdomain", (c) => ok(c, subdomain(store.script(c.req.param("name")))))
      .post("/workers/scripts/:name/subdomain", async (c) => {
        const script = store.script(c.req.param("name"));
        const { enabled, previews_enabled } = await jsonBody(c, subdomainBody, WORKERS_MALFORMED);
        return ok(c, subdomain(store.saveScript(withSubdomain(script, enabled, previews_enabled))));
      })
      .delete("/workers/scripts/:name/subdomain", (c) => {
        const script = store.script(c.req.param("name"));
        return ok(c, subdomain(store.saveScript(withSubdomain(script, false, false))));
      })
      // A script in the words of an older API, which wrangler still asks before it deploys and when it deletes.
      .get("/workers/services/:name", (c) => {
        const script = store.script(c.req.param("name"));
        const { id, created_on, modified_on } = script;
        return ok(c, {
          id,
          default_environment: { environment: "production", created_on, modified_on, script: shown(script) },
          created_on,
          modified_on,
        });
      })
      .delete("/workers/services/:name", async (c) => {
        await store.deleteScript(store.script(c.req.param("name")).id);
        return ok(c, null);
      })
      .get("/workers/subdomain", (c) => ok(c, { subdomain: "prism-local" }))
  );
}

/** workers.dev has no meaning on this machine: kept so that what was declared reads back. */
export function subdomain(script: ScriptRecord): { enabled: boolean; previews_enabled: boolean } {
  return { enabled: script.subdomain_enabled, previews_enabled: script.settings.previews_enabled === true };
}

export function withSubdomain(script: ScriptRecord, enabled: boolean, previews_enabled = enabled): ScriptRecord {
  return { ...script, subdomain_enabled: enabled, settings: { ...script.settings, previews_enabled } };
}

function etag({ modules }: VersionRecord): string {
  return createHash("sha256").update(JSON.stringify(modules)).digest("hex");
}

/** A version as if it were uploaded again: every binding inherited. */
function uploadOf(version: VersionRecord): UploadSettings {
  const { main_module, compatibility_date, compatibility_flags, bindings } = version;
  return {
    main_module,
    compatibility_date,
    compatibility_flags,
    bindings: bindings.map(({ name }) => ({ type: "inherit", name })),
    keep_bindings: [],
    annotations: {},
  };
}
