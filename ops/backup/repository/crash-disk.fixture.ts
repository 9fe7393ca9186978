/** For tests: loaded into a program by `crash-points.fixture.ts`; counts its writes under a folder and kills it at one. */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { resolve, sep } from "node:path";

const { CRASH_FOLDER = "", CRASH_COUNTER = "", CRASH_WRITE = "0", CRASH_PHASE = "" } = process.env;
const folder = resolve(CRASH_FOLDER) + sep;
const writeCounter = fs.writeFileSync;
let writes = 0;

const isInside = (path: unknown): boolean => typeof path === "string" && resolve(path).startsWith(folder);

/** Dies on the spot: nothing else runs, not even what is due in this tick. */
function die(): never {
  process.kill(process.pid, "SIGKILL");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error("unreachable");
}

const isDue = (phase: string): boolean => writes === Number(CRASH_WRITE) && phase === CRASH_PHASE;

async function around<T>(work: () => Promise<T>, half: () => Promise<unknown>): Promise<T> {
  writes += 1;
  if (isDue("before")) die();
  if (isDue("during")) {
    await half();
    die();
  }
  const done = await work();
  if (isDue("after")) die();
  return done;
}

const { open, link, unlink, rm, rename } = fs.promises;
const nothing = async (): Promise<void> => {};

fs.promises.open = async (path, flags, mode) => {
  const handle = await open(path, flags, mode);
  if (flags === "r" || !isInside(path)) return handle;
  const write = handle.writeFile.bind(handle);
  handle.writeFile = (data, options) =>
    around(
      () => write(data, options),
      () => (data instanceof Uint8Array ? write(data.subarray(0, data.byteLength / 2), options) : nothing()),
    );
  return handle;
};
fs.promises.link = (from, to) => (isInside(to) ? around(() => link(from, to), nothing) : link(from, to));
fs.promises.rename = (from, to) => (isInside(to) ? around(() => rename(from, to), nothing) : rename(from, to));
fs.promises.unlink = (path) => (isInside(path) ? around(() => unlink(path), nothing) : unlink(path));
fs.promises.rm = (path, options) => (isInside(path) ? around(() => rm(path, options), nothing) : rm(path, options));
const { renameSync } = fs;
fs.renameSync = (from, to) => {
  if (!isInside(to)) return renameSync(from, to);
  writes += 1;
  if (isDue("before") || isDue("during")) die();
  renameSync(from, to);
  if (isDue("after")) die();
};
syncBuiltinESMExports();
process.on("exit", () => writeCounter(CRASH_COUNTER, String(writes)));
