/** Whether D1 itself can bring the live database back to a moment, and what that would mean. */
import { asOpsError } from "../command/errors.ts";
import type { StoreSession } from "../generation/stores.ts";
import { losses, type RestorePlan } from "./restore-plan.ts";
import type { Situation } from "./situation.ts";

/**
 * Null where the live database is gone, or its Time Travel does not reach the moment (30 days paid, 7 days free). `known`: the moment's
 * bookmark, where an interrupted restore has written it down.
 */
export async function planTimeTravel(situation: Situation, at_ms: number, known?: string): Promise<RestorePlan | null> {
  const { session, resources, existing } = situation;
  if (existing === null) return null;
  const timestamp = new Date(at_ms).toISOString();
  const bookmark = known ?? (await bookmarkOf(session, existing.id, timestamp));
  if (bookmark === null) return null;
  const [lost, ...others] = losses(true, true);
  const database = resources.database.live;
  const vectors = resources.vectors.live;
  return {
    stack: session.target.stack,
    method: "time travel",
    in_place: true,
    source: bookmark,
    state_at: timestamp,
    rpo_s: Math.max(0, Math.round((session.now() - at_ms) / 1000)),
    lost: [lost ?? "", ...others.filter((text) => !text.includes("configuration") && !text.includes("incomplete"))],
    database: { from: database, to: database },
    vectors: { from: vectors, to: vectors },
    drops: [],
    tables: null,
    vector_count: null,
    config_keys: 0,
    objects: 0,
    migrations: [],
    requests: REQUESTS,
    rows_written: 0,
    bytes: null,
    duration_s: DURATION_S,
    free_days: 0,
    refusals: [],
  };
}

async function bookmarkOf(session: StoreSession, id: string, timestamp: string): Promise<string | null> {
  const found = await session.api.d1.database.timeTravel
    .getBookmark(id, { account_id: session.account_id, timestamp })
    .catch((error: unknown) => {
      if (asOpsError(error).status === 400) return null;
      throw error;
    });
  return found?.bookmark || null;
}

/** Besides those of the index, which follows the rows. */
const REQUESTS = 60;
const DURATION_S = 15;
