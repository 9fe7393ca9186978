/** The clock of commands; and a wrong one of this machine, told as what it is: servers refuse what it signs, and it refuses their certificates. */
import type { Stack } from "../infra/inventory.ts";
import { CLOCK_SKEW_MAX_MS } from "./limits.ts";

/** How far the clock of the local platform is ahead of this machine's, where that is simulated as on a game day. */
export const CLOCK_OFFSET = "PRISM_CLOCK_OFFSET_MS";

/** What a command reads as the time, in milliseconds since the epoch: no other stack has a clock of its own. */
export function nowOf(stack: Stack, env: Readonly<Record<string, string | undefined>>): () => number {
  const offset_ms = stack === "local" ? Number(env[CLOCK_OFFSET]) || 0 : 0;
  return () => Date.now() + offset_ms;
}

export const SET_THE_CLOCK = "set this machine's clock (timedatectl set-ntp true, or sntp), then repeat";

/** Of TLS, where a certificate is not valid now. https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const OUT_OF_DATE: ReadonlySet<unknown> = new Set(["CERT_NOT_YET_VALID", "CERT_HAS_EXPIRED"]);

/** In words, how far this machine's clock is from that of a server which sent this `Date`; null where that explains nothing. */
export function skewTold(date: string | null | undefined, now_ms: number): string | null {
  const there_ms = Date.parse(date ?? "");
  if (!(Math.abs(there_ms - now_ms) > CLOCK_SKEW_MAX_MS)) return null;
  return `this machine's clock says ${new Date(now_ms).toISOString()}, the server's ${new Date(there_ms).toISOString()}`;
}

/** The same of a failed connection: the clock is wrong, or the certificate out of date indeed. */
export function certificateTold(error: unknown, now_ms: number): string | null {
  const { code } = (error ?? {}) as { code?: unknown };
  return OUT_OF_DATE.has(code)
    ? `its certificate is not valid at ${new Date(now_ms).toISOString()}, by this machine's clock`
    : null;
}
