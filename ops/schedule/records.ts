/**
 * Runs as this machine remembers them: a folder a run in the data folder, with its record and what its commands printed; and the lock by which
 * two runners of this machine do not do a job at once. The lock is a transaction of SQLite: it ends with its process, however that ends.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { writeWhole } from "../../infra/write-whole.ts";
import { jsonIn } from "../../worker/ground/json.ts";
import { CLOCK_SKEW_MAX_MS, JOB_LOCK_WAIT_MS, JOB_RUNS_KEPT } from "../limits.ts";
import { isAlive } from "../machine.ts";
import { makeFolder } from "../storage/make-folder.ts";
import type { LastRun } from "./due-rule.ts";
import type { Job } from "./job.ts";

const record = z.strictObject({
  job: z.string(),
  run_id: z.string(),
  result: z.enum(["start", "success", "fail"]),
  due_ms: z.int().nullable(),
  started_ms: z.int(),
  ended_ms: z.int().nullable(),
  /** Of the command that runs, or ran last: a runner's death is not always its command's. */
  pid: z.int().nullable(),
  commands: z.array(z.strictObject({ words: z.array(z.string()), exit_code: z.int(), duration_ms: z.int() })),
});
export type RunRecord = z.infer<typeof record>;

export class Records {
  readonly #folder: string;

  constructor(data_dir: string, stack: string) {
    this.#folder = join(data_dir, "schedule", stack);
  }

  folderOf({ job, run_id }: Pick<RunRecord, "job" | "run_id">): string {
    return join(this.#folder, job, run_id);
  }

  write(run: RunRecord): void {
    const folder = this.folderOf(run);
    makeFolder(folder, 0o700);
    writeWhole(join(folder, "run.json"), `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
  }

  /** The last run of a job; null where it never ran here. What a clock that was ahead has written hides nothing that came after it. */
  last(job: Job, now_ms: number): LastRun | null {
    for (const run_id of this.#runs(job.id).reverse()) {
      const run = this.#read(job.id, run_id);
      if (run === null || run.started_ms > now_ms + CLOCK_SKEW_MAX_MS) continue;
      const { result, due_ms, started_ms, ended_ms, pid } = run;
      const isAtWork = result === "start" && (this.#isHeld(job.id) || (pid !== null && isAlive(pid)));
      const lease_until_ms = isAtWork ? started_ms + job.time_limit_s * 1_000 : null;
      return { run_id, result, due_ms, at_ms: ended_ms ?? started_ms, lease_until_ms };
    }
    return null;
  }

  /** The way to give a job back; null where another runner of this machine is at it. */
  lock(job: string): (() => void) | null {
    const folder = join(this.#folder, job);
    makeFolder(folder, 0o700);
    const lock = new DatabaseSync(join(folder, "lock"));
    try {
      lock.exec(`PRAGMA busy_timeout = ${JOB_LOCK_WAIT_MS}; BEGIN IMMEDIATE`);
      return () => lock.close();
    } catch (error) {
      lock.close();
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null;
      throw error;
    }
  }

  /** Lets the oldest runs of a job go. */
  trim(job: string): void {
    for (const run_id of this.#runs(job).slice(0, -JOB_RUNS_KEPT))
      rmSync(this.folderOf({ job, run_id }), { recursive: true });
  }

  /** Ids of runs, oldest first: they begin with their time. */
  #runs(job: string): string[] {
    try {
      const entries = readdirSync(join(this.#folder, job), { withFileTypes: true });
      return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  /** Null where the machine stopped before it was written, or before it was on the disk: no other job must wait for that one's record. */
  #read(job: string, run_id: string): RunRecord | null {
    try {
      return (
        record.safeParse(jsonIn(readFileSync(join(this.folderOf({ job, run_id }), "run.json"), "utf8"))).data ?? null
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }

  #isHeld(job: string): boolean {
    const release = this.lock(job);
    release?.();
    return release === null;
  }
}

const SQLITE_BUSY = 5;
