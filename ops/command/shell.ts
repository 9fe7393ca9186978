/** What a command has of the process that it runs in: `process` itself, or what a test holds in its place. */
import type { Environment } from "./invocation.ts";

export interface Shell {
  env: Environment;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
}
