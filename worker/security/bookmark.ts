/**
 * `X-D1-Bookmark`: how a caller who has written reads what was written, from whichever replica is near.
 *
 * An answer says how far it has seen; the next request that brings this along is answered by a database that has seen as much.
 * Without it the primary answers, which has seen everything: who knows nothing of bookmarks never reads old news, nor pays for a session.
 */
import { Problem } from "../ground/problem.ts";
import type { SessionStart } from "../store/database.ts";

const ANY_REPLICA = "first-unconstrained";
const PRIMARY = "first-primary";
/** As D1 writes them. Anything else would travel to D1 as a constraint of the caller's making. */
const PATTERN = `^(${PRIMARY}|${ANY_REPLICA}|[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32})$`;
const ACCEPTED = new RegExp(PATTERN);

export const BOOKMARK_PARAMETER = {
  name: "X-D1-Bookmark",
  in: "header",
  description:
    "The same header of an earlier answer: read replicas may answer that have seen as much. Without it the primary answers. " +
    `\`${PRIMARY}\` asks for a first bookmark; \`${ANY_REPLICA}\` takes any replica, some moments behind perhaps.`,
  schema: { type: "string", pattern: PATTERN },
} as const;

/** Where a session that only reads begins; undefined where none was asked for. @throws Problem `invalid-request` for what is no bookmark. */
export function readSession(brought: string | undefined): SessionStart | undefined {
  if (brought === undefined || ACCEPTED.test(brought)) return brought;
  const message = `must be this header of an earlier answer, \`${PRIMARY}\` or \`${ANY_REPLICA}\``;
  throw new Problem("invalid-request", `\`X-D1-Bookmark\`: ${message}.`, {
    errors: [{ path: "header.x-d1-bookmark", message }],
  });
}
