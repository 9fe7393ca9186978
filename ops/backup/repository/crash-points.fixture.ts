/**
 * For tests: kills a program at every one of its writes, before it, in the middle and after it, and has what is left
 * checked each time. The program knows nothing of it.
 *
 * HTTP writes are seen on a wire between the program and its services; writes to a folder by a module that is loaded into
 * the program before its own (`crash-disk.fixture.ts`). A write is every request but GET and HEAD, and every file that is
 * written, linked, renamed or removed under the folder.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Fault, startWire, type Wire } from "../../storage/wire.fixture.ts";

type CrashPhase = "before" | "during" | "after";
interface CrashPoint {
  /** From 1. */
  write: number;
  phase: CrashPhase;
}

interface CrashTrial<T> {
  /** Where the program should go for its services: the wires, in the order of `services`. */
  urls: string[];
  /** To be merged into the program's environment. */
  env: NodeJS.ProcessEnv;
  /** What `prepare` made for this trial. */
  prepared: T;
}

interface CrashTest<T> {
  /** Base URLs (`http://host:port`) whose writes are crash points. */
  services?: string[];
  /** The folder whose writes are crash points, of what was prepared. */
  folder?: (prepared: T) => string;
  /** All three, unless the others are tried more cheaply elsewhere. */
  phases?: readonly CrashPhase[];
  /** Makes the state that the program starts from; called anew for every point. */
  prepare: () => Promise<T>;
  /** Program and arguments. It must end with exit code 0 when nobody kills it. */
  command: (trial: CrashTrial<T>) => { program: string; args: string[]; env?: NodeJS.ProcessEnv };
  /** After the kill: repeats or resumes without faults, and checks the result; throws where it is wrong. */
  check: (prepared: T, point: CrashPoint) => Promise<void>;
  /** Puts away what was prepared. */
  discard?: (prepared: T) => Promise<void>;
}

const PHASES: readonly CrashPhase[] = ["before", "during", "after"];
const DISK_MODULE = pathToFileURL(join(import.meta.dirname, "crash-disk.fixture.ts")).href;

/** Tries every crash point. Returns how many there were, so that a test can print and bound it. */
export async function tryEveryCrashPoint<T>(test: CrashTest<T>): Promise<number> {
  const unbroken = await trial(test, null);
  if (unbroken.killed) throw new Error("the program was killed although nobody meant to");
  let points = 0;
  for (let write = 1; write <= unbroken.writes; write += 1) {
    for (const phase of test.phases ?? PHASES) {
      const { killed } = await trial(test, { write, phase });
      // Concurrent programs do not write equally often every time; a point that was not reached proves nothing.
      if (killed) points += 1;
    }
  }
  return points;
}

async function trial<T>(test: CrashTest<T>, point: CrashPoint | null): Promise<{ writes: number; killed: boolean }> {
  const prepared = await test.prepare();
  const scratch = mkdtempSync(join(tmpdir(), "prism-crash-"));
  const wires: Wire[] = [];
  let child: ChildProcess | undefined;
  let writes = 0;
  let killed = false;
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    killed = true;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  const judge = ({ method, body_bytes }: { method: string; body_bytes: number }): Fault | null => {
    if (method === "GET" || method === "HEAD") return null;
    writes += 1;
    if (point === null || test.folder || writes !== point.write) return killed ? { kind: "reset" } : null;
    if (point.phase === "before") return { kind: "reset" };
    if (point.phase === "after") return { kind: "lose_answer" };
    return body_bytes > 1 ? { kind: "half" } : { kind: "reset" };
  };
  try {
    for (const service of test.services ?? []) wires.push(await startWire(service, judge, kill));
    const counter = join(scratch, "writes");
    const env = test.folder
      ? {
          NODE_OPTIONS: `--import=${DISK_MODULE}`,
          CRASH_FOLDER: test.folder(prepared),
          CRASH_COUNTER: counter,
          ...(point && { CRASH_WRITE: String(point.write), CRASH_PHASE: point.phase }),
        }
      : {};
    const { program, args, env: own } = test.command({ urls: wires.map(({ url }) => url), env, prepared });
    child = spawn(program, args, { env: { ...process.env, ...env, ...own }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout?.on("data", (text) => (output += text));
    child.stderr?.on("data", (text) => (output += text));
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (test.folder && signal === "SIGKILL") killed = true;
    if (!killed && code !== 0) throw new Error(`the program failed by itself (${code ?? signal}):\n${output}`);
    if (point) await test.check(prepared, point).catch((error: unknown) => describe(point, error));
    return { writes: test.folder && point === null ? Number(readFileSync(counter, "utf8")) : writes, killed };
  } finally {
    for (const wire of wires) await wire.close();
    rmSync(scratch, { recursive: true });
    await test.discard?.(prepared);
  }
}

function describe({ write, phase }: CrashPoint, error: unknown): never {
  throw new Error(`killed ${phase} write ${write}: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
