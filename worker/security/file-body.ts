/**
 * Bodies that are files: in a form (`multipart/form-data`), or raw with the file's own media type and its fields in the query.
 *
 * As in `body.ts`, what can be refused before a byte is read is: the kind, the encoding, the announced size.
 */
import type { Context, MiddlewareHandler } from "hono";
import { sha256 } from "../ground/digest.ts";
import { Problem } from "../ground/problem.ts";
import { FILE_FIELDS_MAX, FILE_NAME_CHARS_MAX } from "../limits.ts";
import { FILE_KINDS, mediaTypeOfName } from "../rag/ingest/file-type.ts";
import { encodingNamed } from "../rag/ingest/text-encoding.ts";
import { isJson, parameterOf, readBody, requirePlainEncoding } from "./body.ts";
import type { App } from "./context.ts";

const FORM = "multipart/form-data";
/** Says nothing: the file's name does. */
const UNKNOWN = new Set(["", "application/octet-stream"]);

const TAKEN = Object.keys(FILE_KINDS).filter((type) => FILE_KINDS[type]?.by !== "operator");
const WHAT_IS_TAKEN = `Send JSON as \`Content-Type: application/json\`, a form (\`${FORM}\`) with the file as \`file\`, or a file by its own type: ${TAKEN.join(", ")}.`;

/** Middleware that leaves `file` for a body that is one of at most `bytes_max` bytes, and all others to `jsonBody` behind it. */
export function fileBody(bytes_max: number): MiddlewareHandler<App> {
  return async (c, next) => {
    const content_type = c.req.header("content-type") ?? "";
    const media_type = essence(content_type);
    const isFile = media_type === FORM || Object.hasOwn(FILE_KINDS, media_type);
    if (!isFile && content_type !== "" && !isJson(content_type))
      throw new Problem("unsupported-media-type", WHAT_IS_TAKEN);
    if (c.get("file") === undefined && isFile) {
      requirePlainEncoding(c);
      const charset = charsetOf(media_type, content_type);
      const bytes = await readBody(c.req.raw, bytes_max);
      const file =
        media_type === FORM
          ? await formFile(bytes, content_type)
          : { name: "", media_type, charset, bytes, fields: fieldsOfQuery(c) };
      c.set("file", file);
      // Two sendings of a form differ in their boundary, and are the same request.
      const { fields, name } = file;
      const type = [file.media_type, file.charset].filter(Boolean).join(";");
      c.set("body_text", JSON.stringify([Object.entries(fields).sort(), name, type, await sha256(file.bytes)]));
    }
    await next();
  };
}

function fieldsOfQuery(c: Context<App>): Record<string, string> {
  const { debug: _, ...given } = c.req.queries();
  const fields = Object.entries(given).map(([name, values]): [string, string] => {
    const [value = "", ...others] = values;
    if (others.length > 0)
      throw new Problem("invalid-request", `The query takes each field once, not \`${name}\` again.`);
    return [name, value];
  });
  return Object.fromEntries(fields);
}

/** Of text, by its one name; undefined where none is declared. Bytes in another encoding may be valid UTF-8 by chance, and say something else then. */
function charsetOf(media_type: string, content_type: string): string | undefined {
  const label = FILE_KINDS[media_type]?.sign === "text" ? parameterOf(content_type, "charset") : undefined;
  const encoding = label === undefined ? undefined : encodingNamed(label);
  if (label === undefined || encoding !== undefined) return encoding;
  throw new Problem(
    "unsupported-media-type",
    "Nobody knows this `charset`. Send text as UTF-8, and say so or nothing.",
  );
}

async function formFile(bytes: Uint8Array, content_type: string) {
  requireUnencodedParts(bytes, content_type);
  const form = await new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { "content-type": content_type } })
    .formData()
    .catch((cause: unknown) => {
      throw new Problem("invalid-request", "The form cannot be read: send `multipart/form-data` with its boundary.", {
        cause,
      });
    });
  // Without a prototype: a field may be called `constructor`.
  const fields: Record<string, string> = Object.create(null);
  let file: File | undefined;
  let count = 0;
  for (const [name, value] of form) {
    count += 1;
    const isTaken = typeof value === "string" ? name in fields : file !== undefined || name !== "file";
    if (isTaken || count > FILE_FIELDS_MAX)
      throw new Problem("invalid-request", "The form takes one file, as `file`, and each field once.");
    if (typeof value === "string") fields[name] = value;
    else file = value;
  }
  if (file === undefined) throw new Problem("invalid-request", "The form has no file: send it as `file`.");
  requireUtf8(bytes, [...Object.entries(fields).flat(), file.name]);
  // Its end tells its kind; no half of a character begins it. Three characters are escaped: https://html.spec.whatwg.org/#multipart-form-data
  const name = file.name
    .slice(-FILE_NAME_CHARS_MAX)
    .replace(/^[\uDC00-\uDFFF]/, "")
    .replaceAll("%22", '"')
    .replace(/%0[AD]/g, " ");
  const declared = essence(file.type);
  const media_type = UNKNOWN.has(declared) ? mediaTypeOfName(name) : declared;
  if (media_type === undefined || !Object.hasOwn(FILE_KINDS, media_type))
    throw new Problem(
      "unsupported-media-type",
      "Files of this kind are not taken. Convert it to PDF, HTML or Markdown.",
    );
  const charset = charsetOf(media_type, file.type);
  return { name, media_type, charset, bytes: new Uint8Array(await file.arrayBuffer()), fields };
}

/** What says that a part stands as it is; the header itself is of mails, and forms do without (RFC 7578, section 4.7). */
const UNENCODED = /^(?:7bit|8bit|binary)$/i;
const PART_ENCODING = /^content-transfer-encoding:[ \t]*([^\r\n]*?)[ \t]*$/im;
const BOUNDARY = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i;
const PART_HEAD_CHARS_MAX = 4_096;

/** The reader of forms takes encoded parts as they stand: base64 would be the text of a document. */
function requireUnencodedParts(bytes: Uint8Array, content_type: string): void {
  const [, quoted, plain] = BOUNDARY.exec(content_type) ?? [];
  const boundary = quoted ?? plain;
  if (!boundary) return;
  const sent = new TextDecoder("latin1").decode(bytes);
  const mark = `--${boundary}`;
  for (let at = sent.indexOf(mark); at >= 0; at = sent.indexOf(mark, at + mark.length)) {
    const [head = ""] = sent.slice(at, at + PART_HEAD_CHARS_MAX).split("\r\n\r\n", 1);
    const encoding = PART_ENCODING.exec(head)?.[1];
    if (encoding === undefined || UNENCODED.test(encoding)) continue;
    throw new Problem(
      "invalid-request",
      "A part of the form has a `Content-Transfer-Encoding`: send its bytes as they are.",
    );
  }
}

/** A form is decoded without a word about bytes that are no UTF-8: of what it says, U+FFFD must have been sent as that. */
function requireUtf8(bytes: Uint8Array, said: readonly string[]): void {
  const suspects = said.filter((text) => text.includes("\uFFFD"));
  if (suspects.length === 0) return;
  const latin1 = new TextDecoder("latin1");
  const sent = latin1.decode(bytes);
  if (suspects.every((text) => sent.includes(latin1.decode(new TextEncoder().encode(text))))) return;
  throw new Problem("invalid-request", "A field of the form, or the file's name, is not UTF-8.");
}

function essence(content_type: string): string {
  return (content_type.split(";")[0] ?? "").trim().toLowerCase();
}
