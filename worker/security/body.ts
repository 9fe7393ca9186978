/**
 * Bodies: type, size and encoding are checked before anything is parsed.
 *
 * Runs after authentication, so strangers cannot make us read. The validators of `@hono/zod-openapi` would read and
 * parse by themselves; they are handed what was parsed here, so a body is decoded and parsed once.
 */
import type { Context, MiddlewareHandler } from "hono";
import { Problem } from "../ground/problem.ts";
import {
  DISCARD_BUFFER_BYTES,
  DISCARD_BYTES_MAX,
  JSON_DEPTH_MAX,
  JSON_ITEMS_MAX,
  JSON_KEYS_MAX,
  JSON_VALUES_MAX,
} from "../limits.ts";
import type { App } from "./context.ts";
import { jsonFlaw } from "./json-flaw.ts";

const JSON_TYPE = "application/json";
const PLAIN_JSON = /^application\/json(?:; ?charset=utf-8)?$/i;

/** Middleware that accepts a JSON body of at most `bytes_max` bytes; an absent body is the schema's business. */
export function jsonBody(bytes_max: number): MiddlewareHandler<App> {
  return async (c, next) => {
    // Hono runs a route's middleware twice for a path that is spelled like the route itself (`/keys/:id`).
    if (c.get("body_text") !== undefined) return next();
    const isTyped = requireJson(c);
    if (isTyped && !PLAIN_JSON.test(c.req.header("content-type") ?? "")) {
      // The router looks at the type again, and fails on what HTTP allows: "application/json ; charset=utf-8".
      const headers = new Headers(c.req.raw.headers);
      headers.set("content-type", JSON_TYPE);
      c.req.raw = new Request(c.req.raw, { headers });
    }
    const bytes = await readBody(c.req.raw, bytes_max);
    // Nothing was announced and nothing came: `curl -X POST` sends neither a type nor a length.
    if (!isTyped && bytes.length > 0) throw notJson();
    const text = decode(bytes);
    c.set("body_text", text);
    if (text !== "" || c.req.header("content-type") !== undefined) {
      const parsed = parse(text);
      c.req.json = <T>() => Promise.resolve(parsed as T);
    } else {
      // The router looks for itself whether there was a body without a type: what was read cannot be read again.
      c.req.arrayBuffer = () => Promise.resolve(new ArrayBuffer(0));
    }
    await next();
  };
}

/** A compressed body would be larger than it says. */
export function requirePlainEncoding(c: Context<App>): void {
  const encoding = c.req.header("content-encoding");
  if (encoding === undefined || encoding.toLowerCase() === "identity") return;
  throw new Problem("unsupported-encoding", "Send the body without `Content-Encoding`.");
}

/** Whether the request says that its body is JSON; one that says nothing may have none. */
function requireJson(c: Context<App>): boolean {
  requirePlainEncoding(c);
  const type = c.req.header("content-type");
  if (type !== undefined && !isJson(type)) throw notJson();
  return type !== undefined;
}

function notJson(): Problem {
  return new Problem("unsupported-media-type", "Send the body as `Content-Type: application/json`, in UTF-8.");
}

/** Whether a content type is JSON, and in the one encoding that JSON has. */
export function isJson(contentType: string): boolean {
  const [type = ""] = contentType.toLowerCase().split(";");
  return type.trim() === JSON_TYPE && isUtf8(contentType);
}

/** Whether a content type names no encoding, or the one that is read. */
function isUtf8(contentType: string): boolean {
  return /^(?:utf-?8|us-ascii)$/.test(parameterOf(contentType, "charset") ?? "utf-8");
}

/** A parameter of a content type, in lower case and without quotes; undefined where it is missing or empty. */
export function parameterOf(contentType: string, name: string): string | undefined {
  for (const [, known, quoted, plain] of contentType.toLowerCase().matchAll(PARAMETER))
    if (known === name) return quoted || plain?.trim() || undefined;
  return undefined;
}

/** What is quoted may hold what ends others. */
const PARAMETER = /;\s*([^\s=;]+)=(?:"([^"]*)"|([^;]*))/g;

/** The whole body. Throws 413 when it is too large; of a body that announces its length, before reading it. */
export async function readBody(request: Request, bytes_max: number): Promise<Uint8Array> {
  const tooLarge = () => new Problem("body-too-large", `A body here may have ${bytes_max} bytes at most.`);
  if (Number(request.headers.get("content-length") ?? 0) > bytes_max) throw tooLarge();
  if (request.body === null) return new Uint8Array(0);
  // With a length announced, the runtime holds the sender to it.
  if (request.headers.has("content-length")) return new Uint8Array(await request.arrayBuffer());

  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    size += read.value.byteLength;
    // Read on, but keep nothing: see `discardBody`.
    if (size <= bytes_max) pieces.push(read.value);
    else if (size > DISCARD_BYTES_MAX) break;
  }
  if (size > bytes_max) throw tooLarge();
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.byteLength;
  }
  return bytes;
}

/**
 * Reads what is left of a body that nobody wanted. A connection that is closed on unread bytes is reset, and with it
 * the refusal is lost that its sender waits for. Reading is cheap: the runtime fills the buffer, nothing is kept.
 */
export async function discardBody(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed) return;
  const reader = request.body.getReader({ mode: "byob" });
  let buffer = new Uint8Array(DISCARD_BUFFER_BYTES);
  try {
    for (let bytes = 0; bytes < DISCARD_BYTES_MAX; bytes += DISCARD_BUFFER_BYTES) {
      const { value } = await reader.readAtLeast(DISCARD_BUFFER_BYTES, buffer);
      if (value === undefined || value.byteLength < DISCARD_BUFFER_BYTES) return;
      buffer = value;
    }
  } catch {
    // The sender broke off: there is nobody left to read the answer.
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decode(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    throw new Problem("malformed-json", "The body is not valid UTF-8.");
  }
}

/** For every JSON text that a request brings. @throws Problem `malformed-json` for what `jsonFlaw` finds; `what` begins its sentence. */
export function refuseFlawedJson(text: string, what: string): void {
  const flaw = jsonFlaw(text, {
    depth_max: JSON_DEPTH_MAX,
    items_max: JSON_ITEMS_MAX,
    keys_max: JSON_KEYS_MAX,
    values_max: JSON_VALUES_MAX,
  });
  if (flaw) throw new Problem("malformed-json", `${what} was refused: ${flaw.detail} (at ${flaw.offset}).`);
}

function parse(text: string): unknown {
  refuseFlawedJson(text, "The body");
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem("malformed-json", `The body is not valid JSON: ${reason}`);
  }
}
