/** R2 buckets and their rules. Objects go through the S3 API, as everything in this project does. */
import { Hono } from "hono";
import { z } from "zod";
import { R2_LIFECYCLE_RULES_MAX, R2_LOCK_RULES_MAX } from "../../infra/cloudflare-limits.ts";
import type { Engine } from "../engine.ts";
import type { BucketRecord } from "../registry.ts";
import { lockRule } from "../s3/lock-rules.ts";
import { ApiError, notFound, ok } from "./envelope.ts";
import { integerQuery, jsonBody } from "./request-body.ts";

/** R2's code for a request it cannot read. */
const R2_MALFORMED = 10040;

const createBody = z.object({
  name: z.string(),
  locationHint: z.enum(["apac", "eeur", "enam", "weur", "wnam", "oc"]).optional(),
  storageClass: z.enum(["Standard", "InfrequentAccess"]).optional(),
});
const BUCKET_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

const ageOrDate = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Age"), maxAge: z.number().int().positive() }),
  z.object({ type: z.literal("Date"), date: z.string() }),
]);
const lifecycleBody = z.object({
  rules: z
    .array(
      z.object({
        id: z.string(),
        enabled: z.boolean(),
        conditions: z.object({ prefix: z.string() }).default({ prefix: "" }),
        abortMultipartUploadsTransition: z
          .object({ condition: z.object({ type: z.literal("Age"), maxAge: z.number().int().positive() }).optional() })
          .optional(),
        deleteObjectsTransition: z.object({ condition: ageOrDate.optional() }).optional(),
        storageClassTransitions: z
          .array(z.object({ condition: ageOrDate, storageClass: z.literal("InfrequentAccess") }))
          .optional(),
      }),
    )
    .max(R2_LIFECYCLE_RULES_MAX)
    .default([]),
});
const lockBody = z.object({ rules: z.array(lockRule).max(R2_LOCK_RULES_MAX).default([]) });

/** Every new bucket has this rule. https://developers.cloudflare.com/r2/buckets/object-lifecycles/ */
const DEFAULT_LIFECYCLE_RULE = {
  id: "Default Multipart Abort Rule",
  enabled: true,
  conditions: { prefix: "" },
  abortMultipartUploadsTransition: { condition: { type: "Age", maxAge: 604_800 } },
};

/** What the API shows of a bucket. */
function shown({ name, creation_date, location, storage_class }: BucketRecord) {
  return { name, creation_date, location, storage_class, jurisdiction: "default" };
}

/** Routes below `/accounts/:account_id`. */
export function r2Routes(engine: Engine): Hono {
  const { registry } = engine;
  const bucket = (name: string) => registry.get("r2", name) ?? notFound(10006, "The specified bucket does not exist.");
  return new Hono()
    .get("/r2/buckets", (c) => {
      const { name_contains, start_after, cursor, direction } = c.req.query();
      const per_page = integerQuery(c, "per_page", { min: 1, max: 1000, fallback: 20, code: R2_MALFORMED });
      const sign = direction === "desc" ? -1 : 1;
      const after = cursor || start_after;
      const records = registry
        .list("r2")
        .filter(({ name }) => name_contains === undefined || name.includes(name_contains))
        .toSorted((a, b) => (a.name < b.name ? -sign : sign))
        .filter(({ name }) => after === undefined || (sign > 0 ? name > after : name < after));
      const page = records.slice(0, per_page);
      const next = records.length > per_page ? (page.at(-1)?.name ?? "") : undefined;
      return ok(c, { buckets: page.map(shown) }, { result_info: { per_page, ...(next ? { cursor: next } : {}) } });
    })
    .post("/r2/buckets", async (c) => {
      const { name, locationHint, storageClass } = await jsonBody(c, createBody, R2_MALFORMED);
      if (!BUCKET_NAME.test(name))
        throw new ApiError(
          400,
          10005,
          `The bucket name "${name}" is not valid: 3 to 63 lowercase letters, digits and dashes, a letter or digit at both ends`,
        );
      if (registry.get("r2", name))
        throw new ApiError(409, 10004, "The bucket you tried to create already exists, and you own it.");
      const record: BucketRecord = {
        name,
        creation_date: new Date(engine.now()).toISOString(),
        location: (locationHint ?? "weur").toUpperCase(),
        storage_class: storageClass ?? "Standard",
        lifecycle_rules: [DEFAULT_LIFECYCLE_RULE],
        lock_rules: [],
      };
      registry.put("r2", name, record);
      return ok(c, shown(record));
    })
    .get("/r2/buckets/:name", (c) => ok(c, shown(bucket(c.req.param("name")))))
    .patch("/r2/buckets/:name", (c) => {
      const record = bucket(c.req.param("name"));
      const storage_class = c.req.header("cf-r2-storage-class") ?? record.storage_class;
      registry.put("r2", record.name, { ...record, storage_class });
      return ok(c, shown({ ...record, storage_class }));
    })
    .delete("/r2/buckets/:name", async (c) => {
      const { name } = bucket(c.req.param("name"));
      const objects = await (await engine.r2(name)).list({ limit: 1 });
      if (objects.objects.length > 0)
        throw new ApiError(409, 10008, "The bucket you tried to delete is not empty. Delete its objects first.");
      registry.delete("r2", name);
      await engine.dropData("r2", name);
      return ok(c, {});
    })
    .get("/r2/buckets/:name/lifecycle", (c) => ok(c, { rules: bucket(c.req.param("name")).lifecycle_rules }))
    .put("/r2/buckets/:name/lifecycle", async (c) => {
      const record = bucket(c.req.param("name"));
      const { rules } = await jsonBody(c, lifecycleBody, R2_MALFORMED);
      registry.put("r2", record.name, { ...record, lifecycle_rules: rules });
      return ok(c, {});
    })
    .get("/r2/buckets/:name/lock", (c) => ok(c, { rules: bucket(c.req.param("name")).lock_rules }))
    .put("/r2/buckets/:name/lock", async (c) => {
      const record = bucket(c.req.param("name"));
      const { rules } = await jsonBody(c, lockBody, R2_MALFORMED);
      registry.put("r2", record.name, { ...record, lock_rules: rules });
      return ok(c, {});
    });
}
