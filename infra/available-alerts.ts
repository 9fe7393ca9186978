/**
 * Which notifications this account may have. The list differs by plan and changes without notice, so it is asked for at
 * every preview instead of being written down.
 */
import * as pulumi from "@pulumi/pulumi";
import Cloudflare from "cloudflare";
import { accountId } from "./account.ts";

const TIMEOUT_MS = 20_000;

/** `alert_type`s that the account may use. */
export const availableAlerts: ReadonlySet<string> = await askAvailableAlerts();

async function askAvailableAlerts(): Promise<ReadonlySet<string>> {
  const apiToken = process.env.CLOUDFLARE_API_TOKEN ?? (await providerToken());
  if (apiToken === undefined)
    throw new pulumi.RunError(
      "There is no API token to ask Cloudflare with. Set it with: export CLOUDFLARE_API_TOKEN=… " +
        "(`ops bootstrap` makes one with the permissions that a deployment needs)",
    );
  try {
    const byProduct = await new Cloudflare({ apiToken, timeout: TIMEOUT_MS }).alerting.availableAlerts.list({
      account_id: accountId,
    });
    return new Set(
      Object.values(byProduct)
        .flat()
        .flatMap(({ type }) => (type === undefined ? [] : [type])),
    );
  } catch (error) {
    throw new pulumi.RunError(`Cloudflare did not list the available alerts: ${reason(error)}`);
  }
}

/** The token in the provider's own configuration; the other place where the provider looks. */
function providerToken(): Promise<string | undefined> {
  const token = new pulumi.Config("cloudflare").getSecret("apiToken");
  return new Promise((resolve) => (token === undefined ? resolve(undefined) : token.apply(resolve)));
}

function reason(error: unknown): string {
  if (!(error instanceof Cloudflare.APIError)) return String(error);
  const { status } = error;
  if (status === 401 || status === 400)
    return "it does not know the API token (401). Check CLOUDFLARE_API_TOKEN, or make a token with: npm run ops -- bootstrap";
  if (status === 403)
    return (
      "the API token lacks the permission «Notifications Read», or is for another account (403). " +
      "Compare prism:accountId with the token's account, or make a token with: npm run ops -- bootstrap"
    );
  if (status === 429)
    return "its request budget is used up (429: 1200 in five minutes). Repeat in five minutes; nothing was changed";
  if (status === undefined)
    return `no answer (${error.message}). Check the network and CLOUDFLARE_BASE_URL, then repeat`;
  return `it failed (${status}). See https://www.cloudflarestatus.com and repeat; nothing was changed`;
}
