/** Questions that the program asks Cloudflare itself at a preview, and how their failures read. It changes nothing. */
import * as pulumi from "@pulumi/pulumi";
import Cloudflare from "cloudflare";

const TIMEOUT_MS = 20_000;

/** The official client, with the token and address that the provider uses as well. */
export const cloudflare = new Cloudflare({ apiToken: await apiToken(), timeout: TIMEOUT_MS });

async function apiToken(): Promise<string> {
  const token = process.env.CLOUDFLARE_API_TOKEN ?? (await providerToken());
  if (token !== undefined) return token;
  throw new pulumi.RunError(
    "There is no API token to ask Cloudflare with. Set it with: export CLOUDFLARE_API_TOKEN=… " +
      "(`npm run ops -- bootstrap` makes one with the permissions that a deployment needs)",
  );
}

/** The token in the provider's own configuration; the other place where the provider looks. */
function providerToken(): Promise<string | undefined> {
  const token = new pulumi.Config("cloudflare").getSecret("apiToken");
  return new Promise((resolve) => (token === undefined ? resolve(undefined) : token.apply(resolve)));
}

/** Why a question failed and what to do, as one error. `permission` is what the question needs. */
export function unanswered(question: string, permission: string, error: unknown): pulumi.RunError {
  return new pulumi.RunError(`Cloudflare did not say ${question}: ${reason(permission, error)}`);
}

function reason(permission: string, error: unknown): string {
  if (!(error instanceof Cloudflare.APIError)) return String(error);
  const { status } = error;
  if (status === 400 || status === 401)
    return "it does not know the API token. Check CLOUDFLARE_API_TOKEN, or make a token with: npm run ops -- bootstrap";
  if (status === 403)
    return (
      `the API token lacks the permission «${permission}», or is for another account (403). ` +
      "Compare prism:accountId with the token's account, or make a token with: npm run ops -- bootstrap"
    );
  if (status === 429)
    return "its request budget is used up (429: 1200 in five minutes). Repeat in five minutes; nothing was changed";
  if (status === undefined)
    return `no answer (${error.message}). Check the network and CLOUDFLARE_BASE_URL, then repeat`;
  return `it failed (${status}). See https://www.cloudflarestatus.com and repeat; nothing was changed`;
}
