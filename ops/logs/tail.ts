/** `ops logs tail`: lines as they are logged, by Cloudflare's live tail. */
import { on, once } from "node:events";
import { z } from "zod";
import { nameInStack, SERVICE } from "../../infra/inventory.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import { defineCommand } from "../command/define.ts";
import { OpsError } from "../command/errors.ts";
import type { Invocation } from "../command/invocation.ts";
import { positive } from "../command/options.ts";
import { CLEANUP_TIMEOUT_MS } from "../limits.ts";
import { filterOptions, matcher } from "./filter.ts";
import { LOG_LINES_MAX, TAIL_CONNECT_TIMEOUT_MS } from "./limits.ts";
import { exceptionLine, type LogLine, lineOf, logLine } from "./log-line.ts";
import { shownLine } from "./shown-line.ts";

/** As wrangler speaks it. */
const PROTOCOL = "trace-v1";

/** What is read of an invocation, in the shape of a Tail Worker. */
const trace = z.object({
  scriptName: z.string().nullable(),
  logs: z.array(z.object({ level: z.string(), message: z.array(z.unknown()), timestamp: z.number() })),
  exceptions: z.array(z.object({ name: z.string(), message: z.string(), timestamp: z.number() })),
});

const output = z.strictObject({
  worker: z.string(),
  matched: z.int(),
  lines: z.array(logLine).describe("the newest of them"),
});
type Tailed = z.infer<typeof output>;

export const logsTail = defineCommand({
  path: "logs tail",
  group: "logs",
  summary: "lines as they are logged, until Ctrl-C; logs query has those of before",
  notes: `An invocation is told of when it has ended. Cloudflare samples the tail of a busy Worker and says nothing of it: what was logged
for certain is in logs query. --json prints what was seen at the end.`,
  risk: "read",
  options: z.object({ ...filterOptions.shape, lines: positive.optional().describe("end after so many lines") }),
  output,
  examples: [
    "logs tail --level warn",
    "logs tail --endpoint 'POST /api/v1/chat' --status 5xx",
    "logs tail --lines 1 --json",
  ],
  async run(invocation, { lines: most = Number.POSITIVE_INFINITY, ...filter }) {
    const worker = nameInStack(SERVICE, invocation.stack);
    const data: Tailed = { worker, matched: 0, lines: [] };
    const watched = await watch(invocation, worker);
    const isWanted = matcher(filter);
    async function* shown(): AsyncGenerator<string, void> {
      for await (const line of watched) {
        if (!isWanted(line)) continue;
        data.matched += 1;
        data.lines.push(line);
        if (data.lines.length > LOG_LINES_MAX) data.lines.shift();
        yield shownLine(line, invocation.colour);
        if (data.matched >= most) return;
      }
    }
    return { data, text: `End of the tail of ${worker}`, stream: shown() };
  },
});

/** Lines of a Worker from now on; connected when it returns. The tail is ended with them. */
async function watch(
  { target: find, signal, note }: Invocation,
  worker: string,
): Promise<AsyncGenerator<LogLine, void>> {
  const target = await find();
  const address = await target.api();
  const { account_id } = address;
  const client = createCloudflare(address, { signal });
  const { id, url } = await client.workers.scripts.tail.create(worker, { account_id }, { body: { filters: [] } });
  const socket = new WebSocket(url, PROTOCOL);
  // Before it is open, so that nothing which comes with the opening is missed.
  const messages = on(socket, "message", { signal, close: ["close", "error"] });
  const refused = new AbortController();
  socket.addEventListener("close", () => refused.abort());
  const limits = [signal, refused.signal, AbortSignal.timeout(TAIL_CONNECT_TIMEOUT_MS)];
  await once(socket, "open", { signal: AbortSignal.any(limits) }).catch((error: unknown) => {
    socket.close();
    const hint = `npm run ops -- logs query --since 5m --stack ${target.stack}`;
    throw new OpsError({ op: "tail", subject: worker, cause: "the live tail does not connect", hint }, { error });
  });
  note(`Watching ${worker}`);
  const end = async (): Promise<void> => {
    socket.close();
    const ending = createCloudflare(address, { signal: AbortSignal.timeout(CLEANUP_TIMEOUT_MS) });
    // One that is left ends by itself, after hours.
    await ending.workers.scripts.tail.delete(id, { account_id, script_name: worker }).catch(() => {});
  };
  return linesOf(messages, signal, end);
}

async function* linesOf(
  messages: AsyncIterable<unknown[]>,
  signal: AbortSignal,
  end: () => Promise<void>,
): AsyncGenerator<LogLine, void> {
  try {
    for await (const [event] of messages) yield* linesOfTrace(await textOf((event as MessageEvent).data));
  } catch (error) {
    // Ctrl-C is how a tail ends.
    if (!signal.aborted) throw error;
  } finally {
    await end();
  }
}

/** Cloudflare sends its messages as bytes. */
async function textOf(data: unknown): Promise<string> {
  return data instanceof Blob ? data.text() : String(data);
}

function linesOfTrace(text: string): LogLine[] {
  const { scriptName, logs, exceptions } = trace.parse(JSON.parse(text));
  const worker = scriptName ?? "";
  return [
    ...logs.map(({ level, message, timestamp }) =>
      lineOf({ at_ms: timestamp, worker, console_level: level, parts: message }),
    ),
    ...exceptions.map(({ name, message, timestamp }) => exceptionLine(timestamp, worker, name, message)),
  ];
}
