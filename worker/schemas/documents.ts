/** Documents, chunks and ingestion jobs as the API shows them. */
import { z } from "@hono/zod-openapi";
import { VECTOR_INDEX } from "../../infra/inventory.ts";
import { DOCUMENT_FORMATS } from "../ground/document.ts";
import {
  BATCH_DOCUMENTS_MAX,
  CHUNK_HEADING_CHARS_MAX,
  DOCUMENT_ID_BYTES_MAX,
  DOCUMENT_TEXT_CHARS_MAX,
  LIST_LIMIT_DEFAULT,
  LIST_LIMIT_MAX,
  METADATA_BYTES_MAX,
  METADATA_FIELDS_MAX,
  OUTLINE_ENTRIES_MAX,
  TITLE_CHARS_MAX,
  URL_CHARS_MAX,
} from "../limits.ts";
import { exactNumber } from "../rag/search/filter.ts";

const utf8Bytes = (text: string) => new TextEncoder().encode(text).length;

/** What the checks below enforce, as OpenAPI says it. */
const NO_NUL = "^[^\\u0000]*$";
export const NOT_BLANK = "^(?=[^\\u0000]*\\S)[^\\u0000]*$";
/**
 * What a reader does not see, in the spelling of JSON Schema: `\p{DI}` and white space. Only up to U+FFFF: a range above is written in one way
 * for engines that read code points, in another for those that read halves of them, and each is a syntax error to somebody. A text of
 * nothing but such signs is refused all the same.
 */
const UNSEEN =
  "\\s\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\uffa0\\ufff0-\\ufff8";
export const SHOWN = `^(?=[^\\u0000]*[^\\u0000${UNSEEN}])[^\\u0000]*$`;
export const NO_CONTROLS = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
export const ONE_LINE = `^(?=.*[^${UNSEEN}])[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$`;

/** Text that survives SQLite and JSON unchanged. */
export const plainText = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be Unicode text without NUL")
  .openapi({ pattern: NO_NUL });

/** Text that shows its reader something. */
export const shownText = plainText.refine((text) => /[^\p{DI}\s]/u.test(text), "must show something");

export const documentId = plainText
  .min(1)
  .refine((id) => utf8Bytes(id) <= DOCUMENT_ID_BYTES_MAX, `must have at most ${DOCUMENT_ID_BYTES_MAX} bytes`)
  .refine((id) => !/\p{Cc}/u.test(id), "must not hold control characters")
  .refine((id) => id !== "." && id !== "..", "must not be . or .., which no URL can name")
  .openapi({
    description: `At most ${DOCUMENT_ID_BYTES_MAX} bytes of UTF-8, no control characters, not . or ..`,
    maxLength: DOCUMENT_ID_BYTES_MAX,
    pattern: "^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    example: "runbooks/leaked-api-key.md",
  });

/** A query parameter from 1 to `max`, in decimal digits and nothing else: `Number` would take `0x10` and `1e2` as well. */
export function wholeNumber(max: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, "must be a whole number in decimal digits")
    .transform(Number)
    .pipe(z.number().int().min(1).max(max))
    .openapi({ type: "integer", minimum: 1, maximum: max });
}

/** Where a list goes on: a query parameter of a form that only its own answers give, and the field that gives it. */
export function cursorOf(form: RegExp) {
  return z.string().regex(form, "must be the `next_cursor` of an earlier page").optional();
}
export const nextCursor = z.string().nullable().openapi({ description: "Pass it as `cursor`; null on the last page." });

const metadataTypes = new Map<string, string>(
  VECTOR_INDEX.metadata_indexes.map(({ property, type }) => [property, type]),
);

/** Of OpenAPI 3.1, which the types of `.openapi` do not know. */
const METADATA_NAMES = { propertyNames: { minLength: 1, maxLength: 64, pattern: NO_NUL } };

/** Flat; fields that the index filters on must have the index's type. */
const metadata = z
  .record(
    plainText.min(1).max(64),
    z.union([plainText, exactNumber, z.boolean()], "must be a string, a number or a boolean: nothing nested, no null"),
  )
  .refine(
    (fields) => Object.keys(fields).length <= METADATA_FIELDS_MAX,
    `must have at most ${METADATA_FIELDS_MAX} fields`,
  )
  .refine(
    (fields) => utf8Bytes(JSON.stringify(fields)) <= METADATA_BYTES_MAX,
    `must be at most ${METADATA_BYTES_MAX} bytes of JSON`,
  )
  .superRefine((fields, context) => {
    for (const [name, value] of Object.entries(fields)) {
      const type = metadataTypes.get(name);
      if (type !== undefined && typeof value !== type) {
        context.addIssue({ code: "custom", path: [name], message: `is filterable and must be a ${type}` });
      }
    }
  })
  .openapi("Metadata", {
    maxProperties: METADATA_FIELDS_MAX,
    ...METADATA_NAMES,
    description: `At most ${METADATA_BYTES_MAX} bytes of JSON.`,
    example: { collection: "runbooks", language: "en" },
  });

export const documentFields = {
  title: plainText.max(TITLE_CHARS_MAX).optional().openapi({ description: "Default: the first heading, or the id." }),
  text: plainText
    .max(DOCUMENT_TEXT_CHARS_MAX)
    .openapi({ example: "# Brewing tea\n\nGreen tea is brewed at 80 degrees Celsius." }),
  format: z.enum(DOCUMENT_FORMATS).default("markdown").openapi({
    description: "`code`: source code, cut at its declarations; its names are found whole and by their parts.",
  }),
  url: z
    .url({ protocol: /^https?$/ })
    .max(URL_CHARS_MAX)
    .nullable()
    .optional()
    .openapi({ pattern: "^https?:" }),
  metadata: metadata.default({}),
};

