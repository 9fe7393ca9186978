/** Failures of Cloudflare's API in words that say what to do. Pure. */
import Cloudflare from "cloudflare";

/** What a call was about, for its error message. */
export interface Call {
  /** E.g. `create the Vectorize index prism-chunks-g1`. */
  what: string;
  account_id: string;
}

/** True when it is certain that Cloudflare did nothing: it answered, and the answer is a refusal. */
export function wasRefused(error: unknown): boolean {
  return error instanceof Cloudflare.APIError && error.status !== undefined && error.status < 500;
}

/** True when asking again may help: no answer, or a failure on Cloudflare's side. */
export function mayPass(error: unknown): boolean {
  return error instanceof Cloudflare.APIError && !wasRefused(error);
}

/** Vectorize says 410 of an index that was deleted and 404 or code 3000 of one that never was. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Cloudflare.APIError)) return false;
  return error.status === 410 || codes(error).includes(3000) || (error.status === 404 && !codes(error).includes(7003));
}

/** The one message for the user: what was refused, why, what to do. */
export function explained(error: unknown, { what, account_id }: Call): Error {
  if (!(error instanceof Cloudflare.APIError)) return error instanceof Error ? error : new Error(String(error));
  const said = error.errors.map(({ code, message }) => `${message} (code ${code})`).join("; ") || error.message;
  const fail = (why: string, remedy: string) => new Error(`Cannot ${what}: ${why}\nTry: ${remedy}`);
  if (error instanceof Cloudflare.APIConnectionTimeoutError)
    return fail(
      "Cloudflare's API did not answer in time.",
      "look at https://www.cloudflarestatus.com, then repeat the command: it goes on where it stopped",
    );
  if (error.status === undefined)
    return fail(
      `Cloudflare's API cannot be reached: ${error.message}`,
      "check the network and CLOUDFLARE_BASE_URL, then repeat the command",
    );
  if (error.status === 401 || codes(error).some((code) => code === 9106 || code === 6003 || code === 1000))
    return fail(
      `Cloudflare does not know the API token: ${said}`,
      "set CLOUDFLARE_API_TOKEN to a token that is neither expired nor revoked",
    );
  if (error.status === 403)
    return fail(
      `the API token may not do this: ${said}`,
      `give the token "Vectorize Edit" on account ${account_id}, or use the deploy token that \`ops bootstrap\` made`,
    );
  if (error.status === 429)
    return fail(
      `the budget of API requests is spent and did not recover in time: ${said}`,
      "wait five minutes and repeat the command: it goes on where it stopped",
    );
  if (error.status >= 500)
    return fail(
      `Cloudflare failed with ${error.status}: ${said}`,
      "look at https://www.cloudflarestatus.com, then repeat the command: it goes on where it stopped",
    );
  if (codes(error).includes(7003))
    return fail(`Cloudflare has no such account: ${said}`, `check accountId, which is ${account_id}`);
  return fail(`Cloudflare refused it with ${error.status}: ${said}`, "change what it names, then repeat the command");
}

function codes(error: InstanceType<typeof Cloudflare.APIError>): number[] {
  return error.errors.map(({ code }) => Number(code));
}
