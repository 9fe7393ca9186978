/** For tests: processes that carry out commands one after another (`command-host-process.fixture.ts`), this side of them. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** Behind what a command wrote into either pipe; no command writes it. */
export const END_OF_RUN = "\0";

const PROGRAM = join(import.meta.dirname, "command-host-process.fixture.ts");

interface Host {
  child: ChildProcess;
  stdout: Readable;
  stderr: Readable;
}
/** Those that carry out nothing now: commands at once have one each. */
const idle: Host[] = [];

/** Runs `ops` with these words in a process that may have run others. @throws where that process ends instead. */
export async function runOnHost(args: readonly string[], env: NodeJS.ProcessEnv) {
  const host = idle.pop() ?? startHost(env);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const onExit = (code: number | null) => reject(new Error(`ops ${args.join(" ")} ended its process (${code})`));
  host.child.once("message", (code) => resolve(Number(code))).once("exit", onExit);
  host.child.send({ args, env });
  const [code, stdout, stderr] = await Promise.all([promise, outputOf(host.stdout), outputOf(host.stderr)]);
  host.child.off("exit", onExit);
  idle.push(host);
  return { code, stdout, stderr };
}

function startHost(env: NodeJS.ProcessEnv): Host {
  // zx looks for bash when it is loaded, once: on the PATH that a test gives the first command there may be none.
  const own_path = { ...env, PATH: process.env.PATH };
  const child = spawn(process.execPath, [PROGRAM], { env: own_path, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const { stdout, stderr, channel } = child;
  // It ends with its channel, when this process does.
  for (const kept of [child, channel, stdout, stderr]) (kept as { unref?: () => void } | null | undefined)?.unref?.();
  if (stdout === null || stderr === null) throw new Error("the process has no output");
  return { child, stdout: stdout.setEncoding("utf8"), stderr: stderr.setEncoding("utf8") };
}

/** What comes up to the end of the run. */
function outputOf(way: Readable): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const take = (piece: string): void => {
      text += piece;
      if (!text.endsWith(END_OF_RUN)) return;
      way.off("data", take);
      resolve(text.slice(0, -END_OF_RUN.length));
    };
    way.on("data", take);
  });
}
