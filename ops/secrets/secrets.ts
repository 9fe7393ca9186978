/** What can be said of each secret of the service, whatever its value: who makes it, and what its replacement takes. */
import { ROTATED_SECRETS, type RotatedSecret, type SecretName, type Stack } from "../../infra/inventory.ts";
import { TOKEN_LIFETIME_S } from "../../worker/limits.ts";
import { SECRET_OVERLAP_MS } from "../limits.ts";

/** Those that people name; a `_PREVIOUS` one is the other half of a rotation. */
export const NAMED_SECRETS = [
  ...ROTATED_SECRETS,
  "KEY_PEPPER",
  "ERROR_WEBHOOK",
  "ALERT_CHANNEL_SECRETS",
] as const satisfies SecretName[];
export type NamedSecret = (typeof NAMED_SECRETS)[number];

/** The others but the pepper were made by somebody else: their replacement comes from there, and the Worker takes it up at once. */
export function isRotated(name: NamedSecret): name is RotatedSecret {
  return ROTATED_SECRETS.some((one) => one === name);
}

/** How long the old value must be accepted after the switch, in ms: what was made with it lives on, and versions change place by place. */
export function overlap_ms(name: RotatedSecret): number {
  return SECRET_OVERLAP_MS + (name === "JWT_SECRET" ? TOKEN_LIFETIME_S * 1000 : 0);
}

/** Who holds it besides the Worker, and must be told. */
export function holdersOf(name: RotatedSecret, stack: Stack): string {
  if (name === "JWT_SECRET") return "nobody holds it: tokens are made anew every 15 minutes";
  if (name === "ALERT_WEBHOOK_SECRET") return "Cloudflare's notifications have it from the same deployment";
  const place =
    stack === "local"
      ? "api_secret in platform.json of the data folder"
      : `in the stack's outputs: pulumi stack output api_secret --show-secrets --stack ${stack}`;
  return `give it to everything that has PRISM_API_SECRET (schedulers, CI); it is ${place}`;
}

/** The job under which a rotation reports, so that one that is overdue is an alert like any other missed job. */
export function rotationJob(name: NamedSecret): string {
  return `secret-${name.toLowerCase().replaceAll("_", "-")}`;
}
