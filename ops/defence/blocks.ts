/** Blocks of addresses as the service's API shows them. */
import { z } from "zod";

export const blockView = z.object({
  network: z.string(),
  reason: z.string(),
  blocked_at: z.iso.datetime(),
  blocked_by: z.string().describe("the id of the key that blocked it"),
  expires_at: z.iso.datetime().nullable(),
});

/** Of an address, or of a network whose slash belongs to it. */
export function blockPath(ip: string): string {
  return `/api/v1/blocklist/${encodeURIComponent(ip)}`;
}
