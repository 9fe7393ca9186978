/** `ops generation`: the generations of the data stores, and moving between them without losing a write. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { confirm, type Invocation, type Outcome, perform } from "../command/invocation.ts";
import { recordAction } from "../command/journal.ts";
import { openDriver } from "../stack/open-driver.ts";
import { cancelSwitch } from "./cancel.ts";
import { dropGeneration, refuseDrop, STORES, type StoreKind } from "./drop.ts";
import { listGenerations } from "./list.ts";
import { interruptedRequest, moveRequest, type NewIndex, undoRequest } from "./requests.ts";
import { openWorkbench, type Workbench } from "./stores.ts";
import { type SwitchReport, type SwitchRequest, switchGeneration } from "./switch.ts";

/** Both at once are one deployment. */
const ALL = "all";

const SHAPE = `
With --json: {"stack","database":{"from","to","fill",…}|null,"vectors":{…}|null,"fence_ms","deferred_writes","seconds"}
fence_ms: how long writes were deferred (202 and a job); reads never wait.`;

interface Flags {
  yes?: boolean;
  dryRun?: boolean;
}
type MoveFlags = Flags & NewIndex;

export function registerGeneration(program: Command): void {
  const generation = program
    .command("generation")
    .description("the generations of D1 and Vectorize: replace a store without losing a write, and go back");

  generation
    .command("list")
    .description("generations that exist, which are live, and what is under way")
    .addHelpText(
      "after",
      `
With --json: {"stack","database":{"live","generations":[…]},"vectors":{…},"under_way":{"step",…}|null,
              "undo":{"database":{"from","to","at"}|null,"vectors":{…}|null}}`,
    )
    .action((_: object, command: Command) =>
      perform(command, (invocation) => onBench(invocation, (bench) => listGenerations(bench, invocation))),
    );

  moving(generation.command("move").argument("<stores>", [...STORES, ALL].join(", "), stores))
    .description("copy a live store into a new generation and switch to it, while the service works")
    .option("--dimensions <n>", "dimensions of the new index (vectors only)", whole)
    .option("--model <id>", "embedding model of the new index (vectors only)")
    .addHelpText("after", `${SHAPE}\n\nExample:\n  npm run ops -- generation move database --yes`)
    .action((which: StoreKind[], flags: MoveFlags, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) =>
          propose(bench, invocation, flags, "move", await moveRequest(bench, which, flags)),
        ),
      ),
    );

  moving(generation.command("undo").argument("<stores>", [...STORES, ALL].join(", "), stores))
    .description("back to the generation before the last switch, with everything written since")
    .addHelpText("after", SHAPE)
    .action((which: StoreKind[], flags: Flags, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) =>
          propose(bench, invocation, flags, "undo", await undoRequest(bench, which)),
        ),
      ),
    );

  generation
    .command("resume")
    .description("go on with an interrupted move or undo")
    .addHelpText("after", SHAPE)
    .action((_: object, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) => carryOut(bench, invocation, "resume", await interruptedRequest(bench))),
      ),
    );

  generation
    .command("cancel")
    .description("give an interrupted move up: writers go on with the live stores")
    .action((_: object, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) => {
          const data = { stack: invocation.stack, ...(await cancelSwitch(bench)) };
          await audit(bench, invocation, "cancel", data);
          return { data, text: `Given up. ${data.deferred_writes} deferred writes were applied.` };
        }),
      ),
    );

  moving(generation.command("drop").argument("<store>", STORES.join(" or "), store).argument("<generation>", "", whole))
    .description("delete a generation that is not live, with its data")
    .option("--early", "also within the 7 days in which a switch can be undone", false)
    .action((which: StoreKind, number: number, flags: Flags & { early: boolean }, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) => {
          await refuseDrop(bench, which, number, flags.early);
          const data = { stack: invocation.stack, store: which, generation: number, dropped: flags.dryRun !== true };
          if (flags.dryRun === true) return { data, text: `Would delete ${which} g${number} with its data.` };
          await confirm(invocation, { op: "delete", subject: `${which} g${number} with its data` }, flags.yes === true);
          await dropGeneration(bench, which, number);
          await audit(bench, invocation, "drop", data);
          return { data, text: `Deleted ${which} g${number}.` };
        }),
      ),
    );
}

