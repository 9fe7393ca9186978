/** R2's S3 credentials of whoever holds an API token: they follow from the token, and may do what it may. */
import { createHash } from "node:crypto";
import { OpsError } from "../command/errors.ts";
import { type CloudflareAddress, createCloudflare } from "./api.ts";

export interface S3Credentials {
  access_key_id: string;
  secret_access_key: string;
}

/**
 * The access key is the token's id, the secret key the SHA-256 of its value, in hex.
 * https://developers.cloudflare.com/r2/api/tokens/#get-s3-api-credentials-from-an-api-token
 * @throws OpsError when Cloudflare does not know the token.
 */
export async function s3Credentials(address: CloudflareAddress, signal: AbortSignal): Promise<S3Credentials> {
  const client = createCloudflare(address, { signal });
  const { account_id, token } = address;
  // An account's token and a user's are verified in different places, and nothing in a token says which it is.
  const { id } = await client.accounts.tokens.verify({ account_id }).catch((error: unknown) => {
    if (error instanceof OpsError && error.status !== undefined && error.status < 500)
      return client.user.tokens.verify();
    throw error;
  });
  return { access_key_id: id, secret_access_key: createHash("sha256").update(token).digest("hex") };
}
