/** What waits in the queues, what died, and what is owed. */
import type { z } from "zod";
import { QUEUES } from "../../infra/inventory.ts";
import { DEAD_LETTERS_LISTED_MAX } from "../limits.ts";
import type { QueueStatus } from "../schemas/debug.ts";
import type { queueReport } from "../schemas/monitoring.ts";
import { listDeadLetters } from "../store/jobs.ts";
import { queueMessage } from "../store/queue-messages.ts";
import type { Work } from "../work.ts";
import { seriesOf } from "./metrics.ts";

type Queues = z.infer<typeof queueReport>["queues"];

async function backlogs({ env }: Work): Promise<Queues> {
  const queues = [QUEUES.ingest, QUEUES.dead] as const;
  return Promise.all(
    queues.map(async ({ binding, name }) => {
      const { backlogCount, backlogBytes, oldestMessageTimestamp } = await env[binding].metrics();
      return {
        name,
        backlog: backlogCount,
        backlog_bytes: backlogBytes,
        oldest_at: oldestMessageTimestamp?.toISOString() ?? null,
      };
    }),
  );
}

/** @throws Problem `metrics-unavailable` when the meter does not answer; what D1 and the queues throw. */
export async function reportQueues(work: Work): Promise<z.infer<typeof queueReport>> {
  const { db } = work.stores;
  const [queues, series, letters, parts, owed] = await Promise.all([
    backlogs(work),
    seriesOf(work, "24h"),
    db.prepare("SELECT count(*) AS count, max(failed_at_ms) AS last FROM dead_letters").first<Counted>(),
    db.prepare("SELECT count(*) AS count FROM job_parts WHERE state = 'queued'").first<Counted>(),
    db.prepare("SELECT count(*) AS count, min(created_at_ms) AS last FROM vector_outbox").first<Counted>(),
  ]);
  const messages = series
    .filter((one) => one.series.kind === "message")
    .map(({ series: { endpoint, outcome }, tally }) => ({ type: endpoint, outcome, count: tally.units ?? 0 }));
  return {
    queues,
    messages,
    dead_letters: letters?.count ?? 0,
    newest_dead_letter_at: iso(letters?.last),
    open_parts: parts?.count ?? 0,
    owed_vectors: owed?.count ?? 0,
    owed_since: iso(owed?.last),
  };
}

interface Counted {
  count: number;
  last?: number | null;
}

function iso(at_ms: number | null | undefined): string | null {
  return typeof at_ms === "number" ? new Date(at_ms).toISOString() : null;
}

/** @throws what D1 and the queues throw. */
export async function statusOfQueues(work: Work): Promise<QueueStatus> {
  const [queues, letters] = await Promise.all([
    backlogs(work),
    listDeadLetters(work.stores.db, DEAD_LETTERS_LISTED_MAX),
  ]);
  const dead_letters = letters.map(({ body, failed_at_ms, ...letter }) => ({
    ...letter,
    type: queueMessage.safeParse(JSON.parse(body)).data?.type ?? "unknown",
    failed_at: new Date(failed_at_ms).toISOString(),
  }));
  return { queues, dead_letters };
}
