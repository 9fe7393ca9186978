/**
 * The addresses of a stack on a real account. `CLOUDFLARE_API_TOKEN` finds the account, and the account tells where the Worker answers;
 * only the bootstrap secret it keeps to itself: that comes from `PRISM_API_SECRET`, or from Pulumi's outputs where there is an engine.
 */
import { join } from "node:path";
import { nameInStack, SERVICE, type Stack } from "../../infra/inventory.ts";
import type { StackOutputs } from "../../infra/outputs.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { workerUrl } from "../cloudflare/worker-url.ts";
import { OpsError } from "../command/errors.ts";
import { accountAddress, notFound, r2Url } from "./account.ts";
import { once } from "./once.ts";
import type { ServiceAddress, StackAddresses } from "./target.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Nothing is asked before it is needed, and nothing twice. */
export function remoteAddresses(stack: Stack, env: NodeJS.ProcessEnv, signal: AbortSignal): StackAddresses {
  const api = once(() => accountAddress(stack, env, signal, ROOT));
  const addressOfWorker = async (): Promise<string | null> => {
    const address = await api();
    return workerUrl(createCloudflare(address, { signal }), address.account_id, nameInStack(SERVICE, stack));
  };
  return {
    api,
    s3Url: async () => r2Url(await api()),
    service: once(() => findService(stack, env, signal, addressOfWorker)),
  };
}

async function findService(
  stack: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  addressOfWorker: () => Promise<string | null>,
): Promise<ServiceAddress> {
  const { PRISM_URL = "", PRISM_API_SECRET = "", CLOUDFLARE_API_TOKEN = "" } = env;
  if (PRISM_URL !== "" && !URL.canParse(PRISM_URL))
    throw notFound(stack, `PRISM_URL is not a URL: ${PRISM_URL}`, "include https://");
  // An address that was exported for something else must not be told this stack's secret.
  if (PRISM_URL !== "" && PRISM_API_SECRET === "")
    throw notFound(
      stack,
      "PRISM_URL is set, PRISM_API_SECRET is not",
      "export the PRISM_API_SECRET of that Worker, or unset PRISM_URL",
    );
  if (PRISM_URL === "" && PRISM_API_SECRET !== "" && CLOUDFLARE_API_TOKEN === "")
    throw notFound(
      stack,
      "neither PRISM_URL nor CLOUDFLARE_API_TOKEN is set",
      "export PRISM_URL=https://… of the Worker, or CLOUDFLARE_API_TOKEN=… with which its account tells the address",
    );
  const told =
    PRISM_API_SECRET === ""
      ? await outputsFor(stack, env, signal, {
          lack: "PRISM_API_SECRET is not set",
          wanted: CLOUDFLARE_API_TOKEN === "" ? "PRISM_URL=https://… and PRISM_API_SECRET=…" : "PRISM_API_SECRET=…",
        })
      : undefined;
  const secret = told?.api_secret ?? PRISM_API_SECRET;
  const url = PRISM_URL.replace(/\/$/, "") || (await addressOfWorker());
  if (url !== null) return { url, secret };
  // The address that is declared, for the next deployment is what gives it to the Worker.
  const lack = "the Worker has no custom domain, and workers.dev is switched off";
  const declared = told ?? (await outputsFor(stack, env, signal, { lack, wanted: "PRISM_URL=https://…" }));
  return { url: declared.url, secret };
}

/** Pulumi's outputs in place of what is lacking. @throws OpsError that names it, where there is no engine to ask. */
async function outputsFor(
  stack: Stack,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  { lack, wanted }: { lack: string; wanted: string },
): Promise<StackOutputs> {
  // Loaded on use: it brings what talks with the engine.
  const { pulumiEngine, readOutputs } = await import("./pulumi-engine.ts");
  const engine = await pulumiEngine(stack, env, signal).catch((error: unknown) => {
    if (!(error instanceof OpsError)) throw error;
    const { cause, hint } = error.parts;
    throw notFound(stack, `${lack}, and ${cause}`, `export ${wanted}, or ${hint}`);
  });
  return await readOutputs(engine);
}
