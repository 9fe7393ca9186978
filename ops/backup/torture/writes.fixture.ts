/** For tests: which requests of a command change something, and at which moments of each it can die. */
import { z } from "zod";
import type { Fault, Passing } from "../../storage/wire.fixture.ts";

/** Requests that only look, whatever their method. D1's say by their statements what they do. */
const LOOKS = /\/(get_by_ids|bulk\/get|indexes\/[^/]+\/query)(\?|$)/;
const D1 = /\/d1\/database\/[^/]+\/(raw|query)$/;
const statement = z.object({ sql: z.string() });
const d1Body = z.union([statement, z.object({ batch: z.array(statement) })]);

function isWrite({ method, path, body }: Passing): boolean {
  if (method === "GET" || method === "HEAD" || LOOKS.test(path)) return false;
  if (!D1.test(path)) return true;
  const asked = d1Body.parse(JSON.parse(Buffer.from(body).toString()));
  const statements = "batch" in asked ? asked.batch : [asked];
  return !statements.every(({ sql }) => /^\s*(SELECT|PRAGMA)\b/i.test(sql));
}

export interface DeathPoint {
  /** From 1. */
  write: number;
  phase: "before" | "during" | "after";
  /** What it was in the run that nobody disturbed. */
  what: string;
}

/**
 * Before the first write, after each, and in the middle of those that can arrive in part. Before a write is after the one before: whoever
 * dies there leaves the same. A command writes some things side by side: in another run the n-th write may be another one.
 */
export function deathPoints(writes: readonly Passing[]): DeathPoint[] {
  return writes.flatMap(({ method, path, body_bytes }, index): DeathPoint[] => {
    const at = { write: index + 1, what: `${method} ${path.replace(/^\/client\/v4\/accounts\/[^/]+/, "")}` };
    // Half of a JSON request is none: only an object can arrive in part.
    const isObject = method === "PUT" && !path.startsWith("/client/") && body_bytes > 1;
    return [
      ...(index === 0 ? [{ ...at, phase: "before" as const }] : []),
      ...(isObject ? [{ ...at, phase: "during" as const }] : []),
      { ...at, phase: "after" },
    ];
  });
}

/** What the wire does at that point; `seen` hears of every write. */
export function deathAt(
  point: DeathPoint | null,
  seen: (passing: Passing) => void,
): (passing: Passing) => Fault | null {
  let writes = 0;
  return (passing) => {
    if (!isWrite(passing)) return null;
    writes += 1;
    seen(passing);
    if (writes !== point?.write) return null;
    if (point.phase === "after") return { kind: "lose_answer" };
    return { kind: point.phase === "during" && passing.body_bytes > 1 ? "half" : "reset" };
  };
}
