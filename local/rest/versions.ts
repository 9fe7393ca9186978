/** Versions of a script and the deployments that send traffic to them. */
import { Hono } from "hono";
import { z } from "zod";
import { notFound, ok } from "./envelope.ts";
import { pageOf } from "./pagination.ts";
import { jsonBody } from "./request-body.ts";
import { multipartUpload, unreadable, WORKERS_MALFORMED } from "./script-upload.ts";
import { versionDetail, versionSummary } from "./version-view.ts";
import type { WorkerStore } from "./worker-store.ts";

const deploymentBody = z.object({
  strategy: z.literal("percentage"),
  versions: z.array(z.object({ version_id: z.string(), percentage: z.number().min(0).max(100) })),
  annotations: z.record(z.string(), z.string()).default({}),
});

/** Routes below `/accounts/:account_id`. */
export function versionRoutes(store: WorkerStore): Hono {
  const deployment = (script: string, id: string) =>
    store.deployments(script).find((one) => one.id === id) ??
    notFound(10007, `Deployment ${id} of ${script} does not exist.`);
  return new Hono()
    .post("/workers/scripts/:name/versions", async (c) => {
      const script = store.script(c.req.param("name"));
      const { settings, modules } = await multipartUpload(c.req.raw);
      return ok(c, versionDetail(store.addVersion(script, settings, modules)));
    })
    .get("/workers/scripts/:name/versions", (c) => {
      const versions = store.versions(store.script(c.req.param("name")).id);
      const { items, result_info } = pageOf(c, versions, { default: 10, max: 100, code: WORKERS_MALFORMED });
      return ok(c, { items: items.map(versionSummary) }, { result_info });
    })
    .get("/workers/scripts/:name/versions/:id", (c) =>
      ok(c, versionDetail(store.version(store.script(c.req.param("name")).id, c.req.param("id")))),
    )
    .post("/workers/scripts/:name/deployments", async (c) => {
      const script = store.script(c.req.param("name"));
      const { versions, annotations } = await jsonBody(c, deploymentBody, WORKERS_MALFORMED);
      const record = await store.deploy(script.id, versions, "api", annotations);
      return ok(c, shown(record));
    })
    .get("/workers/scripts/:name/deployments", (c) =>
      ok(c, { deployments: store.deployments(store.script(c.req.param("name")).id).map(shown) }),
    )
    .get("/workers/scripts/:name/deployments/:id", (c) =>
      ok(c, shown(deployment(store.script(c.req.param("name")).id, c.req.param("id")))),
    )
    .delete("/workers/scripts/:name/deployments/:id", (c) => {
      const script = store.script(c.req.param("name"));
      const record = deployment(script.id, c.req.param("id"));
      if (record.id === store.deployments(script.id)[0]?.id)
        throw unreadable("The live deployment cannot be deleted: deploy another version first");
      store.engine.registry.delete("deployment", record.id);
      return ok(c, null);
    });
}

function shown({ script_name: _, ...record }: ReturnType<WorkerStore["deployments"]>[number]) {
  return { ...record, author_email: "local@prism.invalid" };
}
