/** Keys in the CONFIG namespace under which ops leaves what it could not report because the service was down; cron takes it. */
export const WAITING_PREFIX = "waiting:";

export type WaitingKind = "audit" | "heartbeat" | "incident";

/** The key of one report, or what the keys of all of a kind begin with. */
export function waitingKey(kind: WaitingKind, id = ""): string {
  return `${WAITING_PREFIX}${kind}:${id}`;
}
