/** Who is calling, after the credentials were checked. Pure data: how it was proven is `authenticate.ts`'s business. */

/** What a key may be allowed to do. `admin` implies every other scope. */
export const SCOPES = ["read", "chat", "write", "metrics", "ops", "admin", "debug"] as const;
export type Scope = (typeof SCOPES)[number];

/** Names of the rate-limit bindings a key can be put on (their limits are in the inventory). */
export const RATE_TIERS = ["low", "standard", "high"] as const;
export type RateTier = (typeof RATE_TIERS)[number];

/** The tenant of whoever runs the service. */
export const OPERATOR_TENANT = "default";

export interface Principal {
  /** `bootstrap` for `API_SECRET`, otherwise the key's id, also when a JWT was exchanged for it. */
  key_id: string;
  via: "secret" | "key" | "token";
  /** Vectorize namespace and the owner of documents; comes from the key, never from the request. */
  tenant: string;
  scopes: readonly Scope[];
  rate_tier: RateTier;
  /** Requests a UTC day; null = no quota. */
  daily_quota: number | null;
  /** When the key behind it ends; null = never. */
  expires_at_ms: number | null;
}

/** True when the principal may do what `scope` guards. */
export function allows(principal: Principal, scope: Scope): boolean {
  return principal.scopes.includes(scope) || principal.scopes.includes("admin");
}
