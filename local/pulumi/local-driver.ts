/**
 * The local stack without an engine: runs the same program as `pulumi up` and performs what it declares on the platform's REST API.
 *
 * Unlike an engine it looks at every resource before it plans, so a repeated `up` also repairs what was changed behind its
 * back, and it recognises what is there already (a seeded platform) by its names.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { SERVICE, VARIABLES, VECTOR_INDEX, WATCHDOG } from "../../infra/inventory.ts";
import { DAY_MS } from "../../infra/limits.ts";
import { type StackOutputs, stackOutputs } from "../../infra/outputs.ts";
import { discoverResources } from "../../ops/cloudflare/account-resources.ts";
import { type CloudflareAddress, createCloudflare } from "../../ops/cloudflare/api.ts";
import { mainVersion, workerVersions } from "../../ops/cloudflare/worker-versions.ts";
import { OpsError } from "../../ops/command/errors.ts";
import { LOCAL_TOKEN_DAYS } from "../../ops/limits.ts";
import {
  asProgramConfig,
  type ConfigValues,
  readConfigFile,
  valueAt,
  withChanges,
} from "../../ops/stack/config-values.ts";
import { realDifferences } from "../../ops/stack/drift-noise.ts";
import type { PlannedStep, StackDriver, UnmanagedResource } from "../../ops/stack/driver.ts";
import { findExisting } from "../../ops/stack/natural-keys.ts";
import type { PlatformFile } from "../../ops/stack/platform-file.ts";
import { dayOf } from "../../worker/ground/time.ts";
import type { RunMessage, RunRequest } from "./local-driver-run.ts";
import { readState, type StackState, writeState } from "./local-driver-state.ts";
import { announceSecret, changeLocalSecret, secretsOf } from "./local-secrets.ts";

const ROOT = join(import.meta.dirname, "../..");
const PROGRAM = join(import.meta.dirname, "local-driver-run.ts");

export interface LocalStack {
  /** Data folder of the running platform. */
  data_dir: string;
  platform: PlatformFile;
  signal: AbortSignal;
}

/** @throws OpsError from every method, in the provider's or the program's own words. */
export function localDriver({ data_dir, platform, signal }: LocalStack): StackDriver {
  const api: CloudflareAddress = {
    api_url: platform.api_url,
    account_id: platform.account_id,
    token: platform.api_token,
  };
  const state = async (): Promise<StackState> =>
    readState(data_dir) ?? { stack: "local", config: await firstConfig(api, signal), outputs: null, resources: [] };
  // Another command may have configured something while this one deploys.
  const configNow = ({ config }: StackState): ConfigValues => readState(data_dir)?.config ?? config;
  const effective = ({ config }: StackState): ConfigValues => ({
    ...readConfigFile(join(ROOT, "Pulumi.local.yaml")),
    ...config,
    // The platform may have moved since.
    local: { url: platform.url, s3Url: platform.s3_url },
  });
  const request = (current: StackState, preview: boolean): RunRequest => ({
    preview,
    api,
    known: current.resources,
    config: asProgramConfig({ ...effective(current), ...secretsOf(data_dir) }),
  });

  const setConfig: StackDriver["setConfig"] = async (changes) => {
    const current = await state();
    // A key of the tracked file is overlaid as a whole, so that the overlay alone says what it is.
    const changed = withChanges(effective(current), changes);
    const keys = Object.keys(changes).map((path) => path.split(".")[0] ?? path);
    const config = { ...current.config };
    for (const key of keys) {
      if (changed[key] === undefined) delete config[key];
      else config[key] = changed[key];
    }
    writeState(data_dir, { ...current, config });
  };

  return {
    stack: "local",

    async preview() {
      const steps: PlannedStep[] = [];
      const warnings: string[] = [];
      await runProgram(request(await state(), true), signal, (message) => {
        if (message.kind === "done") steps.push(message.done.step);
        if (message.kind === "gone") steps.push(goneStep(message));
        if (message.kind === "warning") warnings.push(message.text);
      });
      return { steps, warnings };
    },

    async up(on_step) {
      const current = await state();
      let outputs: StackOutputs | undefined;
      await runProgram(request(current, false), signal, (message) => {
        if (message.kind === "done") {
          const { step, resource } = message.done;
          const at = current.resources.findIndex(({ type, name }) => type === resource.type && name === resource.name);
          if (at < 0) current.resources.push(resource);
          else current.resources[at] = resource;
          on_step?.(step);
        }
        if (message.kind === "gone") {
          current.resources = current.resources.filter(
            ({ type, name }) => type !== message.type || name !== message.name,
          );
          on_step?.(goneStep(message));
        }
        if (message.kind === "outputs") {
          outputs = stackOutputs.parse(message.outputs);
          current.outputs = outputs;
        }
        // After every step, for a token shows its value only once.
        if (message.kind !== "warning") writeState(data_dir, { ...current, config: configNow(current) });
      });
      if (outputs) {
        announceSecret(data_dir);
        return outputs;
      }
      throw new OpsError({
        op: "deploy",
        subject: "local",
        cause: "the program ended without its outputs",
        hint: "repeat it; what was done stays done",
      });
    },

    async outputs() {
      const { outputs } = await state();
      if (outputs) return outputs;
      throw neverDeployed("read the outputs of");
    },

    async drift() {
      const { LocalResources } = await import("./local-driver-resource.ts");
      const resources = new LocalResources(api, signal);
      const known = (await state()).resources;
      if (known.length === 0) throw neverDeployed("compare");
      const found = await Promise.all(known.map((one) => resources.drift(one)));
      return found.map((one) => {
        const changed = realDifferences(one.type, one.changed);
        return one.state === "drifted" && changed.length === 0
          ? { ...one, state: "unchanged", changed }
          : { ...one, changed };
      });
    },

    compares_with: "account",
    notice: async () => {},

    async unmanaged() {
      const current = await state();
      const found: UnmanagedResource[] = [];
      await runProgram(request(current, true), signal, (message) => {
        if (message.kind !== "done") return;
        const { type, name, inputs } = message.done.resource;
        if (!current.resources.some((known) => known.type === type && known.name === name))
          found.push({ type, name, inputs });
      });
      return found;
    },

    getConfig: async (path) => valueAt(effective(await state()), path),

    setConfig,

    async changeSecret(change, changes) {
      changeLocalSecret(data_dir, change);
      await setConfig(changes);
    },
  };
}

