/** Logpush jobs as records; `telemetry/logpush.ts` carries them out. */
import { Hono } from "hono";
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { r2Destination } from "../telemetry/logpush.ts";
import { recordFilter } from "../telemetry/logpush-filter.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { jsonBody } from "./request-body.ts";

const LOGPUSH_MALFORMED = 1002;

function isFilter(text: string): boolean {
  try {
    return text === "" || Boolean(recordFilter(text));
  } catch {
    return false;
  }
}

const changeBody = z.looseObject({
  destination_conf: z.string().optional(),
  enabled: z.boolean().optional(),
  filter: z.string().refine(isFilter, "no filter of records").nullish(),
  name: z.string().nullish(),
  output_options: z.record(z.string(), z.unknown()).nullish(),
});
const createBody = changeBody.extend({ dataset: z.string(), destination_conf: z.string() });

/** Routes below `/accounts/:account_id`. `workers_trace_events` is for the paid plan only. */
export function logpushRoutes(engine: Engine, plan: "free" | "paid"): Hono {
  const { registry } = engine;
  const job = (id: string) => registry.get("logpush_job", id) ?? notFound(1004, `The job ${id} does not exist.`);
  const refuse = (destination: string | undefined) => {
    if (plan === "free")
      throw new ApiError(403, 1003, "Logpush is not available on the Free plan: the account needs Workers Paid");
    if (destination === undefined) return;
    const bucket = r2Destination(destination)?.bucket;
    if (bucket === undefined)
      throw new ApiError(
        400,
        LOGPUSH_MALFORMED,
        "destination_conf is no r2:// address or lacks account-id, access-key-id or secret-access-key",
      );
    if (!registry.get("r2", bucket))
      throw new ApiError(400, LOGPUSH_MALFORMED, `destination_conf names the bucket ${bucket}, which does not exist`);
  };
  return new Hono()
    .get("/logpush/jobs", (c) => ok(c, registry.list("logpush_job")))
    .post("/logpush/jobs", async (c) => {
      const body = await jsonBody(c, createBody, LOGPUSH_MALFORMED);
      refuse(body.destination_conf);
      const id = Math.max(0, ...registry.list("logpush_job").map((one) => one.id)) + 1;
      const record = { enabled: false, last_complete: null, last_error: null, error_message: null, ...body, id };
      registry.put("logpush_job", String(id), record);
      return ok(c, record, { status: 201 });
    })
    .get("/logpush/jobs/:id", (c) => ok(c, job(c.req.param("id"))))
    .put("/logpush/jobs/:id", async (c) => {
      const record = job(c.req.param("id"));
      const body = await jsonBody(c, changeBody, LOGPUSH_MALFORMED);
      refuse(body.destination_conf);
      const changed = { ...record, ...body, id: record.id };
      registry.put("logpush_job", String(record.id), changed);
      return ok(c, changed);
    })
    .delete("/logpush/jobs/:id", (c) => {
      const { id } = job(c.req.param("id"));
      registry.delete("logpush_job", String(id));
      return ok(c, { id });
    });
}
