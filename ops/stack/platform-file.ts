/** What a running local platform says about itself: it writes this file into its data folder, and ops finds the stack `local` by it. */
import { z } from "zod";

export const platformFile = z.strictObject({
  pid: z.number(),
  url: z.string(),
  api_url: z.string(),
  s3_url: z.string(),
  account_id: z.string(),
  api_token: z.string(),
  /** Every scope, tenant `default`. Empty where nothing was deployed when the platform started. */
  admin_key: z.string(),
  /** The bootstrap secret, for what concerns all tenants. */
  api_secret: z.string(),
});
export type PlatformFile = z.infer<typeof platformFile>;
