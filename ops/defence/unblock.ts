/** `ops unblock` */
import { z } from "zod";
import { blockPath as blocked, blocksView, blockView } from "../../worker/schemas/defence.ts";
import { defineCommand } from "../command/define.ts";
import { blockPath } from "./blocks.ts";

export const unblock = defineCommand({
  path: "unblock",
  group: "security",
  summary: "lift the block of exactly this address or network",
  risk: "change",
  args: z.object({ ip: blocked.shape.ip.describe("as it was blocked") }),
  output: z.strictObject({
    lifted: z.string(),
    holding: z.array(z.strictObject(blockView.shape)).describe("blocks that hold it, this one included"),
  }),
  examples: ["unblock 203.0.113.7"],
  async run(invocation, { ip }) {
    const client = await invocation.client();
    const { blocks: holding } = await client.get(blockPath(ip), blocksView);
    if (invocation.dry_run) return { data: { lifted: ip, holding }, text: `The block of ${ip} would be lifted.` };
    await client.delete(blockPath(ip));
    const others = holding.length - 1;
    const still = others === 1 ? "a larger one holds it still" : `${others} larger ones hold it still`;
    const text = `Lifted the block of ${ip}${others > 0 ? `; ${still}` : ""}.`;
    return { data: { lifted: ip, holding }, text, audit: { detail: { network: ip } } };
  },
});
