/** Reads and validates what a caller sent. A body that is not what the endpoint takes is the caller's error, never a 500. */
import type { Context } from "hono";
import type { z } from "zod";
import { ApiError } from "./envelope.ts";

/**
 * The JSON body, checked against `schema`.
 * @throws ApiError 400 with `code` (each product has its own for a malformed request) naming the fields at fault.
 */
export async function jsonBody<S extends z.ZodType>(c: Context, schema: S, code: number): Promise<z.output<S>> {
  const text = await c.req.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApiError(400, code, `The request body is not JSON (${(error as Error).message}): send application/json`);
  }
  return checked(value, schema, code);
}

/** `value` as `schema` sees it. @throws ApiError 400 with `code` naming the fields at fault. */
export function checked<S extends z.ZodType>(value: unknown, schema: S, code: number): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new ApiError(400, code, `The request is malformed: ${faults.slice(0, 5).join("; ")}`);
}

/** An integer query parameter within bounds, or `fallback` when absent. @throws ApiError 400 with `code`. */
export function integerQuery(
  c: Context,
  name: string,
  { min, max, fallback, code }: { min: number; max: number; fallback: number; code: number },
): number {
  const text = c.req.query(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new ApiError(400, code, `${name} must be an integer from ${min} to ${max}, got "${text.slice(0, 40)}"`);
  return value;
}
