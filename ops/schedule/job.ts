/** A job of the schedule as data, and what may be said of several. */
import { Cron } from "croner";
import { z } from "zod";
import { TOKENS } from "../../infra/inventory.ts";
import { HEARTBEAT_GRACE_MAX_S } from "../../worker/limits.ts";
import { JOB_TIME_LIMIT_MAX_S } from "../limits.ts";

/** As the service takes it in `/api/v1/heartbeats/{job}`. */
const id = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);

/** Five fields, in UTC. */
const cron = z.string().superRefine((text, context) => {
  try {
    new Cron(text, { mode: "5-part", timezone: "UTC", paused: true });
  } catch (error) {
    context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
  }
});

/** Keys of the service that jobs may hold, by what is done with them (`docs/schedule.md` names their scopes). */
const KEYS = ["ops", "index", "admin"] as const;
const REPOSITORY_KEYS = ["writer", "reader"] as const;

const job = z.strictObject({
  /** The name of its heartbeats. */
  id,
  summary: z.string().min(1),
  cron,
  /** Words after `ops`, one list a command, run one after another until one fails; `{out}` is the folder of the run. */
  commands: z.array(z.array(z.string().min(1)).min(1)).min(1),
  /** Of the jobs that are due with it, those that end first, whatever comes of them. */
  after: z.array(id).default([]),
  /** Those that must have succeeded first. */
  needs: z.array(id).default([]),
  /** How late a run may be before it is missed. */
  grace_s: z.int().min(1).max(HEARTBEAT_GRACE_MAX_S),
  /** How long a run may take; as long a run that was killed keeps other machines from running it again. */
  time_limit_s: z.int().min(1).max(JOB_TIME_LIMIT_MAX_S),
  /** Cloudflare's token that it works with, of `infra/tokens.ts`; null: none. */
  token: z.enum(TOKENS).exclude(["deploy"]).nullable(),
  /** The service's key: heartbeats alone need `ops`. */
  key: z.enum(KEYS).default("ops"),
  /** The key to the repository of backups; null: none. */
  repository_key: z.enum(REPOSITORY_KEYS).nullable().default(null),
  /** Whether a run that was killed may simply be run again. */
  repeatable: z.boolean().default(true),
});
export type Job = z.infer<typeof job>;

/** Ids are unique, every job that another waits for exists, and none waits for itself. */
export const schedule = z.array(job).superRefine((jobs, context) => {
  const refuse = (message: string) => context.addIssue({ code: "custom", message });
  const ids = jobs.map((one) => one.id);
  for (const double of ids.filter((one, index) => ids.indexOf(one) !== index)) refuse(`two jobs are named ${double}`);
  for (const one of jobs)
    for (const other of waitsFor(one)) if (!ids.includes(other)) refuse(`${one.id}: there is no job ${other}`);
  const left = inOrder(jobs);
  if (left.length < jobs.length) {
    const round = ids.filter((one) => !left.some((done) => done.id === one));
    refuse(`they wait for each other: ${round.join(", ")}`);
  }
});

/** Ids of the jobs that end before this one begins, where they are due together. */
export function waitsFor({ after, needs }: Pick<Job, "after" | "needs">): string[] {
  return [...after, ...needs];
}

/** The jobs, each behind those that it waits for, otherwise as they stand; without those that wait for each other. */
export function inOrder<One extends Pick<Job, "id" | "after" | "needs">>(jobs: readonly One[]): One[] {
  const ids = new Set(jobs.map((one) => one.id));
  const ordered: One[] = [];
  const isPlaced = (wanted: string) => !ids.has(wanted) || ordered.some((one) => one.id === wanted);
  for (;;) {
    const next = jobs.find((one) => !ordered.includes(one) && waitsFor(one).every(isPlaced));
    if (next === undefined) return ordered;
    ordered.push(next);
  }
}
