/** `ops block` */
import { z } from "zod";
import { blockPath as blocked, blockView } from "../../worker/schemas/defence.ts";
import { defineCommand } from "../command/define.ts";
import { momentAfter } from "../command/options.ts";
import { blockPath } from "./blocks.ts";

export const block = defineCommand({
  path: "block",
  group: "security",
  summary: "refuse every request of an address, or of a network in CIDR notation",
  notes:
    "It acts everywhere within a minute and a half. Of IPv6 block the client's /64. Refuses networks that hold your own address.",
  risk: "change",
  args: z.object({ ip: blocked.shape.ip.describe("e.g. 203.0.113.7 or 2001:db8:1:2::/64") }),
  options: z.object({
    reason: z.string().min(1).describe("why, for the audit log"),
    until: momentAfter
      .optional()
      .meta({ placeholder: "when", description: "2h, 7d or an ISO date (default: until `ops unblock`)" }),
  }),
  output: z.strictObject({ ...blockView.shape, blocked: z.boolean().describe("false in a dry run") }),
  examples: ['block 203.0.113.7 --reason "tries keys" --until 24h', 'block 2001:db8:1:2::/64 --reason "ticket 4711"'],
  async run(invocation, { ip, reason, until }) {
    const now_ms = invocation.now();
    const expires_at = until === undefined ? null : new Date(until(now_ms)).toISOString();
    if (invocation.dry_run) {
      const blocked_at = new Date(now_ms).toISOString();
      const data = { network: ip, reason, blocked_at, blocked_by: "", expires_at, blocked: false };
      return { data, text: `${ip} would be blocked ${shownEnd(expires_at)}.` };
    }
    const client = await invocation.client();
    const made = await client.put(blockPath(ip), { reason, expires_at }, { answer: blockView });
    return {
      data: { ...made, blocked: true },
      text: `Blocked ${made.network} ${shownEnd(made.expires_at)}.`,
      audit: { detail: { network: made.network, reason, expires_at } },
    };
  },
});

function shownEnd(expires_at: string | null): string {
  return expires_at === null ? "until it is lifted" : `until ${expires_at}`;
}
