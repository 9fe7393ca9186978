/** Many small writes as few requests: while writers wait, a request's way there and back is what takes the time. */

import type { D1Connection, Statement } from "../d1/connection.ts";
import { D1_PARAMETER_BYTES, D1_WRITES_PER_BATCH } from "../limits.ts";

/**
 * Runs `work` against a connection that only gathers what it is given, then sends it in the same order. Only for statements
 * whose results nobody reads and which may be repeated.
 */
export async function gatheredWrites(
  connection: D1Connection,
  work: (gathering: D1Connection) => Promise<void>,
): Promise<void> {
  let waiting: Statement[] = [];
  let bytes = 0;
  const send = async () => {
    const statements = waiting;
    waiting = [];
    bytes = 0;
    if (statements.length > 0) await connection.batch(statements, { repeatable: true });
  };
  await work({
    async batch(statements) {
      const added = statements.reduce((sum, { params = [] }) => sum + Buffer.byteLength(String(params[0] ?? "")), 0);
      if (bytes + added > D1_WRITES_PER_BATCH * D1_PARAMETER_BYTES) await send();
      waiting.push(...statements);
      bytes += added;
      return [];
    },
  });
  await send();
}