function moving(command: Command): Command {
  return command
    .addOption(new Option("--yes", "do not ask"))
    .addOption(new Option("--dry-run", "say what would happen, change nothing"));
}

async function onBench(
  invocation: Invocation,
  work: (bench: Workbench, invocation: Invocation) => Promise<Outcome>,
): Promise<Outcome> {
  const { progress, signal, note } = invocation;
  const [target, driver] = [await invocation.target(), await openDriver(invocation)];
  const bench = await openWorkbench({ target, driver, progress, signal, note });
  try {
    return await work(bench, invocation);
  } finally {
    bench.close();
  }
}

/** Shows or asks first, then does it. */
async function propose(
  bench: Workbench,
  invocation: Invocation,
  flags: Flags,
  verb: "move" | "undo",
  request: SwitchRequest,
): Promise<Outcome> {
  const { database, vectors } = await bench.target.resources();
  const moves = [
    ...(request.database ? [{ live: `database g${database.live}`, ...request.database }] : []),
    ...(request.vectors ? [{ live: `vectors g${vectors.live}`, ...request.vectors }] : []),
  ];
  const subject = moves.map(({ live }) => live).join(" and ");
  const steps = [
    ...moves.flatMap(({ live, to, fill }) => [
      to === undefined ? `create a new generation beside ${live}` : `take g${to} again instead of ${live}`,
      `fill it: ${fill.name}, while the service works`,
    ]),
    "fence writes (202 and a job) for a moment, take over the last changes, verify",
    "bind the Worker to the new ones, record it in the configuration, release the deferred writes",
    "keep the old generation for undo",
  ];
  if (flags.dryRun === true) {
    const data = { stack: invocation.stack, dry_run: true, verb, subject, steps };
    return { data, text: [`${verb} ${subject}:`, ...steps.map((step) => `- ${step}`)].join("\n") };
  }
  await confirm(invocation, { op: verb, subject }, flags.yes === true);
  return carryOut(bench, invocation, verb, request);
}

async function carryOut(
  bench: Workbench,
  invocation: Invocation,
  verb: string,
  request: SwitchRequest,
): Promise<Outcome> {
  const report = await switchGeneration(bench, request);
  const data = { stack: invocation.stack, ...report };
  await audit(bench, invocation, verb, data);
  return { data, text: told(report) };
}

function told({ database, vectors, fence_ms, deferred_writes, seconds }: SwitchReport): string {
  const moves = [
    ...(database ? [`database g${database.from} to g${database.to}`] : []),
    ...(vectors ? [`vectors g${vectors.from} to g${vectors.to}`] : []),
  ];
  return [
    `Switched ${moves.join(", ")} in ${seconds} s.`,
    `Writes were deferred for ${fence_ms} ms; ${deferred_writes} of them were applied afterwards. Reads never waited.`,
    "Undo: npm run ops -- generation undo database|vectors|all",
  ].join("\n");
}

async function audit(
  { now }: Workbench,
  { stack, data_dir }: Invocation,
  verb: string,
  detail: Record<string, unknown>,
): Promise<void> {
  await recordAction(data_dir, { stack, action: `generation ${verb}`, outcome: "done", detail }, now());
}

function stores(text: string): StoreKind[] {
  return text === ALL ? [...STORES] : [store(text)];
}

function store(text: string): StoreKind {
  const found = STORES.find((one) => one === text);
  if (found === undefined) throw new InvalidArgumentError(`It is ${STORES.join(" or ")}.`);
  return found;
}

function whole(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number from 1.");
}
