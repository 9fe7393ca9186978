/** The service asked by an evaluation. Questions change nothing, so that each may be repeated. */
import { z } from "zod";
import type { Invocation } from "../command/invocation.ts";
import type { Client } from "../service/client.ts";

const passage = z.object({ chunk_id: z.number(), title: z.string(), heading: z.string(), text: z.string() });
const found = z.object({
  results: z.array(passage.extend({ document_id: z.string() })),
  degraded: z.array(z.string()),
});

/** What `POST /api/v1/search` finds. @throws OpsError as the client does. */
export async function search(client: Client, body: object): Promise<z.infer<typeof found>> {
  return await client.post("/api/v1/search", body, { repeatable: true, answer: found });
}

const debugged = z.object({
  answer: z.string().nullable(),
  found: z.boolean(),
  debug: z.object({ passages: z.array(passage) }),
});

/** What `POST /api/v1/chat` answers, and what the model was sent for it. @throws OpsError as the client does. */
export async function askWithDebug(client: Client, message: string): Promise<z.infer<typeof debugged>> {
  return await client.post("/api/v1/chat?debug=1", { message }, { repeatable: true, answer: debugged });
}

/** What comes of each, one after the other; `done` says what was: `questions asked`. */
export async function inTurn<T, R>(
  { progress }: Invocation,
  done: string,
  items: readonly T[],
  ask: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  progress.start(done, items.length);
  for (const item of items) {
    results.push(await ask(item));
    progress.update(results.length);
  }
  progress.stop(`${results.length} ${done}`);
  return results;
}
