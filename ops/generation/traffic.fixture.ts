/** For tests: callers that read and write all the time, and remember what they were promised. */
import { setTimeout as pause } from "node:timers/promises";
import type { Service } from "../../worker/service.fixture.ts";

interface Seen {
  requests: number;
  /** Writes that were answered with a job while a store was fenced. */
  deferred: number;
  /** What failed: method, path, status. */
  failed: string[];
  /** Documents that are not what the last accepted write made them. */
  lost: string[];
}

interface Traffic {
  /** Resolves when every caller has been served a few times more. */
  underway(): Promise<void>;
  /** Ends the callers, waits for the jobs they were promised, and compares. */
  stop(): Promise<Seen>;
}

const WRITERS = 4;
const READERS = 2;
/** Between two calls of a caller: the machine is for the work that is tested, too. */
const PACE_MS = 100;

export function mixedTraffic(service: Service): Traffic {
  const seen: Seen = { requests: 0, deferred: 0, failed: [], lost: [] };
  const last = new Map<string, string | null>();
  const jobs: string[] = [];
  const rounds = Array.from({ length: WRITERS + READERS }, () => 0);
  let stopped = false;

  const call = async (expected: readonly number[], method: string, path: string, body?: unknown) => {
    const answer = await service.call(method, path, body).catch((error: unknown) => ({
      status: 0,
      json: { error: String(error) },
    }));
    seen.requests += 1;
    if (!expected.includes(answer.status))
      seen.failed.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`);
    if (answer.status === 202) {
      seen.deferred += 1;
      jobs.push(answer.json.job_id);
    }
    return answer;
  };
  const write = async (writer: number, round: number) => {
    const id = `traffic/${writer}/${round % 9}`;
    const path = `/api/v1/documents/${encodeURIComponent(id)}`;
    if (round % 6 === 5) {
      await call([204, 202, 404], "DELETE", path);
      last.set(id, null);
      return;
    }
    const text = `Writer ${writer} wrote ${id} in round ${round}. `.repeat(3);
    await call([200, 201, 202], "PUT", path, { text, metadata: { collection: "traffic" } });
    last.set(id, text);
  };
  const read = async (reader: number, round: number) => {
    await call([200], "GET", `/api/v1/documents/stock%2F${(reader + round) % 60}`);
    await call([200], "POST", "/api/v1/search", { query: `shelf ${round % 7} number ${round}`, top_k: 5 });
  };
  const callers = rounds.map(async (_, caller) => {
    for (; !stopped; rounds[caller] = (rounds[caller] ?? 0) + 1) {
      const round = rounds[caller] ?? 0;
      await (caller < WRITERS ? write(caller, round) : read(caller, round));
      await pause(PACE_MS);
    }
  });

  return {
    async underway() {
      const from = [...rounds];
      while (rounds.some((round, caller) => round < (from[caller] ?? 0) + 3)) await pause(PACE_MS);
    },
    async stop() {
      stopped = true;
      await Promise.all(callers);
      for (const id of jobs) await service.job(id);
      for (const [id, text] of last) {
        const { status, json } = await service.call("GET", `/api/v1/documents/${encodeURIComponent(id)}`);
        if (text === null ? status !== 404 : json.text !== text) seen.lost.push(`${id}: ${status}`);
      }
      return seen;
    },
  };
}
