/**
 * A stack on a real account. Its outputs say all that ops needs, and `CLOUDFLARE_API_TOKEN` is enough to read them; a machine
 * without an engine is told the Worker's address and secret by `PRISM_URL` and `PRISM_API_SECRET` instead.
 */
import type { Stack } from "../../infra/inventory.ts";
import type { StackOutputs } from "../../infra/outputs.ts";
import type { CloudflareAddress } from "../cloudflare/api.ts";
import { s3Credentials } from "../cloudflare/s3-credentials.ts";
import { EXIT, OpsError } from "../command/errors.ts";
import type { StackTarget } from "./locate.ts";
import { cloudflareApiUrl, pulumiEngine, readOutputs } from "./pulumi-engine.ts";

/** @throws OpsError naming what the environment lacks. */
export async function remoteStack(stack: Stack, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<StackTarget> {
  let known: Promise<StackOutputs> | undefined;
  const outputs = (): Promise<StackOutputs> => {
    known ??= pulumiEngine(stack, env, signal).then((engine) => readOutputs(engine));
    return known;
  };
  const given = addressOf(stack, env);
  const told = given === undefined ? await outputs() : undefined;

  const address = (account_id: string): CloudflareAddress => ({
    api_url: cloudflareApiUrl(env),
    account_id,
    token: requiredToken(stack, env),
  });
  return {
    stack,
    url: given?.url ?? told?.url ?? "",
    secret: given?.secret ?? told?.api_secret ?? "",
    get api() {
      const account_id = told?.account_id ?? env.CLOUDFLARE_ACCOUNT_ID ?? "";
      if (account_id !== "") return address(account_id);
      throw new OpsError(
        {
          op: "find the account of",
          subject: stack,
          cause: "PRISM_URL and PRISM_API_SECRET name the Worker, not the account",
          hint: "unset them, so that the stack's outputs are read, or export CLOUDFLARE_ACCOUNT_ID=…",
        },
        { exit_code: EXIT.usage },
      );
    },
    resources: async () => {
      const { account_id, database, vectors, kv, buckets, queues, s3, worker: script } = await outputs();
      const credentials = await s3Credentials(address(account_id), signal);
      return {
        ...{ account_id, database, vectors, kv, buckets, queues },
        s3: { endpoint: s3.endpoint, credentials },
        worker: { name: script.name },
      };
    },
  };
}

/** The Worker as the environment names it; undefined where it does not. */
function addressOf(stack: Stack, env: NodeJS.ProcessEnv): { url: string; secret: string } | undefined {
  const { PRISM_URL = "", PRISM_API_SECRET = "" } = env;
  if (PRISM_URL === "" && PRISM_API_SECRET === "") return undefined;
  const refuse = (cause: string, hint: string) =>
    new OpsError({ op: "find stack", subject: stack, cause, hint }, { exit_code: EXIT.usage });
  if (PRISM_URL === "" || PRISM_API_SECRET === "")
    throw refuse(
      `${PRISM_URL === "" ? "PRISM_API_SECRET is set, PRISM_URL" : "PRISM_URL is set, PRISM_API_SECRET"} is not`,
      "export both, or neither and CLOUDFLARE_API_TOKEN instead",
    );
  if (!URL.canParse(PRISM_URL)) throw refuse(`PRISM_URL is not a URL: ${PRISM_URL}`, "include https://");
  return { url: PRISM_URL.replace(/\/$/, ""), secret: PRISM_API_SECRET };
}

function requiredToken(stack: Stack, env: NodeJS.ProcessEnv): string {
  const token = env.CLOUDFLARE_API_TOKEN ?? "";
  if (token !== "") return token;
  throw new OpsError(
    {
      op: "find stack",
      subject: stack,
      cause: "CLOUDFLARE_API_TOKEN is not set",
      hint: "export CLOUDFLARE_API_TOKEN=… (npm run ops -- bootstrap makes one)",
    },
    { exit_code: EXIT.usage },
  );
}