function neverDeployed(op: string): OpsError {
  return new OpsError({
    op,
    subject: "stack local",
    cause: "it was never deployed: the platform runs what it was seeded with",
    hint: "npm run ops -- deploy",
    reason: "never-deployed",
  });
}

function goneStep({ type, name, protected: kept }: Extract<RunMessage, { kind: "gone" }>): PlannedStep {
  return { kind: "delete", type, name, changed: [], protected: kept };
}

/** What the local stack is told before anybody configures it: the account, what the platform was seeded with, and a watchdog where one is there. */
async function firstConfig(api: CloudflareAddress, signal: AbortSignal): Promise<ConfigValues> {
  const expiry_ms = Date.now() + LOCAL_TOKEN_DAYS * DAY_MS;
  const client = createCloudflare(api, { signal });
  const watchdog = { accountId: api.account_id, name: WATCHDOG.name };
  const config = {
    accountId: api.account_id,
    tokensExpire: dayOf(expiry_ms),
    ...((await findExisting(client, "cloudflare:index/worker:Worker", watchdog)) !== null && { watchdog: true }),
  };
  const versions = workerVersions(client, api.account_id, SERVICE);
  const [serving] = await versions.deployments();
  if (serving === undefined) return config;
  const { bindings } = await versions.version(mainVersion(serving));
  const seeded = bindings.flatMap(({ type, name, text }) => {
    const usual = VARIABLES[name as keyof typeof VARIABLES]?.local;
    return type === "plain_text" && usual !== undefined && text !== usual ? [[String(name), text]] : [];
  });
  const { database, vectors } = await discoverResources(client, api.account_id, "local");
  return {
    ...config,
    ...(seeded.length > 0 ? { variables: Object.fromEntries(seeded) } : {}),
    // What the Worker is bound to is declared also where it is gone: a deployment makes it again.
    database: {
      live: database.live,
      generations: [...new Set([...database.generations.map(({ generation }) => generation), database.live])],
    },
    vectors: {
      live: vectors.live,
      generations: [
        ...vectors.generations.map(({ generation, dimensions }) => ({ generation, dimensions })),
        ...(vectors.generations.some(({ generation }) => generation === vectors.live)
          ? []
          : [{ generation: vectors.live, dimensions: VECTOR_INDEX.dimensions }]),
      ],
    },
  };
}

/** Runs the program in a process of its own. @throws OpsError with what the program or a provider said. */
async function runProgram(
  request: RunRequest,
  signal: AbortSignal,
  hear: (message: RunMessage) => void,
): Promise<void> {
  signal.throwIfAborted();
  const child = fork(PROGRAM, [], {
    // The program and the resource types look here for the API, and nowhere else.
    env: {
      ...process.env,
      CLOUDFLARE_API_TOKEN: request.api.token,
      CLOUDFLARE_BASE_URL: request.api.api_url,
    },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    signal,
  });
  let printed = "";
  child.stderr?.on("data", (data: Buffer) => {
    printed += data;
  });
  let failure: OpsError | undefined;
  child.on("message", (message: RunMessage) => {
    if (message.kind === "error") failure = new OpsError(message.parts, { exit_code: message.exit_code });
    else hear(message);
  });
  child.send(request);
  const [code] = (await once(child, "close")) as [number | null];
  signal.throwIfAborted();
  if (failure) throw failure;
  if (code === 0) return;
  throw new OpsError({
    op: "run",
    subject: "infra/index.ts",
    cause: printed.trim().split("\n").at(-1) || `it ended with ${code ?? "a signal"}`,
    hint: "npm run infra:test shows what the program refuses",
  });
}
