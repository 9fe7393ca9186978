/**
 * Problems in the words of whoever called: problem documents (RFC 9457), on `/v1/` what OpenAI's clients read, on `/mcp` JSON-RPC.
 * Pure; by the path alone, so that a refusal that comes before any route has the right shape, too.
 */
import type { z } from "@hono/zod-openapi";
import type { Problem, ProblemStatus } from "../ground/problem.ts";
import { openAiErrorSchema, problemSchema, rpcErrorSchema } from "../schemas/problem.ts";

interface ErrorShape {
  media_type: string;
  schema: z.ZodType;
  body(problem: Problem, request_id: string): object;
}

/** How callers of a path, existing or not, read errors. */
export function errorShape(path: string): ErrorShape {
  if (path.startsWith("/v1/")) return OPENAI;
  return path === "/mcp" ? RPC : PROBLEM_DOCUMENT;
}

const TITLES: Record<ProblemStatus, string> = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Precondition failed",
  413: "Too large",
  415: "Unsupported media type",
  422: "Not processable",
  429: "Too many requests",
  500: "Internal error",
  503: "Unavailable",
};

const PROBLEM_DOCUMENT: ErrorShape = {
  media_type: "application/problem+json",
  schema: problemSchema,
  body: problemDocument,
};

function problemDocument(
  { slug, status, message, errors }: Problem,
  request_id: string,
): z.infer<typeof problemSchema> {
  return {
    type: `/docs#problem-${slug}`,
    title: TITLES[status],
    status,
    detail: message,
    request_id,
    ...(errors.length > 0 ? { errors } : {}),
  };
}

const OPENAI: ErrorShape = { media_type: "application/json", schema: openAiErrorSchema, body: openAiError };

/** OpenAI's words for reasons that it has, too; the others keep our slug. Its clients choose their error class by the status. */
const CODES: Partial<Record<Problem["slug"], string>> = {
  "not-authenticated": "invalid_api_key",
  "no-such-model": "model_not_found",
  "rate-limited": "rate_limit_exceeded",
  "quota-exceeded": "insufficient_quota",
};

export function openAiError({ slug, status, message, errors }: Problem): z.infer<typeof openAiErrorSchema> {
  const code = CODES[slug] ?? slug.replaceAll("-", "_");
  return { error: { message, type: openAiType(slug, status), param: errors[0]?.path || null, code } };
}

function openAiType(slug: Problem["slug"], status: ProblemStatus) {
  if (slug === "quota-exceeded") return "insufficient_quota";
  if (status === 429) return "requests";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

const RPC: ErrorShape = {
  media_type: "application/json",
  schema: rpcErrorSchema,
  body: (problem, request_id) => ({
    jsonrpc: "2.0",
    id: null,
    error: { code: rpcCode(problem), message: problem.message, data: problemDocument(problem, request_id) },
  }),
};

/** https://www.jsonrpc.org/specification#error_object; what is HTTP's affair has the first code that is free for servers. */
function rpcCode({ slug, status }: Problem): number {
  if (slug === "malformed-json") return -32700;
  if (slug === "invalid-request") return -32600;
  return status >= 500 ? -32603 : -32000;
}
