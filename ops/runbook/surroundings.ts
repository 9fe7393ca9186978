/** What the steps of a run find in their environment, and what of it must not be written down. */
import { resolve } from "node:path";
import { redactSecrets } from "../../worker/telemetry/redact.ts";
import { isReason } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { runningPlatform } from "../stack/locate.ts";

/** A variable of such a name holds what nobody may read; `KEY_NAME`, `KEY_ID` and `KEY_FILE` do not. */
export const SECRET_NAME = /(KEY|SECRET|TOKEN|PASS|HOOK)(?!.*_(NAME|ID|FILE)$)/;
const SECRET_CHARS_MIN = 8;

export interface StepEnvironment {
  /** What is named at the terminal is added. */
  env: NodeJS.ProcessEnv;
  masked(text: string): string;
}

/**
 * The environment of a run's steps: that of the command, with the stack, so that `npm run ops` in a step works on the same one, and with
 * `PRISM_URL`. The local platform also tells `PRISM_KEY`; elsewhere a key is for whoever runs this to name.
 */
export async function stepEnvironment(invocation: Invocation): Promise<StepEnvironment> {
  const { stack, data_dir, env } = invocation;
  const { url, secrets, key } = await addressOf(invocation);
  const own = {
    ...env,
    PRISM_STACK: stack,
    PRISM_DATA: resolve(data_dir),
    ...(url !== undefined && { PRISM_URL: url }),
    ...(key !== undefined && { PRISM_KEY: env.PRISM_KEY || key }),
  };
  // Asked anew each time: a person may name variables as the steps come to them.
  const named = () =>
    Object.entries(own).flatMap(([name, value]) =>
      SECRET_NAME.test(name) && (value ?? "").length >= SECRET_CHARS_MIN ? [value ?? ""] : [],
    );
  return { env: own, masked: (text) => redactSecrets(text, [...secrets, ...named()]) };
}

/** Runbooks are for when things are missing: what is not there is left out. */
async function addressOf({ stack, data_dir, env, target }: Invocation) {
  if (stack === "local") {
    try {
      const { url, admin_key, api_secret, api_token } = await runningPlatform(data_dir);
      return { url, key: admin_key, secrets: [api_secret, api_token] };
    } catch (error) {
      if (!isReason(error, "not-running")) throw error;
      return { url: env.PRISM_URL, secrets: [] };
    }
  }
  try {
    const { url, secret } = await (await target()).service();
    return { url, secrets: [secret] };
  } catch {
    return { url: env.PRISM_URL, secrets: [] };
  }
}
