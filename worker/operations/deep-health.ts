/**
 * Every dependency asked for real, all at once and within a limit: what is broken is named, and what hangs is given up.
 *
 * It goes past retries and breakers, which hide what is looked for here. For whoever runs the service: it costs some 30
 * subrequests, up to 30 000 rows of D1 and three queue operations.
 */
import type { CheckName, DeepCheck, DeepHealth } from "../schemas/deep-health.ts";
import type { Work } from "../work.ts";
import { cron, meter, queue } from "./checks/background.ts";
import { type Check, type Ended, performed } from "./checks/check.ts";
import { auth } from "./checks/credentials.ts";
import { database, databaseWrite, fullText, tables } from "./checks/database.ts";
import { keyValue } from "./checks/key-value.ts";
import { ai } from "./checks/models.ts";
import { alerts, auditArchive, status } from "./checks/record-keepers.ts";
import { packs, vectorize, vectorParity } from "./checks/vectors.ts";

const ALL: readonly Check[] = [
  ...[database, databaseWrite, tables, fullText, vectorize, vectorParity, packs],
  ...[keyValue, ai, queue, auth, meter, alerts, status, auditArchive, cron],
];

/** Without these no question is answered. */
const ESSENTIAL: ReadonlySet<CheckName> = new Set(["database", "tables", "full_text", "auth"]);

/** How every dependency is. Never throws. */
export async function deepHealth(work: Work): Promise<DeepHealth> {
  const started = performance.now();
  const ended = await Promise.all(ALL.map((check) => performed(check, work)));
  return {
    version: work.env.VERSION.id,
    timestamp: new Date(work.now_ms).toISOString(),
    duration_ms: Math.round(performance.now() - started),
    ...verdict(ended),
  };
}

/** Pure: what all checks together say. A failure that follows from another one is not told as one of its own. */
export function verdict(ended: readonly Ended[]): Pick<DeepHealth, "status" | "broken" | "checks"> {
  const isBroken = ({ status }: { status: string }) => status === "degraded" || status === "unhealthy";
  const failed = new Set(ended.filter(isBroken).map(({ name }) => name));
  const judged = ended.map(({ name, needs, met, ...check }): [CheckName, DeepCheck] => {
    const cause = needs.find((need) => failed.has(need));
    if (!met || cause === undefined) return [name, check];
    return [name, { ...check, status: "unknown", detail: `not judged, since ${cause} is broken: ${check.detail}` }];
  });
  const broken = judged.filter(([, check]) => isBroken(check)).map(([name]) => name);
  const isUnusable = judged.some(([name, { status }]) => ESSENTIAL.has(name) && status === "unhealthy");
  return {
    status: isUnusable ? "unhealthy" : broken.length > 0 ? "degraded" : "healthy",
    broken,
    checks: Object.fromEntries(judged) as DeepHealth["checks"],
  };
}