const outline = z
  .array(
    z.strictObject({
      line: z.number().int().min(1),
      symbol: plainText
        .max(CHUNK_HEADING_CHARS_MAX)
        .refine((symbol) => !/\p{Cc}/u.test(symbol), "must not hold control characters")
        .openapi({ pattern: NO_CONTROLS }),
    }),
  )
  .max(OUTLINE_ENTRIES_MAX)
  .refine(
    (entries) => entries.every(({ line }, at) => at === 0 || line > (entries[at - 1]?.line ?? 0)),
    "must have ascending lines, each once",
  )
  .openapi({
    description:
      'Only with `format: code`: from which line on the text belongs to which declaration (empty: to none), in ascending order, as `[{"line": 3, "symbol": "Packer"}, {"line": 9, "symbol": "Packer.add"}]`. Default: by indentation.',
  });

const writtenFields = { ...documentFields, outline: outline.optional() };

function onlyOfCode({ format, outline }: { format: string; outline?: unknown }, context: z.RefinementCtx): void {
  if (outline === undefined || format === "code") return;
  context.addIssue({
    code: "custom",
    path: ["outline"],
    message: "is only for format code: leave it out, or set that",
  });
}

export const documentBody = z.strictObject(writtenFields).superRefine(onlyOfCode).openapi("DocumentBody");
export const newDocument = z
  .strictObject({ id: documentId.optional().openapi({ description: "Default: a new UUID." }), ...writtenFields })
  .superRefine(onlyOfCode)
  .openapi("NewDocument");

/** What goes beside a file, as fields of a form or of the query: text, as both have it. */
export const fileFields = z.strictObject({
  id: documentId.optional(),
  title: documentFields.title,
  url: documentFields.url,
  metadata: z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "must be JSON" });
        return z.NEVER;
      }
    })
    .pipe(metadata)
    .optional(),
});

/** As OpenAPI shows them: a form's parts are read before any schema sees them. */
export const fileForm = {
  type: "object" as const,
  required: ["file"],
  properties: {
    file: { type: "string" as const, format: "binary", description: "Its name and type tell its kind." },
    id: {
      type: "string" as const,
      description: "Default: from the file's bytes, so the same file is the same document.",
    },
    title: { type: "string" as const, description: "Default: the first heading, or the file's name." },
    url: { type: "string" as const },
    metadata: { type: "string" as const, description: "As JSON." },
  },
};

export const documentBatch = z
  .strictObject({
    documents: z
      .array(z.strictObject({ id: documentId, ...writtenFields }).superRefine(onlyOfCode))
      .min(1)
      .max(BATCH_DOCUMENTS_MAX),
  })
  .superRefine(({ documents }, context) => {
    const seen = new Set<string>();
    documents.forEach(({ id }, index) => {
      if (seen.has(id)) {
        context.addIssue({ code: "custom", path: ["documents", index, "id"], message: "occurs twice in this batch" });
      }
      seen.add(id);
    });
  })
  .openapi("DocumentBatch");

export const documentSummary = z
  .object({
    id: z.string(),
    title: z.string(),
    url: z.string().nullable(),
    format: z.enum(DOCUMENT_FORMATS),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    content_hash: z
      .string()
      .openapi({ description: "SHA-256 of title, text, URL, format, metadata and, if given, outline." }),
    chunks: z.number().int(),
    tokens: z.number().int(),
    version: z.number().int(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi("DocumentSummary");

export const documentView = documentSummary
  .omit({ chunks: true })
  .extend({
    text: z.string(),
    chunks: z.array(
      z.object({ chunk_id: z.number().int(), heading: z.string(), text: z.string(), tokens: z.number() }),
    ),
  })
  .openapi("Document");

export const documentPage = z
  .object({ documents: z.array(documentSummary), next_cursor: z.string().nullable() })
  .openapi("DocumentPage");

export const writeResult = z
  .object({
    id: z.string(),
    status: z.enum(["created", "updated", "unchanged"]),
    version: z.number().int(),
    content_hash: z.string(),
    chunks: z.number().int(),
    vectors: z.enum(["sent", "pending"]).openapi({
      description:
        "`pending`: the vectors follow in a moment (AI or Vectorize was busy, or only metadata changed); full text finds the document already.",
    }),
  })
  .openapi("WriteResult");

export const jobAccepted = z.object({ job_id: z.string(), status_url: z.string() }).openapi("JobAccepted");

export const jobView = z
  .object({
    id: z.string(),
    state: z.enum(["queued", "running", "done", "partial", "failed"]),
    documents: z.number().int(),
    created: z.number().int(),
    updated: z.number().int(),
    unchanged: z.number().int(),
    superseded: z.number().int().openapi({
      description: "Left alone: the document was written again after this job had been received.",
    }),
    failed: z.number().int(),
    parts: z.object({ total: z.number().int(), done: z.number().int(), failed: z.number().int() }),
    cost: z.object({ rows_written: z.number().int(), embedded_texts: z.number().int() }),
    errors: z.array(z.object({ id: z.string(), detail: z.string() })),
    created_at: z.iso.datetime(),
    finished_at: z.iso.datetime().nullable(),
  })
  .openapi("Job");

export const listQuery = z.strictObject({
  cursor: plainText.max(1024).optional(),
  limit: wholeNumber(LIST_LIMIT_MAX).default(LIST_LIMIT_DEFAULT),
  collection: plainText.max(256).optional(),
});

export const documentParams = z.object({
  id: documentId.openapi({ param: { name: "id", in: "path" }, description: "Percent-encode slashes." }),
});
export const jobParams = z.object({ id: z.uuid().openapi({ param: { name: "id", in: "path" } }) });
