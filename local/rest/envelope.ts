/**
 * Cloudflare's response envelope: `{success, errors, messages, result, result_info?}`.
 *
 * Every route below `/client/v4` answers through `ok` or by throwing an `ApiError`, which `envelopeErrors`
 * (the app's `onError`) turns into the failing envelope. Anything else thrown is a bug of the platform: 500, code 10000.
 */
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";

interface ApiMessage {
  code: number;
  message: string;
}

/** What may stand beside `result` in a successful envelope. */
interface EnvelopeExtra {
  /** Paging facts, as the endpoint in question names them (`count`, `cursor`, `page`, …). */
  result_info?: Record<string, unknown>;
  messages?: ApiMessage[];
  status?: ContentfulStatusCode;
}

/** A request refused by the emulated API: `status` is HTTP's, `code` Cloudflare's. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: number;

  constructor(status: ContentfulStatusCode, code: number, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** For what is looked up: `registry.get("queue", id) ?? notFound(11000, …)`. @throws ApiError 404. */
export function notFound(code: number, message: string): never {
  throw new ApiError(404, code, message);
}

/** A successful envelope around `result`; status 200 unless `extra.status` says otherwise. */
export function ok(c: Context, result: unknown, extra: EnvelopeExtra = {}): Response {
  const { result_info, messages = [], status = 200 } = extra;
  return c.json(
    { success: true, errors: [], messages, result, ...(result_info === undefined ? {} : { result_info }) },
    status,
  );
}

/** A failing envelope with one error. */
export function fail(c: Context, status: ContentfulStatusCode, code: number, message: string): Response {
  return c.json({ success: false, errors: [{ code, message }], messages: [], result: null }, status);
}

/** Hono `onError` handler of every app that speaks the envelope. */
export function envelopeErrors(error: Error, c: Context): Response {
  if (error instanceof ApiError) return fail(c, error.status, error.code, error.message);
  if (error instanceof HTTPException) return fail(c, error.status as ContentfulStatusCode, 10001, error.message);
  return fail(c, 500, 10000, `internal error of the local platform: ${error.stack ?? error.message}`);
}
