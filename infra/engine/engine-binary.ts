/**
 * Where the Pulumi engine is on this machine: on PATH; else one that was built before; else it is built with Go.
 *
 * `tools/go.mod` pins it: a version that the Go module proxy has (docs/decisions/0008-real-engine-in-tests.md).
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { $, which } from "zx/core";

const TOOLS = join(import.meta.dirname, "tools");
const MODULE = "github.com/pulumi/pulumi/pkg/v3";
const LANGUAGE_HOST = "pulumi-language-nodejs";

interface EngineBinary {
  /** Path of `pulumi`. */
  pulumi: string;
  /** Folders that its plugins are found in before those of PATH: the stand-in of the language host, where it has none. */
  plugin_folders: string[];
}

/** The engine as `env` finds it (PATH, XDG_CACHE_HOME), without building anything; null when there is none yet. */
export function findEngine(env: NodeJS.ProcessEnv): EngineBinary | null {
  const installed = onPath("pulumi", env);
  if (installed) return { pulumi: installed, plugin_folders: onPath(LANGUAGE_HOST, env) ? [] : [standInHost()] };
  const built = cachedBinary(env);
  return existsSync(built) ? { pulumi: built, plugin_folders: [standInHost()] } : null;
}

/** Builds the engine where `findEngine` looks for it. Takes minutes, once. @throws when there is no Go or the build fails. */
export async function buildEngine(say: (line: string) => void): Promise<void> {
  const go = onPath("go", process.env);
  if (!go) throw new Error("there is neither `pulumi` nor `go` on PATH");
  const version = /pulumi\/pkg\/v3 (v\S+)/.exec(readFileSync(join(TOOLS, "go.mod"), "utf8"))?.[1];
  const target = cachedBinary(process.env);
  say(`Building the Pulumi engine ${version} with Go into ${target}: about five minutes, once.`);
  mkdirSync(join(target, ".."), { recursive: true });
  const partial = `${target}.${process.pid}`;
  const linked = `-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`;
  const run = $({ cwd: TOOLS, stdio: ["ignore", "inherit", "inherit"], nothrow: true });
  const { exitCode } = await run`${go} build -mod=readonly -o ${partial} ${linked} ${MODULE}/cmd/pulumi`;
  if (exitCode !== 0) throw new Error(`go build ended with exit code ${exitCode}; what it said is above`);
  // Two builds at once give the same program; the last one stays.
  renameSync(partial, target);
}

/** Whether this machine could build an engine. */
export function hasGo(): boolean {
  return onPath("go", process.env) !== null;
}

/** One for each set of sources. */
function cachedBinary({ XDG_CACHE_HOME }: NodeJS.ProcessEnv): string {
  const key = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) key.update(readFileSync(join(TOOLS, file)));
  const cache = XDG_CACHE_HOME ?? join(homedir(), ".cache");
  return join(cache, "prism", "pulumi-engine", key.digest("hex").slice(0, 16), "pulumi");
}

function standInHost(): string {
  return join(import.meta.dirname, "language-host");
}

function onPath(name: string, { PATH }: NodeJS.ProcessEnv): string | null {
  return which.sync(name, { nothrow: true, ...(PATH === undefined ? {} : { path: PATH }) });
}
