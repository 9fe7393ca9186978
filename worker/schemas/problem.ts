/** Problem documents (RFC 9457) as OpenAPI shows them, and the catalogue of every reason there is. */
import { z } from "@hono/zod-openapi";

export const problemSchema = z
  .strictObject({
    type: z.string().openapi({ description: "A path of this service that explains the reason." }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: "What was refused, why, and what to do." }),
    request_id: z.string().openapi({ description: "Quote it when you report a problem." }),
    errors: z
      .array(z.strictObject({ path: z.string().openapi({ example: "documents[3].text" }), message: z.string() }))
      .optional()
      .openapi({ description: "Fields that do not fit the schema, at most 20." }),
  })
  .openapi("Problem", {
    example: {
      type: "/docs#problem-rate-limited",
      title: "Too many requests",
      status: 429,
      detail: "More than 600 requests in 60 s. Wait, then continue slower.",
      request_id: "6f1c0f0e-4f0e-4d7e-9b1a-0c6c1f3f9d11",
    },
  });

/** What each `slug` of a `Problem` means to a caller. The docs page has an anchor for each. */
export const PROBLEMS: Record<string, { status: number; meaning: string }> = {
  "invalid-request": { status: 400, meaning: "Fields do not fit the schema; `errors` names them. Fix and resend." },
  "malformed-json": {
    status: 400,
    meaning: "The body is not UTF-8, not JSON, nested too deep, or names a key twice. Fix and resend.",
  },
  "not-authenticated": {
    status: 401,
    meaning:
      "No credential was sent, or it is wrong, revoked or expired. Send a valid one; tokens are renewed with their key.",
  },
  "missing-scope": { status: 403, meaning: "The key is valid but lacks the scope that `detail` names." },
  "address-blocked": { status: 403, meaning: "The operator has blocked your address." },
  "token-not-exchangeable": {
    status: 403,
    meaning: "Only an API key can be exchanged for a token: not the bootstrap secret, not another token.",
  },
  "other-tenant": { status: 403, meaning: "A key manages keys of its own tenant only." },
  "no-such-route": { status: 404, meaning: "There is no such path. See the list of routes on this page." },
  "not-found": { status: 404, meaning: "There is no document or job with this id in the key's tenant." },
  "no-such-key": { status: 404, meaning: "There is no key with this id that you may manage." },
  "method-not-allowed": { status: 405, meaning: "The path exists; the `Allow` header lists its methods." },
  "idempotency-in-progress": {
    status: 409,
    meaning: "The first request with this `Idempotency-Key` is still running. Retry after the time given.",
  },
  "version-mismatch": {
    status: 412,
    meaning: "The document is not at the version that `If-Match` names. Read it again, then decide.",
  },
  "body-too-large": { status: 413, meaning: "The body is larger than this route takes. Split it." },
  "unsupported-media-type": { status: 415, meaning: "Send `Content-Type: application/json`." },
  "unsupported-encoding": { status: 415, meaning: "Send the body uncompressed." },
  "idempotency-key-reused": {
    status: 422,
    meaning: "This `Idempotency-Key` was used for another request. Use a new one for a new request.",
  },
  "rate-limited": { status: 429, meaning: "Too many requests in a minute. Wait for `Retry-After` seconds." },
  "too-many-failures": {
    status: 429,
    meaning: "Too many failed authentications from your address. Wait, then check the key.",
  },
  "quota-exceeded": {
    status: 429,
    meaning: "The key's requests of this UTC day are used up. `Retry-After` tells when it resets.",
  },
  internal: { status: 500, meaning: "A defect of the service. Report it with the request id." },
  "vector-search-down": {
    status: 503,
    meaning: "Vector search is unavailable. Search with mode `hybrid` or `text`, or retry later.",
  },
  "batch-not-stored": { status: 503, meaning: "A batch could not be stored, and nothing of it was. Send it again." },
  "write-fenced": {
    status: 503,
    meaning: "A store is being replaced, and this change cannot be kept for later. Nothing was changed; retry as told.",
  },
  "database-down": { status: 503, meaning: "The database cannot be reached at the moment. Wait as told, then retry." },
  "keys-unavailable": { status: 503, meaning: "Keys cannot be checked right now. Your key may be fine; retry soon." },
};
