/** Failures of Cloudflare's API in words that say what to do. Pure. */
import Cloudflare from "cloudflare";
import { remedyOf } from "../refusals.ts";

const NO_SUCH_INDEX = 3000;
const NO_SUCH_ACCOUNT = 7003;

/** What a call was about, for its error message. */
export interface Call {
  /** E.g. `create the Vectorize index prism-chunks-g1`. */
  what: string;
  account_id: string;
}

/** True when it is certain that Cloudflare did nothing: it answered, and the answer is a refusal. */
function wasRefused(error: unknown): boolean {
  return error instanceof Cloudflare.APIError && error.status !== undefined && error.status < 500;
}

/** True when asking again may help: no answer, or a failure on Cloudflare's side. */
export function mayPass(error: unknown): boolean {
  return error instanceof Cloudflare.APIError && !wasRefused(error);
}

/** Vectorize says 410 of an index that was deleted and 404 or `NO_SUCH_INDEX` of one that never was. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Cloudflare.APIError)) return false;
  const has = (code: number) => codes(error).includes(code);
  return error.status === 410 || has(NO_SUCH_INDEX) || (error.status === 404 && !has(NO_SUCH_ACCOUNT));
}

/** The one message for the user: what failed, why, what to do. */
export function explained(error: unknown, { what, account_id }: Call): Error {
  if (!(error instanceof Cloudflare.APIError)) return error instanceof Error ? error : new Error(String(error));
  const { status } = error;
  const fail = (why: string, remedy: string) => new Error(`Cannot ${what}: ${why}\nTry: ${remedy}`);
  if (error instanceof Cloudflare.APIConnectionTimeoutError)
    return fail("Cloudflare's API did not answer in time.", "look at https://www.cloudflarestatus.com, then repeat");
  if (status === undefined)
    return fail(
      `Cloudflare's API cannot be reached: ${error.message}`,
      "check the network and CLOUDFLARE_BASE_URL, then repeat",
    );
  const said = error.errors.map(({ code, message }) => `${message} (code ${code})`).join("; ") || error.message;
  const why = `Cloudflare answered ${status} for account ${account_id}: ${said}`;
  if (codes(error).includes(NO_SUCH_ACCOUNT)) return fail(why, "correct accountId, then repeat");
  // Whoever manages an index has to write, so that a refused look asks for the same permission.
  return fail(why, remedyOf({ method: "POST", path: "vectorize", status, codes: codes(error), said }));
}

function codes(error: InstanceType<typeof Cloudflare.APIError>): number[] {
  return error.errors.map(({ code }) => Number(code));
}
