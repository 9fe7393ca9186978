/**
 * The `pulumi` command for a stack of this project: found on the machine, told where the state is, and run without a shell's
 * help. Nothing but `CLOUDFLARE_API_TOKEN` is needed: the rest follows from it, unless the environment says otherwise.
 *
 * | | from the environment | otherwise |
 * |---|---|---|
 * | where the state is | `PULUMI_BACKEND_URL` | the R2 bucket `STATE_BUCKET` of the stack's account |
 * | credentials of an `s3://` state | `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` | the token's own S3 credentials |
 * | what opens secrets | `PULUMI_CONFIG_PASSPHRASE` (or `…_FILE`) | HMAC-SHA-256 of the stack's name under the token, in hex |
 *
 * A new deploy token therefore means a new passphrase: `pulumi stack change-secrets-provider passphrase` before the old one ends.
 */
import { createHmac } from "node:crypto";
import { delimiter, dirname, join } from "node:path";
import { z } from "zod";
import { findEngine } from "../../infra/engine/engine-binary.ts";
import type { Stack } from "../../infra/inventory.ts";
import { type StackOutputs, stackOutputs } from "../../infra/outputs.ts";
import { s3Credentials } from "../cloudflare/s3-credentials.ts";
import { OpsError } from "../command/errors.ts";
import { shellWith } from "../programs.ts";
import { accountAddress, notFound, r2Url, requiredToken } from "./account.ts";
import { engineFailure } from "./pulumi-events.ts";

/** The project: `Pulumi.yaml` and the stacks' files. */
export const ROOT = join(import.meta.dirname, "../..");
/** R2 bucket with the state of all stacks of an account but `local`. `ops bootstrap` makes it. */
export const STATE_BUCKET = "prism-state";

export interface PulumiEngine {
  readonly stack: Stack;
  /** Holds `Pulumi.yaml` and the stack's configuration. */
  readonly folder: string;
  /**
   * Runs `pulumi ARGS --stack STACK` and returns its stdout. `input` goes to its stdin; `on_line` hears stdout line by line.
   * @throws OpsError with the engine's own words.
   */
  run(args: readonly string[], options?: { input?: string; on_line?: (line: string) => void }): Promise<string>;
}

/** @throws OpsError naming what is missing: an engine, the token, the account. */
export async function pulumiEngine(
  stack: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  folder: string = ROOT,
): Promise<PulumiEngine> {
  const binary = findEngine(env);
  if (binary === null)
    throw notFound(stack, "there is no `pulumi` on PATH", "install Pulumi (https://www.pulumi.com/docs/install/)");
  const path = [...binary.plugin_folders, dirname(binary.pulumi), dirname(process.execPath), env.PATH ?? ""];
  return pulumiAt(binary.pulumi, stack, folder, signal, {
    ...env,
    ...(await stateAccess(stack, env, signal, folder)),
    PATH: path.join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // One event a line for previews, as `up` prints them.
    PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true",
  });
}

function pulumiAt(
  pulumi: string,
  stack: Stack,
  folder: string,
  signal: AbortSignal,
  env: NodeJS.ProcessEnv,
): PulumiEngine {
  return {
    stack,
    folder,
    async run(args, { input = "", on_line } = {}) {
      // Pulumi gives its state up in order at SIGINT.
      const shell = shellWith({ cwd: folder, env, signal, killSignal: "SIGINT", input });
      const running = shell`${pulumi} --non-interactive --color never ${args} --stack ${stack}`;
      if (on_line) for await (const line of running) on_line(line);
      const { exitCode, stdout, stderr } = await running;
      signal.throwIfAborted();
      if (exitCode === 0) return stdout;
      throw engineFailure(stack, args, stdout, stderr);
    },
  };
}

/** The outputs of the stack's last update, secrets included. @throws OpsError when it has none, or those of another version. */
export async function readOutputs(engine: PulumiEngine): Promise<StackOutputs> {
  const text = await engine.run(["stack", "output", "--json", "--show-secrets"]);
  const parsed = stackOutputs.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  const never = text.trim() === "{}";
  throw new OpsError(
    {
      op: "read the outputs of stack",
      subject: engine.stack,
      cause: never
        ? "it was never deployed"
        : `unexpected shape: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`,
      hint: `npm run ops -- deploy --stack ${engine.stack}`,
      reason: never ? "never-deployed" : undefined,
    },
    { error: parsed.error },
  );
}

/** Environment by which the engine reaches its state and opens its secrets. */
async function stateAccess(
  stack: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  folder: string,
): Promise<Record<string, string>> {
  const token = requiredToken(stack, env);
  const hasPassphrase = [env.PULUMI_CONFIG_PASSPHRASE, env.PULUMI_CONFIG_PASSPHRASE_FILE].some((text) => text);
  const passphrase: Record<string, string> = hasPassphrase
    ? {}
    : { PULUMI_CONFIG_PASSPHRASE: secretsPassphrase(token, stack) };
  const given = env.PULUMI_BACKEND_URL ?? "";
  const keyless = (env.AWS_ACCESS_KEY_ID ?? "") === "";
  if (given !== "" && !(given.startsWith("s3://") && keyless)) return passphrase;
  const api = await accountAddress(stack, env, signal, folder);
  const credentials = keyless ? await s3Credentials(api, signal) : undefined;
  return {
    ...passphrase,
    PULUMI_BACKEND_URL: given || stateUrl(r2Url(api)),
    ...(credentials && {
      AWS_ACCESS_KEY_ID: credentials.access_key_id,
      AWS_SECRET_ACCESS_KEY: credentials.secret_access_key,
    }),
  };
}

/** Address of the state in R2, whose S3 API is at `endpoint`. It takes no checksums that the SDKs add by themselves. */
export function stateUrl(endpoint: string): string {
  const query = new URLSearchParams({
    endpoint,
    region: "auto",
    use_path_style: "true",
    request_checksum_calculation: "when_required",
    response_checksum_validation: "when_required",
  });
  return `s3://${STATE_BUCKET}?${query}`;
}

/** What opens the secrets of a stack's state, where nothing else was chosen: it follows from the deploy token. */
export function secretsPassphrase(token: string, stack: Stack): string {
  return createHmac("sha256", token).update(`prism pulumi secrets ${stack}`).digest("hex");
}
