/** Problems as OpenAI's clients read them, which choose their error class by status and their advice by `code`. Pure. */
import type { z } from "@hono/zod-openapi";
import type { Problem } from "../ground/problem.ts";
import type { openAiErrorSchema } from "../schemas/problem.ts";

/** Whether a path is one of the OpenAI-compatible face, existing or not. */
export function isOpenAiPath(path: string): boolean {
  return path.startsWith("/v1/");
}

/** OpenAI's words for reasons that it has, too; the others keep our slug. */
const CODES: Partial<Record<Problem["slug"], string>> = {
  "not-authenticated": "invalid_api_key",
  "no-such-model": "model_not_found",
  "rate-limited": "rate_limit_exceeded",
  "quota-exceeded": "insufficient_quota",
};

export function openAiError({ slug, status, message, errors }: Problem): z.infer<typeof openAiErrorSchema> {
  const type =
    slug === "quota-exceeded"
      ? "insufficient_quota"
      : status === 429
        ? "requests"
        : status >= 500
          ? "server_error"
          : "invalid_request_error";
  const code = CODES[slug] ?? slug.replaceAll("-", "_");
  return { error: { message, type, param: errors[0]?.path || null, code } };
}
