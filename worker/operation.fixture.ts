/** Operations of the HTTP API with what a valid request of each needs, for tests. */

export interface Operation {
  method: string;
  path: string;
  /** The path with ids that exist; `ABSENT` where none is known. */
  existing: string;
  valid: Record<string, unknown> | null;
  /** Of bodies. */
  media_types: readonly string[];
  /** Whether a request without one is malformed. */
  needs_body: boolean;
  open: boolean;
  strict_query: boolean;
  /** All methods that the path takes. */
  methods: string[];
}

/** What no store has. */
export const ABSENT = "absent";

/** As `/openapi.json` describes it. */
export interface OpenApiOperation {
  security: readonly unknown[];
  requestBody?: { required?: boolean; content: Record<string, unknown> };
  parameters?: { in: string }[];
}

/** A valid body of each operation that takes one: what a test puts its defects into. */
export const VALID_BODIES: Record<string, Record<string, unknown>> = {
  "POST /api/v1/search": { query: "weevil", top_k: 5, mode: "hybrid", filter: { collection: "c" } },
  "POST /api/v1/chat": { message: "What does the weevil eat?", top_k: 3, filter: { language: "en" }, session: "s" },
  "POST /api/v1/documents": { id: "new", text: "text", title: "t", metadata: { collection: "c" } },
  "PUT /api/v1/documents/{id}": { text: "replaced", title: "t", format: "text", metadata: { author: "a" } },
  "POST /api/v1/documents/batch": { documents: [{ id: "b1", text: "one" }] },
  "POST /api/v1/keys": { name: "n", scopes: ["read"], rate_tier: "low", daily_quota: 5 },
  "PATCH /api/v1/keys/{id}": { name: "renamed", scopes: ["read"], rate_tier: "low" },
  "POST /api/v1/incidents": { title: "t", severity: "SEV-3", components: ["kv"], text: "slow" },
  "PATCH /api/v1/incidents/{id}": { title: "t", state: "identified", text: "found", source: "operator" },
  "POST /api/v1/maintenance": {
    title: "t",
    text: "moving",
    components: ["kv"],
    starts_at: "2126-01-01T00:00:00Z",
    ends_at: "2126-01-01T01:00:00Z",
  },
  "PATCH /api/v1/maintenance/{id}": { title: "t", text: "moving", ends_at: "2126-01-01T02:00:00Z" },
  // Anything but the webhook's secret is refused there.
  "POST /api/v1/alerts/cloudflare": { name: "n", text: "t", alert_type: "incident_alert", ts: 1 },
  "POST /v1/chat/completions": { model: "balanced", messages: [{ role: "user", content: "weevil?" }], stream: false },
  "POST /v1/embeddings": { model: "@prism/lexical-384-v1", input: ["weevil"], encoding_format: "float" },
  "POST /mcp": { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} },
  "POST /api/v1/audit-logs": {
    id: "report-1",
    at: "2026-11-29T12:00:00Z",
    actor: "alice",
    action: "deploy",
    outcome: "done",
    subject: "s",
  },
  "POST /api/v1/audit-export/compliance-report": { from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z" },
  "POST /api/v1/audit-export/verify-integrity": { cursor: `0.${"0".repeat(64)}` },
  "PUT /api/v1/mode": { mode: "normal", reason: "r", rate_tier_max: null },
  "PUT /api/v1/blocklist/{ip}": { reason: "r", expires_at: "2999-01-01T00:00:00Z" },
  "POST /api/v1/alerts/{id}/silence": { minutes: 5, reason: "r" },
  "POST /api/v1/alerts/test": { channel: "slack" },
  "POST /api/v1/heartbeats/{job}": { result: "success", duration_ms: 1, grace_s: 60 },
  "POST /monitoring/baseline-update": { period: "24h" },
  "POST /api/v1/feedback": { request_id: "request-1", rating: 3, comment: "c" },
};

/** An operation with what a valid request of it needs. Throws for one that VALID_BODIES does not know. */
export function operationOf(
  method: string,
  path: string,
  described: OpenApiOperation,
  ids: Record<string, string>,
  methods: string[],
): Operation {
  const name = `${method} ${path}`;
  if (described.requestBody && !VALID_BODIES[name]) throw new Error(`add a valid body of ${name} to VALID_BODIES`);
  return {
    method,
    path,
    existing: path.replace(/([^/]+)\/\{\w+\}/g, (_, noun) => `${noun}/${ids[noun] ?? ABSENT}`),
    valid: VALID_BODIES[name] ?? null,
    media_types: Object.keys(described.requestBody?.content ?? {}),
    needs_body: described.requestBody?.required === true,
    open: described.security.length === 0,
    strict_query: (described.parameters ?? []).some((parameter) => parameter.in === "query"),
    methods,
  };
}
