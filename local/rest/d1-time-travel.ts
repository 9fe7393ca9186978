/** `time_travel/bookmark` and `time_travel/restore` of a D1 database. */
import { Hono } from "hono";
import { TIME_TRAVEL_SNAPSHOT_INTERVAL_MS } from "../limits.ts";
import { TimeTravelRefusal } from "../time-travel.ts";
import { sqlError } from "./d1-limits.ts";
import { D1_MALFORMED, type D1RouteDeps } from "./d1-query.ts";
import { ApiError, ok } from "./envelope.ts";

/** Told with every answer, because the real service restores to any transaction. */
const GRANULARITY = {
  code: 0,
  message: `The local platform keeps a state every ${TIME_TRAVEL_SNAPSHOT_INTERVAL_MS / 1000} s while a database changes, and at each bookmark request; a timestamp restores the newest state at or before it.`,
};

export function d1TimeTravelRoutes({ timeTravel, holds, databaseExists }: D1RouteDeps): Hono {
  return new Hono()
    .get("/d1/database/:id/time_travel/bookmark", async (c) => {
      const id = c.req.param("id");
      databaseExists(id);
      const timestamp = c.req.query("timestamp");
      const bookmark = await refusing(() =>
        timestamp === undefined ? timeTravel.bookmarkNow(id) : timeTravel.bookmarkAt(id, time_ms(timestamp)),
      );
      return ok(c, { bookmark }, { messages: [GRANULARITY] });
    })
    .post("/d1/database/:id/time_travel/restore", async (c) => {
      const id = c.req.param("id");
      databaseExists(id);
      holds.refuseWhileHeld(id);
      const { bookmark, timestamp } = c.req.query();
      if ((bookmark === undefined) === (timestamp === undefined))
        throw new ApiError(400, D1_MALFORMED, "restore takes either ?bookmark= or ?timestamp=");
      const restored = await refusing(async () =>
        timeTravel.restore(id, bookmark ?? (await timeTravel.bookmarkAt(id, time_ms(timestamp ?? "")))),
      );
      const message = `Database restored to ${bookmark ?? timestamp}. To undo, restore to ${restored.previous_bookmark}.`;
      return ok(c, { ...restored, message }, { messages: [GRANULARITY] });
    });
}

function time_ms(timestamp: string): number {
  const ms = Date.parse(timestamp);
  if (Number.isNaN(ms))
    throw new ApiError(
      400,
      D1_MALFORMED,
      `timestamp must be ISO 8601, e.g. 2026-11-20T12:00:00Z, got "${timestamp.slice(0, 40)}"`,
    );
  return ms;
}

async function refusing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TimeTravelRefusal) throw sqlError(error.message);
    throw error;
  }
}
