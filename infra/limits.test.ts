/** What the limits of the program and of its provider promise about each other and about Cloudflare's. */
import { expect, test } from "vitest";
import * as cloudflare from "./cloudflare-limits.ts";
import * as infra from "./limits.ts";
import * as provider from "./provider/limits.ts";

const relations: [rule: string, smaller: number, larger: number][] = [
  ["the paid plan allows no less", infra.PLANS.free.crons_max, infra.PLANS.paid.crons_max],
  ["Vectorize takes an index's dimensions", infra.DIMENSIONS_MAX, cloudflare.VECTORIZE_DIMENSIONS_MAX],
  ["an aborted upload is gone before the parts of backups can be", infra.ABORTED_UPLOAD_DAYS, infra.BACKUP_LOCK_DAYS],
  ["the audit archive is locked longer than a backup", infra.BACKUP_LOCK_DAYS, infra.AUDIT_LOCK_DAYS],
  ["one block by Cloudflare is sat out", cloudflare.API_WINDOW_MS, provider.RATE_LIMIT_WAIT_MAX_MS],
  ["a second block is not", provider.RATE_LIMIT_WAIT_MAX_MS, 2 * cloudflare.API_WINDOW_MS],
  ["an index is looked at ever more rarely", provider.VISIBLE_POLL_MS.first, provider.VISIBLE_POLL_MS.max],
  ["an index is looked at several times", 10 * provider.VISIBLE_POLL_MS.max, provider.VISIBLE_WAIT_MAX_MS],
];

test.each(relations)("%s", (_, smaller, larger) => {
  expect(smaller).toBeLessThanOrEqual(larger);
});
