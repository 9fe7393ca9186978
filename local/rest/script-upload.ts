/**
 * What an upload of a Worker brings: settings and modules, from the multipart form of `PUT scripts/:name` and
 * `POST …/versions`, or the JSON of the newer `workers/workers` API. Reads and checks; stores nothing.
 */
import { gzipSync } from "node:zlib";
import { z } from "zod";
import type { WorkerBinding } from "../../infra/bindings.ts";
import { BUNDLE_COMPRESSED_BYTES_MAX } from "../../infra/cloudflare-limits.ts";
import type { VersionRecord } from "../registry.ts";
import { ApiError } from "./envelope.ts";
import { observabilityBody } from "./observability.ts";
import { checked } from "./request-body.ts";

/** Code of an upload that Cloudflare refuses after reading it. */
export const INVALID_WORKER = 10021;

/** What Cloudflare answers to an upload that it read and does not take. */
export function invalidWorker(message: string): ApiError {
  return new ApiError(400, INVALID_WORKER, message);
}

/** Code of a request the Workers API cannot read. */
export const WORKERS_MALFORMED = 10001;

/** What Cloudflare answers to a request that the Workers API cannot read, or does not take as it is. */
export function unreadable(message: string): ApiError {
  return new ApiError(400, WORKERS_MALFORMED, message);
}

const name = z.string().regex(/^[A-Za-z_]\w*$/, "a JavaScript identifier");
/** `inherit` keeps the binding of this name that the latest version has. */
const bindingSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("d1"), name, id: z.string().optional(), database_id: z.string().optional() }),
  z.object({ type: z.literal("kv_namespace"), name, namespace_id: z.string() }),
  z.object({ type: z.literal("r2_bucket"), name, bucket_name: z.string() }),
  z.object({ type: z.literal("queue"), name, queue_name: z.string() }),
  z.object({ type: z.literal("vectorize"), name, index_name: z.string() }),
  z.object({ type: z.literal("ai"), name }),
  z.object({ type: z.literal("analytics_engine"), name, dataset: z.string() }),
  z.object({ type: z.literal("version_metadata"), name }),
  z.object({ type: z.literal("durable_object_namespace"), name, class_name: z.string() }),
  z.object({
    type: z.literal("ratelimit"),
    name,
    namespace_id: z.string(),
    simple: z.object({ limit: z.number().int().positive(), period: z.union([z.literal(10), z.literal(60)]) }),
  }),
  z.object({ type: z.literal("plain_text"), name, text: z.string() }),
  z.object({ type: z.literal("secret_text"), name, text: z.string() }),
  z.object({ type: z.literal("inherit"), name }),
]);

const migrationsSchema = z.looseObject({
  tag: z.string().optional(),
  new_tag: z.string().optional(),
  old_tag: z.string().optional(),
});

/** Settings of a script that live above its versions. */
export const scriptSettings = z.object({
  logpush: z.boolean().optional(),
  observability: observabilityBody.nullish(),
  tags: z.array(z.string()).nullish(),
  tail_consumers: z.array(z.record(z.string(), z.unknown())).nullish(),
});

/** Settings of an upload; what a local Worker has no use for (placement, usage model …) is accepted and left. */
const uploadSettings = z.object({
  main_module: z.string(),
  compatibility_date: z.iso.date().default("2021-11-02"),
  compatibility_flags: z.array(z.string()).default([]),
  bindings: z.array(bindingSchema).default([]),
  keep_bindings: z.array(z.string()).default([]),
  annotations: z.record(z.string(), z.string()).default({}),
  migrations: migrationsSchema.optional(),
  limits: z.object({ cpu_ms: z.number().optional() }).nullish(),
  ...scriptSettings.shape,
});
export type UploadSettings = z.output<typeof uploadSettings>;
export type Modules = VersionRecord["modules"];

/** Content type of a module that is no code. */
export const SOURCE_MAP = "application/source-map";
const TEXT_MODULES = new Set([
  "application/javascript+module",
  "application/javascript",
  "text/javascript",
  "text/javascript+module",
  "application/json",
  "text/plain",
  "text/html",
  "application/sql",
  SOURCE_MAP,
]);

/** Reads a multipart upload: the part `metadata` as JSON, every other part a module named after the part. */
export async function multipartUpload(request: Request): Promise<{ settings: UploadSettings; modules: Modules }> {
  const form = await uploadedForm(request);
  const modules: Modules = {};
  for (const [part, value] of form) {
    if (part.startsWith("metadata") || typeof value === "string") continue;
    // The SDK names every file part `files[]` and puts the module's name in the file name.
    const module = part.startsWith("files") ? value.name : part;
    modules[module] = textModule(module, value.type, Buffer.from(await value.arrayBuffer()));
  }
  return { settings: checkedUpload(await jsonPart(form, "metadata"), modules), modules };
}

