/** Steps of a backup's life, each a process of its own as a person would start it: its start is in its time. */
import { join } from "node:path";
import type { Invocation } from "../command/invocation.ts";
import { rounded } from "../command/rounded.ts";
import type { RowsRestored } from "./backup-restore.ts";
import { type MeasuredChild, measureChild } from "./measured-child.ts";

type Running = Pick<Invocation, "progress" | "signal" | "note">;

/** Runs a file of this folder, or beside it. @throws OpsError with its last words when it ends with anything but 0. */
export async function runStep(
  { progress, signal }: Running,
  step: string,
  file: string,
  words: readonly string[],
): Promise<MeasuredChild> {
  progress.start(step, 0);
  const program = [...process.execArgv, join(import.meta.dirname, file)];
  const child = await measureChild(process.execPath, [...program, ...words], { signal });
  progress.stop(`${step}: ${child.seconds.toFixed(1)} s`);
  return child;
}

/** Makes a snapshot; `bytes` are those that it added to the repository. */
export async function runBackup(
  running: Running,
  data_dir: string,
  step: string,
): Promise<{ seconds: number; bytes: number; peak_rss_mb: number | null }> {
  const child = await runStep(running, step, "../cli.ts", ["backup", "create", "--data", data_dir, "--json"]);
  const { snapshot, warnings } = JSON.parse(child.stdout);
  for (const warning of warnings) running.note(`Warning: ${warning}`);
  return { seconds: rounded(child.seconds, 2), bytes: Number(snapshot.new_bytes), peak_rss_mb: child.peak_rss_mb };
}

/** Brings the rows of the newest snapshot into a new database. */
export async function runRestore(
  running: Running,
  data_dir: string,
): Promise<RowsRestored & Pick<MeasuredChild, "peak_rss_mb">> {
  const { stdout, peak_rss_mb } = await runStep(running, "restore of rows", "backup-restore.ts", [data_dir]);
  return { ...(JSON.parse(stdout) as RowsRestored), peak_rss_mb };
}
