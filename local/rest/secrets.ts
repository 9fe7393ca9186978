/** Secrets of a script: names can be listed, values only set. Each change is a new version, deployed at once. */
import { Hono } from "hono";
import { z } from "zod";
import type { WorkerBinding } from "../../infra/bindings.ts";
import { ApiError, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";
import { WORKERS_MALFORMED } from "./script-upload.ts";
import type { WorkerStore } from "./worker-store.ts";

const secretBody = z.object({
  name: z.string().regex(/^[A-Za-z_]\w*$/, "a JavaScript identifier"),
  text: z.string(),
  type: z.literal("secret_text").default("secret_text"),
});

/** Null takes a secret away. */
const bulkBody = z.object({ secrets: z.record(secretBody.shape.name, secretBody.nullable()) });

/** Bindings with secrets set, or taken away where they are null. */
export function withSecrets(
  bindings: readonly WorkerBinding[],
  secrets: Readonly<Record<string, { text: string } | null>>,
): WorkerBinding[] {
  const set = Object.entries(secrets).flatMap(([name, secret]) =>
    secret === null ? [] : [{ type: "secret_text" as const, name, text: secret.text }],
  );
  return [...bindings.filter(({ name }) => !Object.hasOwn(secrets, name)), ...set];
}

/** Routes below `/accounts/:account_id`. */
export function secretRoutes(store: WorkerStore): Hono {
  const secretNames = (script: string): string[] =>
    (store.versions(script)[0]?.bindings ?? []).flatMap(({ type, name }) => (type === "secret_text" ? [name] : []));
  const shown = (name: string) => ({ name, type: "secret_text" });

  /** Deploys the latest version with changed bindings. */
  const change = async (script: string, by: (bindings: WorkerBinding[]) => WorkerBinding[], message: string) => {
    const [latest] = store.versions(script);
    if (!latest)
      throw new ApiError(400, 10215, "Secret edit failed. The Worker has no version yet: upload its code first.");
    const live = store.deployments(script)[0]?.versions ?? [];
    if (live.length !== 1 || live[0]?.version_id !== latest.id)
      throw new ApiError(
        400,
        10215,
        "Secret edit failed. You attempted to modify a secret, but the latest version of your Worker isn't currently deployed.",
      );
    const annotations = { "workers/message": message, "workers/triggered_by": "secret" };
    const version = store.addVersionWithBindings(latest, by(latest.bindings), annotations);
    try {
      await store.deploy(script, [{ version_id: version.id, percentage: 100 }], "api", annotations);
    } catch (error) {
      // Left behind, the version would be the latest and bar the next change of a secret.
      store.engine.registry.delete("version", version.id);
      throw error;
    }
  };

  return new Hono()
    .get("/workers/scripts/:name/secrets", (c) => ok(c, secretNames(store.script(c.req.param("name")).id).map(shown)))
    .put("/workers/scripts/:name/secrets", async (c) => {
      const script = store.script(c.req.param("name"));
      const secret = await jsonBody(c, secretBody, WORKERS_MALFORMED);
      await change(
        script.id,
        (bindings) => withSecrets(bindings, { [secret.name]: secret }),
        `Set secret ${secret.name}`,
      );
      return ok(c, shown(secret.name));
    })
    .patch("/workers/scripts/:name/secrets-bulk", async (c) => {
      const { id } = store.script(c.req.param("name"));
      const { secrets } = await jsonBody(c, bulkBody, WORKERS_MALFORMED);
      await change(id, (bindings) => withSecrets(bindings, secrets), "Bulk updated secrets");
      return ok(c, secretNames(id).map(shown));
    })
    .get("/workers/scripts/:name/secrets/:secret", (c) => {
      const { name, secret } = c.req.param();
      if (!secretNames(store.script(name).id).includes(secret)) throw noSecret(secret);
      return ok(c, shown(secret));
    })
    .delete("/workers/scripts/:name/secrets/:secret", async (c) => {
      const { name, secret } = c.req.param();
      if (!secretNames(store.script(name).id).includes(secret)) throw noSecret(secret);
      await change(name, (bindings) => withSecrets(bindings, { [secret]: null }), `Deleted secret ${secret}`);
      return ok(c, null);
    });
}

function noSecret(name: string): ApiError {
  return new ApiError(404, 10056, `Binding '${name}' not found.`);
}
