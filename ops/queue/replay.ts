/** `ops queue replay`: dead letters are sent again, and each is followed until the stores show that it is done. */
import { z } from "zod";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { table } from "../command/output.ts";
import { LETTERS_LISTED_MAX, LETTERS_WAIT_MAX_MS } from "../limits.ts";
import { type QueueAccess, withQueue } from "./access.ts";
import { readCopy } from "./copies.ts";
import { countLetters, lettersIn, putLetters } from "./letters.ts";
import { standings } from "./outcomes.ts";
import { type Replayed, replayed, sendAgain } from "./send-again.ts";

const tally = z.strictObject({ done: z.int(), failed_again: z.int(), waiting: z.int(), hopeless: z.int() });

const output = z.union([
  z.strictObject({
    dry_run: z.literal(false),
    restored: z.int().describe("letters that came back from a copy"),
    ...tally.shape,
    not_done: z.array(replayed).describe(`the first ${LETTERS_LISTED_MAX} that are not done`),
    left: z.int().describe("letters that are dead now"),
  }),
  z.strictObject({
    dry_run: z.literal(true),
    would_send: z.int(),
    done_already: z.int(),
    hopeless: z.int(),
    queue_operations: z.int().describe("of the 10 000 a day that are free"),
  }),
]);
type Output = z.infer<typeof output>;

export const queueReplay = defineCommand({
  path: "queue replay",
  group: "queue",
  summary: "send dead letters again, and see to it that each is done",
  notes: `Mend the cause first: a letter that fails again is tried for minutes, and is a letter again. One goes only when the stores show what it asked for, or
when a new letter stands for it; waits at most ${LETTERS_WAIT_MAX_MS / 60_000} min for each 200. Documents that were written meanwhile are not written over. Safe to repeat, and to
cut off. Exit code 4: some are not done, and the answer says why; 1: none is.`,
  risk: "change",
  args: z.object({
    ids: z.array(z.string()).default([]).describe("letters, as queue peek --dead shows them; none: all"),
  }),
  options: z.object({
    copy: z
      .string()
      .optional()
      .meta({ placeholder: "key", description: "bring back first what queue purge took away: the copy that it named" }),
  }),
  output,
  examples: [
    "queue replay --dry-run",
    "queue replay 4f6c0a1e8b --json",
    "queue replay --copy purged-messages/2026-03-01T02-00-00-000Z.ndjson",
  ],
  run: (invocation, { ids, copy }) =>
    withQueue(invocation, (access) => (invocation.dry_run ? plan(access, ids) : replay(invocation, access, ids, copy))),
});

async function plan(access: QueueAccess, ids: readonly string[]): Promise<Outcome<Output>> {
  let [would_send, done_already, hopeless] = [0, 0, 0];
  for await (const letters of lettersIn(access.database, ids)) {
    for (const standing of (await standings(access, letters)).values()) {
      if (standing === "done") done_already += 1;
      else if (typeof standing === "object") hopeless += 1;
      else would_send += 1;
    }
  }
  const queue_operations = OPERATIONS_PER_MESSAGE * would_send;
  return {
    data: { dry_run: true, would_send, done_already, hopeless, queue_operations },
    text: `Would send ${counted(would_send, "letter")} again (${queue_operations} queue operations), remove ${done_already} that are done already, and leave ${hopeless} that can never be done.`,
  };
}
/** Written, read, deleted. https://developers.cloudflare.com/queues/platform/pricing/ */
const OPERATIONS_PER_MESSAGE = 3;

async function replay(
  invocation: Invocation,
  access: QueueAccess,
  ids: readonly string[],
  copy: string | undefined,
): Promise<Outcome<Output>> {
  const { progress, now } = invocation;
  const brought = copy === undefined ? [] : await readCopy(access, copy);
  await putLetters(access.database, brought);
  const restored = brought.length;
  const wanted = ids.length > 0 ? ids.length : await countLetters(access.database);
  invocation.begin({ letters: wanted, restored });
  const results: Replayed[] = [];
  progress.start("letters", wanted);
  for await (const letters of lettersIn(access.database, ids)) {
    results.push(...(await sendAgain(access, letters, now)));
    progress.update(results.length);
  }
  progress.stop();
  const count = (wanted: Replayed["outcome"]) => results.filter(({ outcome }) => outcome === wanted).length;
  const counts = {
    done: count("done"),
    failed_again: count("failed again"),
    waiting: count("waiting"),
    hopeless: count("hopeless"),
  };
  const not_done = results.filter(({ outcome }) => outcome !== "done");
  const left = await countLetters(access.database);
  const shortfall = counts.done > 0 ? EXIT.partial : EXIT.check_failed;
  return {
    data: { dry_run: false, restored, ...counts, not_done: not_done.slice(0, LETTERS_LISTED_MAX), left },
    text: [
      ...(not_done.length === 0 ? [] : [notDoneTable(not_done, invocation.terminal)]),
      `Done: ${counts.done} ok, ${not_done.length} not; ${counted(left, "dead letter")} left.`,
      ...(counts.hopeless > 0
        ? ["Those that can never be done: npm run ops -- queue purge ID… takes them away, with a copy."]
        : []),
    ].join("\n"),
    ...(not_done.length === 0 ? {} : { exit_code: shortfall }),
    audit: { detail: { restored, ...counts, left } },
  };
}

function notDoneTable(letters: readonly Replayed[], terminal: boolean): string {
  const rows = table(terminal, letters.slice(0, LETTERS_LISTED_MAX), [
    { title: "letter", value: ({ id }) => id },
    { title: "outcome", value: ({ outcome }) => outcome },
    { title: "because", value: ({ because }) => because ?? "" },
  ]);
  const more = letters.length - LETTERS_LISTED_MAX;
  return more > 0 ? `${rows}\n… and ${more} more` : rows;
}