/** Reads `PATCH …/settings`: the part `settings`; what it leaves out stays as it is. */
export async function multipartSettings(request: Request): Promise<Partial<UploadSettings>> {
  const form = await uploadedForm(request);
  const patch = checked(await jsonPart(form, "settings"), uploadSettings.partial(), INVALID_WORKER);
  // Zod fills defaults in; only what was sent counts here.
  const sent = Object.keys((await jsonPart(form, "settings")) as object);
  return Object.fromEntries(Object.entries(patch).filter(([name]) => sent.includes(name)));
}

async function uploadedForm(request: Request): Promise<FormData> {
  if (!(request.headers.get("Content-Type") ?? "").startsWith("multipart/form-data"))
    throw unreadable("expected multipart/form-data with a JSON part and the modules");
  return request.formData().catch((error: Error) => {
    throw unreadable(`The multipart body cannot be read: ${error.message}`);
  });
}

/** The modules of a JSON upload, whose contents are base64. */
export function base64Modules(modules: { name: string; content_type: string; content_base64: string }[]): Modules {
  return Object.fromEntries(
    modules.map(({ name, content_type, content_base64 }) => [
      name,
      textModule(name, content_type, Buffer.from(content_base64, "base64")),
    ]),
  );
}

/** @throws ApiError when the settings are malformed, the entry is missing, or the free plan does not allow it. */
export function checkedUpload(settings: unknown, modules: Modules): UploadSettings {
  const upload = checked(settings, uploadSettings, INVALID_WORKER);
  if (!modules[upload.main_module])
    throw invalidWorker(
      `No such module "${upload.main_module}" (main_module): uploaded are ${Object.keys(modules).join(", ") || "none"}`,
    );
  const names = upload.bindings.map((binding) => binding.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw invalidWorker(`binding ${twice} is declared more than once`);
  const code = Object.values(modules).filter(({ content_type }) => content_type !== SOURCE_MAP);
  const text = code.map(({ content }) => content).join("");
  // Compressing is most of what an upload costs; what is small as it stands need not be.
  const bytes = Buffer.byteLength(text) > BUNDLE_COMPRESSED_BYTES_MAX ? gzipSync(text).length : 0;
  if (bytes > BUNDLE_COMPRESSED_BYTES_MAX)
    throw new ApiError(413, 10027, `Your Worker exceeded the size limit of 3 MiB: it has ${bytes} bytes compressed`);
  return upload;
}

/** An uploaded binding in the registry's form; `inherit` is resolved by the caller. */
export function storedBinding(
  binding: Exclude<UploadSettings["bindings"][number], { type: "inherit" }>,
): WorkerBinding {
  if (binding.type !== "d1") return binding;
  return { type: "d1", name: binding.name, id: binding.id ?? binding.database_id ?? "" };
}

function textModule(name: string, content_type: string, content: Buffer): { content: string; content_type: string } {
  const type = content_type.split(";")[0] ?? "";
  if (!TEXT_MODULES.has(type))
    throw invalidWorker(`module ${name} has type "${type}": the local platform runs ${[...TEXT_MODULES].join(", ")}`);
  return { content: content.toString("utf8"), content_type: type };
}

/** A part that is JSON, or that the SDK took apart: `metadata[bindings][][name]=…`. */
async function jsonPart(form: FormData, name: string): Promise<unknown> {
  const part = form.get(name);
  if (part === null) {
    const fields = [...form].filter(([key]) => key.startsWith(`${name}[`));
    if (fields.length === 0) throw unreadable(`The form lacks the part \`${name}\``);
    const root: Record<string, unknown> = {};
    for (const [key, value] of fields) {
      const path = [...key.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
      if (typeof value === "string") place(root, path, value);
    }
    return root;
  }
  try {
    return JSON.parse(typeof part === "string" ? part : await part.text());
  } catch {
    throw unreadable(`The part \`${name}\` is not JSON`);
  }
}

function place(target: Record<string, unknown>, [head = "", ...rest]: string[], value: string): void {
  if (rest.length === 0) {
    target[head] = value === "true" ? true : value === "false" ? false : value;
    return;
  }
  if (rest[0] !== "") {
    target[head] ??= {};
    place(target[head] as Record<string, unknown>, rest, value);
    return;
  }
  target[head] ??= [];
  const list = target[head] as unknown[];
  if (rest.length === 1) {
    list.push(value);
    return;
  }
  // An element's fields follow one another; a field that the last element already has opens the next element.
  const last = list.at(-1) as Record<string, unknown> | undefined;
  const element = last && !((rest[1] ?? "") in last) ? last : {};
  if (element !== last) list.push(element);
  place(element, rest.slice(1), value);
}
