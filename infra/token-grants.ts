/** What each job's token may do; declared by `tokens.ts`, and compared with the account by `ops audit security`. */
import { DEPLOY_PERMISSIONS, LOGPUSH_PERMISSIONS } from "./deploy-permissions.ts";
import type { BUCKETS } from "./inventory.ts";

/** Permission groups by the name Cloudflare gives them, on the account, the zone or buckets. */
export interface TokenGrant {
  account?: string[];
  zone?: string[];
  /** Objects of these buckets through the S3 API. */
  read?: (keyof typeof BUCKETS)[];
  write?: (keyof typeof BUCKETS)[];
}

/** By job. `logpush`: whether the plan has it. */
export function tokenGrants({ logpush }: { logpush: boolean }) {
  return {
    deploy: {
      account: [...DEPLOY_PERMISSIONS, ...(logpush ? LOGPUSH_PERMISSIONS : [])],
      zone: ["DNS Write", "Health Checks Write", "Workers Routes Write", "Zone Read", "Zone WAF Write"],
    },
    backup: {
      // D1 Write, for every query by REST needs it and the change log is trimmed after a backup.
      account: ["D1 Write", "Vectorize Read", "Workers KV Storage Read", "Workers Scripts Read"],
      read: ["vectors", "audit"],
      write: ["backups"],
    },
    restore: {
      account: ["D1 Write", "Vectorize Write", "Workers KV Storage Write", "Workers Scripts Read"],
      // Write, for a restore keeps what it reads from being pruned by a lease in the repository.
      write: ["backups", "vectors"],
    },
    reports: {
      account: [
        "Account Analytics Read",
        "Account Settings Read",
        "D1 Read",
        "Queues Read",
        "Vectorize Read",
        "Workers KV Storage Read",
        "Workers Observability Write",
        "Workers Scripts Read",
      ],
      read: ["logs"],
    },
    ...(logpush ? { logpush: { write: ["logs"] } satisfies TokenGrant } : {}),
  } satisfies Record<string, TokenGrant>;
}
