/**
 * A stack under the real Pulumi engine, for tests (`*-engine.test.ts`, run by `npm run infra:engine`): the repository's own
 * program, this project's plugins, a platform with an empty account, and everything that Pulumi keeps in a temporary folder.
 *
 *     const stack = await startEngineStack();
 *     await stack.pulumi("up", "--yes", "--skip-preview");   // throws, with what it printed, unless it ends with 0
 *     await stack.tryPulumi("destroy", "--yes");              // {code, stdout, stderr}
 *     await stack.setConfig({ "rollout.percentage": 50 });    // undefined removes a key
 *     await stack.outputs();                                  // parsed by infra/outputs.ts
 *     await stack.close();                                    // always; leaves nothing behind
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parse, stringify } from "yaml";
import { bundleWorker } from "../../infra/build.ts";
import { findEngine } from "../../infra/engine/engine-binary.ts";
import { SECRETS, type SecretName, type Stack } from "../../infra/inventory.ts";
import { DAY_MS } from "../../infra/limits.ts";
import { type StackOutputs, stackOutputs } from "../../infra/outputs.ts";
import { type Platform, startPlatform } from "../platform.ts";

const ROOT = join(import.meta.dirname, "../..");

interface PulumiRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface EngineStack {
  stack: Stack;
  platform: Platform;
  /**
   * The project's folder: `Pulumi.yaml` with the repository's program, the stack's configuration, the bundle `worker.js`
   * that it deploys, and the platform's own folder `platform` (`ops … --data`).
   */
  folder: string;
  /** What the engine keeps its state in; plain files. */
  backend: string;
  /** Environment of `pulumi`; a test may change it. */
  env: Record<string, string>;
  /** Values of the stack's secrets. */
  secrets: Record<SecretName, string>;
  /** What every run but that of `outputs` has printed. */
  printed: string[];
  /** Runs `pulumi ARGS` on the stack. @throws with what it printed when it fails. */
  pulumi(...args: string[]): Promise<string>;
  tryPulumi(...args: string[]): Promise<PulumiRun>;
  /** Sets keys, without the project's prefix, to text or structures; undefined removes one. Not for secrets. */
  setConfig(changes: Readonly<Record<string, unknown>>): void;
  outputs(): Promise<StackOutputs>;
  close(): Promise<void>;
}

interface EngineStackOptions {
  stack?: Stack;
  plan?: "free" | "paid";
  /** Cloudflare's API as the program and the plugins see it, if that is not the platform itself. */
  api_url?: (platform: Platform) => string;
}

/** A new stack on a new platform, nothing deployed yet. @throws when the machine has no engine. */
export async function startEngineStack(options: EngineStackOptions = {}): Promise<EngineStack> {
  const { stack = "local", plan = "free" } = options;
  const engine = findEngine(process.env);
  if (engine === null) throw new Error("there is no Pulumi engine yet: npm run infra:engine builds one");
  const folder = mkdtempSync(join(tmpdir(), "prism-engine-"));
  const [platform, { code, source_map }] = await Promise.all([
    startPlatform({ data_dir: join(folder, "platform"), account: "empty", api_budget: false, plan }),
    bundleWorker(),
  ]).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const backend = join(folder, "backend");
  mkdirSync(backend);
  const configFile = join(folder, `Pulumi.${stack}.yaml`);
  const random = () => randomBytes(24).toString("hex");
  const secrets = {
    ...(Object.fromEntries(SECRETS.map((key) => [key, random()])) as EngineStack["secrets"]),
    // The one that ops finds in the platform's folder.
    API_SECRET: platform.api_secret,
    ERROR_WEBHOOK: `https://errors.prism.invalid/${random()}`,
  };
  const env: Record<string, string> = {
    PATH: [...engine.plugin_folders, import.meta.dirname, join(ROOT, "node_modules/.bin"), process.env.PATH ?? ""].join(
      delimiter,
    ),
    HOME: folder,
    TMPDIR: tmpdir(),
    PULUMI_HOME: join(folder, "home"),
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: randomBytes(24).toString("hex"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    NODE_COMPILE_CACHE: join(folder, "compile-cache"),
    CLOUDFLARE_API_TOKEN: platform.api_token,
    CLOUDFLARE_BASE_URL: options.api_url?.(platform) ?? platform.api_url,
  };
  const printed: string[] = [];

  const run = async (args: readonly string[]): Promise<PulumiRun> => {
    const child = spawn(engine.pulumi, ["--non-interactive", "--color", "never", ...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (data: Buffer) => {
      output.stdout += data;
    });
    child.stderr.on("data", (data: Buffer) => {
      output.stderr += data;
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...output };
  };
  const tryPulumi = async (...args: string[]): Promise<PulumiRun> => {
    const result = await run(args);
    printed.push(result.stdout, result.stderr);
    return result;
  };
  const pulumi = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tryPulumi(...args);
    if (code === 0) return stdout;
    throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
  };
  const readConfig = () => {
    const file = existsSync(configFile) ? parse(readFileSync(configFile, "utf8")) : {};
    return { ...file, config: { ...file.config } } as { config: Record<string, unknown> };
  };
  const setConfig = (changes: Readonly<Record<string, unknown>>): void => {
    const file = readConfig();
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) delete file.config[`prism:${key}`];
      else file.config[`prism:${key}`] = value;
    }
    writeFileSync(configFile, stringify(file));
  };
  const close = async () => {
    await platform.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };

  try {
    writeFileSync(join(folder, "Pulumi.yaml"), stringify(projectFile()));
    // Built once: a source edited between two runs of the program would be a change of the stack.
    const bundle = join(folder, "worker.js");
    writeFileSync(bundle, code);
    writeFileSync(`${bundle}.map`, source_map);
    await pulumi("stack", "init", stack, "--secrets-provider", "passphrase");
    const { config } = parse(readFileSync(join(ROOT, `Pulumi.${stack}.yaml`), "utf8"));
    const file = readConfig();
    writeFileSync(configFile, stringify({ ...file, config: { ...config, ...file.config } }));
    setConfig({
      accountId: platform.account_id,
      plan,
      bundle,
      tokensExpire: new Date(Date.now() + 60 * DAY_MS).toISOString().slice(0, 10),
      ...(stack === "local" ? { local: { url: platform.url, s3Url: platform.s3_url } } : {}),
    });
    const assignments = Object.entries(secrets).flatMap(([key, value]) => ["--secret", `prism:${key}=${value}`]);
    await pulumi("config", "set-all", "--stack", stack, ...assignments);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ stack, platform, folder, backend, env, secrets, printed, pulumi, tryPulumi, setConfig, close },
    outputs: async () => {
      const { stdout, stderr } = await run(["stack", "output", "--json", "--show-secrets"]);
      if (stdout === "") throw new Error(`the stack has no outputs: ${stderr}`);
      return stackOutputs.parse(JSON.parse(stdout));
    },
  };
}

/** The repository's `Pulumi.yaml`, to be read from another folder: that keeps state and secrets out of the repository. */
function projectFile(): unknown {
  const project = parse(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8"));
  for (const provider of project.plugins.providers) provider.path = join(ROOT, provider.path);
  return { ...project, main: join(ROOT, project.main) };
}
