/**
 * Cron: a table of tasks, each a unit of work of its own, so that one that fails stops no other, and one that hangs holds up upkeep alone.
 *
 * What a caller waits for is done by queue messages: a task looks for what was left lying and enqueues it. Upkeep is done here, a bounded piece a
 * run (`limits.ts`): it must go on while the queue is what fails, its next piece is the next run's without a retry or a dead letter, and a
 * message would cost three of the free plan's 10 000 operations a day. All tasks of a run share one invocation, and so its 10 ms of CPU there:
 * upkeep waits for those that watch, so that a piece too large costs nobody an alert.
 */
import { CRONS, WATCHDOG } from "../../infra/inventory.ts";
import type { Env } from "../env.ts";
import { PULSE_TASK } from "../ground/meter.ts";
import { REWORDED_CHUNKS_MAX } from "../limits.ts";
import { evaluateAlerts } from "../operations/alerts.ts";
import { watch } from "../operations/watch.ts";
import { rewordChunks } from "../store/chunk-words.ts";
import { isFenced } from "../store/fence.ts";
import { forgetAnswers } from "../store/idempotency.ts";
import { conclude } from "../telemetry/sink.ts";
import type { Ending } from "../telemetry/unit.ts";
import { Work } from "../work.ts";
import { archiveAudit } from "./archive-audit.ts";
import { collectPacks } from "./collect-packs.ts";
import { recordStatus } from "./record-status.ts";
import { resendOverdue } from "./resend-overdue.ts";
import { takeWaiting } from "./take-waiting.ts";
import { watchAudit } from "./verify-audit.ts";

interface Task {
  cron: string;
  name: string;
  /** Begins when the others of its run have ended. */
  upkeep?: true;
  run(work: Work): Promise<void>;
}

const TASKS: readonly Task[] = [
  { cron: CRONS.worker.checks, name: PULSE_TASK, run: resendOverdue },
  { cron: CRONS.worker.checks, name: "record-status", run: recordStatus },
  { cron: CRONS.worker.checks, name: "alerts", run: evaluateAlerts },
  {
    cron: CRONS.worker.checks,
    name: "reword-chunks",
    upkeep: true,
    run: ({ stores, now_ms }) => rewordChunks(stores.db, REWORDED_CHUNKS_MAX, now_ms),
  },
  { cron: CRONS.worker.checks, name: "take-waiting", run: takeWaiting },
  { cron: CRONS.worker.checks, name: "archive-audit", upkeep: true, run: archiveAudit },
  { cron: WATCHDOG.cron, name: "watch", run: watch },
  { cron: CRONS.worker.checks, name: "verify-audit", run: watchAudit },
  { cron: CRONS.worker.daily, name: "collect-packs", run: collectPacks },
  {
    cron: CRONS.worker.daily,
    name: "forget-answers",
    run: ({ stores, now_ms }) => forgetAnswers(stores.db, now_ms),
  },
];

/** Runs the tasks of a cron expression. Rejects when they have ended, if some failed: Cloudflare's record shows it. */
export async function runSchedule(
  cron: string,
  scheduled_at_ms: number,
  env: Env,
  context: ExecutionContext,
): Promise<void> {
  const due = TASKS.filter((task) => task.cron === cron);
  const carryOut = (tasks: readonly Task[]) =>
    Promise.all(
      tasks.map(async ({ name, run }) => {
        const work = new Work("task", env, context, { request_id: crypto.randomUUID(), now_ms: scheduled_at_ms });
        const ended = await attempt(run(work));
        work.later(conclude(work, { endpoint: `cron/${name}`, ...ended }));
        return { name, ...ended };
      }),
    );
  const watched = await carryOut(due.filter(({ upkeep }) => !upkeep));
  const outcomes = [...watched, ...(await carryOut(due.filter(({ upkeep }) => upkeep)))];
  const failed = outcomes.filter(({ outcome }) => outcome === "failed").map(({ name }) => name);
  if (failed.length > 0) throw new Error(`failed cron tasks: ${failed.join(", ")}`);
}

async function attempt(running: Promise<void>): Promise<Pick<Ending, "outcome" | "error">> {
  try {
    await running;
    return { outcome: "done" };
  } catch (error) {
    // What is done a run later has harmed nobody.
    return isFenced(error) ? { outcome: "waits" } : { outcome: "failed", error };
  }
}
