/** `ops generation`: the generations of the data stores, and moving between them without losing a write. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { openDriver } from "../delivery/open-driver.ts";
import { EXIT, OpsError } from "../errors.ts";
import { confirm, type Invocation, type Outcome, perform } from "../invocation.ts";
import { recordAction } from "../journal.ts";
import { table } from "../output.ts";
import { cancelSwitch } from "./cancel.ts";
import { copyFromLive, replayOnto } from "./copy-database.ts";
import { fromPacks, indexSince } from "./copy-vectors.ts";
import { dropGeneration, refuseDrop, type StoreKind } from "./drop.ts";
import { readRecord, readWayBack } from "./record.ts";
import { openWorkbench, type Workbench } from "./stores.ts";
import { type SwitchReport, type SwitchRequest, switchGeneration } from "./switch.ts";
import { refuseForeignVectors } from "./vector-rows.ts";

const STORES = ["database", "vectors"] as const;

const SHAPE = `
With --json: {"stack","database":{"from","to","fill",…}|null,"vectors":{…}|null,"fence_ms","deferred_writes","seconds"}
fence_ms: how long writes were deferred (202 and a job); reads never wait.`;

interface Flags {
  yes?: boolean;
  dryRun?: boolean;
}
interface MoveFlags extends Flags {
  dimensions?: number;
  model?: string;
}

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
    .action((_: object, command: Command) => perform(command, (invocation) => onBench(invocation, list)));

  moving(generation.command("move").argument("<store>", STORES.join(" or "), store))
    .description("copy a live store into a new generation and switch to it, while the service works")
    .option("--dimensions <n>", "dimensions of the new index (vectors only)", whole)
    .option("--model <id>", "embedding model of the new index (vectors only)")
    .addHelpText("after", `${SHAPE}\n\nExample:\n  npm run ops -- generation move database --yes`)
    .action((which: StoreKind, flags: MoveFlags, command: Command) =>
      perform(command, (invocation) => onBench(invocation, (bench) => move(bench, invocation, which, flags))),
    );

  moving(generation.command("undo").argument("<store>", STORES.join(" or "), store))
    .description("back to the generation before the last switch, with everything written since")
    .addHelpText("after", SHAPE)
    .action((which: StoreKind, flags: Flags, command: Command) =>
      perform(command, (invocation) => onBench(invocation, (bench) => undo(bench, invocation, which, flags))),
    );

  generation
    .command("resume")
    .description("go on with an interrupted move or undo")
    .addHelpText("after", SHAPE)
    .action((_: object, command: Command) =>
      perform(command, (invocation) =>
        onBench(invocation, async (bench) => carryOut(bench, invocation, "resume", await interrupted(bench))),
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

async function list(bench: Workbench, { stack, terminal }: Invocation): Promise<Outcome> {
  const { database, vectors } = await bench.target.resources();
  const underWay = await readRecord(bench.bucket, bench.steady);
  const back = async (which: StoreKind) => {
    const way = await readWayBack(bench.bucket, which, bench.steady);
    return way && { from: way.from, to: way.to, at: new Date(way.at_ms).toISOString() };
  };
  const undoable = { database: await back("database"), vectors: await back("vectors") };
  const data = {
    stack,
    database,
    vectors,
    under_way: underWay && {
      step: underWay.value.step,
      begun_at: new Date(underWay.value.begun_at_ms).toISOString(),
      database: underWay.value.database && { from: underWay.value.database.from, to: underWay.value.database.to },
      vectors: underWay.value.vectors && { from: underWay.value.vectors.from, to: underWay.value.vectors.to },
    },
    undo: undoable,
  };
  const rows = STORES.flatMap((which) =>
    data[which].generations.map(({ generation, name }) => ({
      store: which,
      name,
      state: generation === data[which].live ? "live" : generation === undoable[which]?.from ? "kept for undo" : "idle",
    })),
  );
  const lines = table(
    rows,
    [
      { title: "store", value: (row) => row.store },
      { title: "generation", value: (row) => row.name },
      { title: "state", value: (row) => row.state },
    ],
    terminal,
  );
  const news = data.under_way ? `\nA switch was interrupted at "${data.under_way.step}": generation resume.` : "";
  return { data, text: `${lines}${news}` };
}

async function move(bench: Workbench, invocation: Invocation, which: StoreKind, flags: MoveFlags): Promise<Outcome> {
  const by = `ops generation move ${which}`;
  if (which === "database") {
    if (flags.dimensions !== undefined || flags.model !== undefined) throw onlyForVectors();
    return propose(bench, invocation, flags, "move", { database: { fill: copyFromLive }, by });
  }
  const { database, vectors } = await bench.target.resources();
  const live = vectors.generations.find(({ generation }) => generation === vectors.live);
  const dimensions = flags.dimensions ?? live?.dimensions ?? 0;
  await refuseForeignVectors(bench, database, dimensions, flags.model);
  return propose(bench, invocation, flags, "move", { vectors: { fill: fromPacks, dimensions }, by });
}

async function undo(bench: Workbench, invocation: Invocation, which: StoreKind, flags: Flags): Promise<Outcome> {
  const way = await readWayBack(bench.bucket, which, bench.steady);
  const live = (await bench.target.resources())[which].live;
  const isInterrupted = (await readRecord(bench.bucket, bench.steady)) !== null;
  if (way === null || (way.to !== live && !isInterrupted)) {
    throw new OpsError(
      {
        op: "undo",
        subject: `the switch of ${which}`,
        cause: way === null ? "there was none" : `g${live} is live, and the last switch was to g${way.to}`,
        hint: "npm run ops -- generation list",
      },
      { exit_code: EXIT.refused },
    );
  }
  if (way.seq < 0) {
    throw new OpsError(
      {
        op: "undo",
        subject: `the switch of ${which}`,
        cause: "it was a restore: what was live has another history, which cannot be carried on",
        hint: "npm run ops -- restore undo",
      },
      { exit_code: EXIT.refused },
    );
  }
  const by = `ops generation undo ${which}`;
  const request: SwitchRequest =
    which === "database"
      ? { database: { fill: replayOnto(way.seq), to: way.from }, by }
      : { vectors: { fill: indexSince(way.seq), to: way.from }, by };
  return propose(bench, invocation, flags, "undo", request);
}

/** The request that an interrupted switch was begun with. */
async function interrupted(bench: Workbench): Promise<SwitchRequest> {
  const found = await readRecord(bench.bucket, bench.steady);
  if (found === null) {
    throw new OpsError(
      { op: "resume", subject: "a switch", cause: "none was interrupted", hint: "npm run ops -- generation list" },
      { exit_code: EXIT.refused },
    );
  }
  const { database, vectors } = found.value;
  const seqOf = (id: string): number => Number(/^replay (\d+)$/.exec(id)?.[1]);
  const known = (id: string | undefined) => id === undefined || id === "copy" || id === "packs" || seqOf(id) >= 0;
  if (!known(database?.fill) || !known(vectors?.fill)) {
    throw new OpsError(
      {
        op: "resume",
        subject: "the switch",
        cause: `it fills by ${[database?.fill, vectors?.fill].filter((id) => id !== undefined).join(" and ")}`,
        hint: "repeat the command that began it (a restore or a rebuild), or npm run ops -- generation cancel",
      },
      { exit_code: EXIT.refused },
    );
  }
  return {
    ...(database && {
      database: { fill: database.fill === "copy" ? copyFromLive : replayOnto(seqOf(database.fill)), to: database.to },
    }),
    ...(vectors && {
      vectors: { fill: vectors.fill === "packs" ? fromPacks : indexSince(seqOf(vectors.fill)), to: vectors.to },
    }),
    by: "ops generation resume",
  };
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
  const subject = request.database ? `database g${database.live}` : `vectors g${vectors.live}`;
  const fill = request.database?.fill.name ?? request.vectors?.fill.name ?? "";
  const target = request.database?.to ?? request.vectors?.to;
  const steps = [
    target === undefined ? "create a new generation beside it" : `take generation g${target} again`,
    `fill it: ${fill}, while the service works`,
    "fence writes (202 and a job) for a moment, take over the last changes, verify",
    "bind the Worker to it, record it in the configuration, release the deferred writes",
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
    "Undo: npm run ops -- generation undo database|vectors",
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

function store(text: string): StoreKind {
  const found = STORES.find((one) => one === text);
  if (found === undefined) throw new InvalidArgumentError(`It is ${STORES.join(" or ")}.`);
  return found;
}

function whole(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is a whole number from 1.");
}

function onlyForVectors(): OpsError {
  return new OpsError(
    {
      op: "move",
      subject: "database",
      cause: "--dimensions and --model are for vectors",
      hint: "npm run ops -- generation move --help",
    },
    { exit_code: EXIT.usage },
  );
}
