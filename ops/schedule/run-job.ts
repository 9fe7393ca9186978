/** One run of a job: its commands as processes of this CLI, each with the job's credentials alone, what they print kept in the run's folder. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Invocation } from "../command/invocation.ts";
import { JOB_END_MS } from "../limits.ts";
import { shellWith } from "../programs.ts";
import { environmentOf } from "./credentials.ts";
import type { Run } from "./heartbeats.ts";
import { type Measures, measuresIn } from "./measures.ts";
import type { Records, RunRecord } from "./records.ts";

interface EndedRun extends RunRecord {
  result: "success" | "fail";
  ended_ms: number;
}

interface Ended {
  run: EndedRun;
  /** What its commands have found that alerts are judged by. */
  measures: Measures;
}

const CLI = join(import.meta.dirname, "../cli.ts");

/**
 * Runs a job that was claimed, from its first command until one fails.
 * @throws the signal's reason where the runner is ended: the run stays unfinished, for the next runner to go on with.
 */
export async function runJob(invocation: Invocation, records: Records, { job, run_id, due_ms }: Run): Promise<Ended> {
  const { stack, data_dir, env, signal, now } = invocation;
  const run: RunRecord = {
    job: job.id,
    run_id,
    result: "start",
    due_ms,
    started_ms: now(),
    ended_ms: null,
    pid: null,
    commands: [],
  };
  records.write(run);
  const folder = records.folderOf(run);
  const shell = shellWith({ env: environmentOf(job, env), signal });
  const measures: Measures = {};
  let isDone = true;
  for (const [index, template] of job.commands.entries()) {
    const words = template.map((word) => word.replaceAll("{out}", folder));
    const started_ms = now();
    const left_ms = job.time_limit_s * 1_000 - (started_ms - run.started_ms);
    const files = [".json", ".log"].map((ending) => openSync(join(folder, `${index + 1}${ending}`), "w", 0o600));
    try {
      const limit_ms = Math.max(left_ms, 1);
      const options = ["--stack", stack, "--data", data_dir, "--json", "--timeout", `${limit_ms}ms`];
      const command = shell({ stdio: ["ignore", ...files], timeout: limit_ms + JOB_END_MS, timeoutSignal: "SIGKILL" });
      const running = command`exec ${process.execPath} ${CLI} ${words} ${options}`;
      records.write({ ...run, pid: running.pid ?? null });
      const { exitCode } = await running;
      signal.throwIfAborted();
      // Killed by a signal: no code of its own.
      run.commands.push({ words, exit_code: exitCode ?? -1, duration_ms: now() - started_ms });
      Object.assign(measures, measuresIn(readFileSync(join(folder, `${index + 1}.json`), "utf8")));
      isDone = exitCode === 0;
      if (!isDone) break;
    } finally {
      for (const file of files) closeSync(file);
    }
  }
  const ended: EndedRun = { ...run, result: isDone ? "success" : "fail", ended_ms: now() };
  records.write(ended);
  records.trim(job.id);
  return { run: ended, measures };
}
