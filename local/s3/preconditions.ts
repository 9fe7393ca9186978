/** Conditional requests and ranges, as R2's S3 API reads them. Pure. RFC 9110 section 13.2.2 gives the order. */
import type { IncomingHttpHeaders } from "node:http";
import type { R2Range } from "@cloudflare/workers-types";
import { S3Error } from "./s3-error.ts";

const CONDITIONS = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"] as const;

/** The conditions of a request, or of a copy's source with `prefix` "x-amz-copy-source-"; none: undefined. */
export function conditionsOf(headers: IncomingHttpHeaders, prefix = ""): Headers | undefined {
  const conditions = CONDITIONS.flatMap((name): [string, string][] => {
    const value = headers[prefix + name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  return conditions.length > 0 ? new Headers(conditions) : undefined;
}

/** What a read that carries `conditions` gets from this version of an object. */
export function evaluate(
  conditions: Headers | undefined,
  object: { etag: string; uploaded: Date },
): "send" | "not modified" | "failed" {
  const [match, noneMatch, modified, unmodified] = CONDITIONS.map((name) => conditions?.get(name) ?? undefined);
  // HTTP dates have no milliseconds.
  const uploaded_s = Math.floor(object.uploaded.getTime() / 1000);
  if (match !== undefined) {
    if (!names(match, object.etag)) return "failed";
  } else if (unmodified !== undefined && uploaded_s > Date.parse(unmodified) / 1000) return "failed";
  if (noneMatch !== undefined) {
    if (names(noneMatch, object.etag)) return "not modified";
  } else if (modified !== undefined && uploaded_s <= Date.parse(modified) / 1000) return "not modified";
  return "send";
}

function names(list: string, etag: string): boolean {
  return list.split(",").some((entry) => {
    const tag = entry.trim().replace(/^W\//, "").replaceAll('"', "");
    return tag === "*" || tag === etag;
  });
}

/** `Range: bytes=…` for R2. Errors: InvalidArgument for what R2 does not read, InvalidRange for an empty suffix. */
export function parseRange(range: string | undefined): R2Range | undefined {
  if (range === undefined) return undefined;
  const match = /^bytes=(?:(\d+)-(\d+)?|-(\d+))$/.exec(range);
  if (!match)
    throw new S3Error(
      "InvalidArgument",
      "range must be in format 'bytes=start-end', 'bytes=start-' or 'bytes=-suffix'.",
    );
  const [, start, end, suffix] = match;
  if (start === undefined) {
    if (Number(suffix) === 0) throw unsatisfiable();
    return { suffix: Number(suffix) };
  }
  if (end === undefined) return { offset: Number(start) };
  if (Number(end) < Number(start)) throw new S3Error("InvalidArgument", "range must be positive.");
  return { offset: Number(start), length: Number(end) - Number(start) + 1 };
}

/** First and last byte that a range means in an object of `size` bytes. Errors: InvalidRange. */
export function resolveRange(range: R2Range, size: number): { first: number; last: number } {
  if ("suffix" in range) {
    if (size === 0) throw unsatisfiable();
    return { first: Math.max(0, size - range.suffix), last: size - 1 };
  }
  const first = range.offset ?? 0;
  if (first >= size) throw unsatisfiable();
  return { first, last: range.length === undefined ? size - 1 : Math.min(size, first + range.length) - 1 };
}

function unsatisfiable(): S3Error {
  return new S3Error("InvalidRange", "The requested range is not satisfiable");
}
