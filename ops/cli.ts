/**
 * `npm run ops -- <command>`: dispatches to the verbs, one file each, and turns every failure into words and an
 * exit code.
 */
import { Command, CommanderError, Option } from "commander";
import { STACKS } from "../infra/inventory.ts";
import { asOpsError, EXIT, OpsError, renderError } from "./command/errors.ts";
import { parseDuration } from "./command/options.ts";
import { usesColour } from "./command/output.ts";

const EXIT_CODES = `
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 refused for safety, 4 done in part.
With --json stdout holds one JSON document; a failure is {"error":{"op","subject","cause","hint"}}.
`;

/** Adds a verb to the program; only now are its files loaded, and those of no other verb. */
type Verb = (program: Command) => Promise<void>;

const VERBS: Readonly<Record<string, Verb>> = {
  synthetic: async (program) => (await import("./health/synthetic.ts")).registerSynthetic(program),
  keys: async (program) => (await import("./keys/keys.ts")).registerKeys(program),
  generation: async (program) => (await import("./generation/generation.ts")).registerGeneration(program),
  drift: async (program) => (await import("./delivery/drift.ts")).registerDrift(program),
  adopt: async (program) => (await import("./delivery/adopt.ts")).registerAdopt(program),
  bootstrap: async (program) => (await import("./delivery/bootstrap.ts")).registerBootstrap(program),
  deploy: async (program) => (await import("./delivery/deploy.ts")).registerDeploy(program),
  rollback: async (program) => (await import("./delivery/rollback.ts")).registerRollback(program),
  migrate: async (program) => (await import("./migrate/commands.ts")).registerMigrate(program),
  vacuum: async (program) => (await import("./vacuum/vacuum.ts")).registerVacuum(program),
  index: async (program) => {
    const index = program.command("index").description("keep the index in line with its sources");
    (await import("./index/update.ts")).registerIndexUpdate(index);
  },
  backup: async (program) => (await import("./backup/commands.ts")).registerBackup(program),
  restore: async (program) => (await import("./restore/commands.ts")).registerRestore(program),
  drill: async (program) => (await import("./drill/drill.ts")).registerDrill(program),
  eval: async (program) => {
    const evaluation = program.command("eval").description("measure quality on a data set, through the real Worker");
    (await import("./eval/retrieval.ts")).registerEvalRetrieval(evaluation);
    (await import("./eval/answers.ts")).registerEvalAnswers(evaluation);
  },
  bench: async (program) => {
    const bench = program.command("bench").description("measure speed and cost on this machine");
    (await import("./bench/http.ts")).registerBenchHttp(bench);
    (await import("./bench/ingest.ts")).registerBenchIngest(bench);
    (await import("./bench/backup.ts")).registerBenchBackup(bench);
  },
};

/** The program with the verbs that `argv` names; with all of them where it names none, for help and for mistakes. */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command("ops")
    .usage("<command> [options]")
    .description("What we do to PRISM: checks, keys, evaluation and benches, one verb each.")
    .addOption(new Option("--stack <stack>", "which deployment to work on").choices(STACKS).default("local"))
    .option("--data <dir>", "data folder of the local platform", ".prism")
    .option("--json", "one JSON document on stdout; progress stays on stderr", false)
    .addOption(new Option("--timeout <duration>", "give up after this long, e.g. 30s or 5m").argParser(parseDuration))
    .option("--verbose", "show where an error arose", (process.env.DEBUG ?? "") !== "")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: true })
    // Errors are printed once, by `main`, in the one form that all of them have.
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText("after", EXIT_CODES);

  const isNamed = argv.some((word) => word in VERBS) && !argv.includes("help");
  for (const [name, verb] of Object.entries(VERBS)) if (!isNamed || argv.includes(name)) await verb(program);
  return program;
}

/** What commander refuses is a usage error; its own help and version exits are none (undefined). */
function usageError(error: CommanderError, program: Command, argv: readonly string[]): OpsError | undefined {
  if (error.exitCode === 0) return undefined;
  const cause = error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, "");
  return new OpsError(
    {
      op: "understand",
      subject: ["ops", ...argv].join(" "),
      cause: cause.replaceAll(/\.?\n/g, " ").replace(/\.$/, ""),
      hint: ["npm run ops --", ...commandPath(program, argv), "--help"].join(" "),
    },
    { exit_code: EXIT.usage, error },
  );
}

/** The words of `argv` that name commands: where help is to be had. */
function commandPath(program: Command, argv: readonly string[]): string[] {
  const path: string[] = [];
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    path.push(word);
    command = next;
  }
  return path;
}

async function main(argv: string[]): Promise<void> {
  const program = await buildProgram(argv);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, program, argv) : asOpsError(thrown);
    if (error === undefined) return;
    if (argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: error.parts })}\n`);
    const verbose = argv.includes("--verbose") || (process.env.DEBUG ?? "") !== "";
    process.stderr.write(renderError(error, { colour: usesColour(process.stderr, process.env), verbose }));
    process.exitCode = error.exit_code;
  }
}

if (import.meta.main) {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  await main(process.argv.slice(2));
}
