/**
 * Prefixes whose objects are written once: a bucket lock stops overwrites and deletes before an age, whoever asks.
 * What changes in place (pointers, leases, chain heads) must live outside of them.
 */
import { AUDIT_LOCK_DAYS, BACKUP_LOCK_DAYS } from "./limits.ts";

export const LOCKED_PREFIXES = {
  backups: { prefix: "epoch/", days: BACKUP_LOCK_DAYS },
  audit: { prefix: "archive/", days: AUDIT_LOCK_DAYS },
} as const;
