/** For tests: a shell in which nothing is a terminal, whose ways out are read when the command has ended. */
import { PassThrough } from "node:stream";
import type { Shell } from "./shell.ts";

export function silentShell(env: Shell["env"]) {
  const way = () => new PassThrough({ encoding: "utf8" });
  return { env, stdin: way(), stdout: way(), stderr: way() };
}
