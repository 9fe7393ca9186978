/**
 * `npm run ops -- <command>`: dispatches to the verbs, one file each, and turns every failure into words and an
 * exit code.
 */
import { Command, CommanderError, Option } from "commander";
import { STACKS } from "../infra/inventory.ts";
import { registerAdopt } from "./adopt.ts";
import { registerBackupCreate } from "./backup/create.ts";
import { registerBackupDiff } from "./backup/diff.ts";
import { registerDrill } from "./backup/drill/drill.ts";
import { registerBackupExport } from "./backup/export/command.ts";
import { registerBackupImport } from "./backup/import/command.ts";
import { registerBackupKey } from "./backup/key/command.ts";
import { registerBackupList } from "./backup/list.ts";
import { registerBackupPrune } from "./backup/prune/command.ts";
import { registerRestore } from "./backup/restore/commands.ts";
import { registerBackupShow } from "./backup/show.ts";
import { registerBackupVerify } from "./backup/verify.ts";
import { registerBenchBackup } from "./bench/backup.ts";
import { registerBenchHttp } from "./bench/http.ts";
import { registerBenchIngest } from "./bench/ingest.ts";
import { registerBootstrap } from "./bootstrap/bootstrap.ts";
import { registerDeploy } from "./deploy/deploy.ts";
import { registerRollback } from "./deploy/rollback.ts";
import { registerDrift } from "./drift.ts";
import { asOpsError, EXIT, OpsError, renderError } from "./errors.ts";
import { registerEvalAnswers } from "./eval/answers.ts";
import { registerEvalRetrieval } from "./eval/retrieval.ts";
import { registerGeneration } from "./generation/generation.ts";
import { registerIndexUpdate } from "./index/update.ts";
import { registerKeys } from "./keys.ts";
import { registerMigrate } from "./migrate/commands.ts";
import { parseDuration } from "./options.ts";
import { usesColour } from "./output.ts";
import { registerSynthetic } from "./synthetic.ts";
import { registerVacuum } from "./vacuum/vacuum.ts";

const EXIT_CODES = `
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 refused for safety, 4 done in part.
With --json stdout holds one JSON document; a failure is {"error":{"op","subject","cause","hint"}}.
`;

/** All commands, for `main` and for the test that documents name no other. */
export function buildProgram(): Command {
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

  registerSynthetic(program);
  registerKeys(program);
  registerGeneration(program);
  registerDrift(program);
  registerAdopt(program);
  registerBootstrap(program);
  registerDeploy(program);
  registerRollback(program);
  registerMigrate(program);
  registerVacuum(program);
  registerIndexUpdate(program.command("index").description("keep the index in line with its sources"));
  const backup = program
    .command("backup")
    .description("snapshots of everything a stack is, encrypted, incremental by row");
  registerBackupCreate(backup);
  registerBackupList(backup);
  registerBackupShow(backup);
  registerBackupDiff(backup);
  registerBackupVerify(backup);
  registerBackupPrune(backup);
  registerBackupExport(backup);
  registerBackupImport(backup);
  registerBackupKey(backup);
  registerRestore(program);
  registerDrill(program);
  const evaluation = program.command("eval").description("measure quality on a data set, through the real Worker");
  registerEvalRetrieval(evaluation);
  registerEvalAnswers(evaluation);
  const bench = program.command("bench").description("measure speed and cost on this machine");
  registerBenchHttp(bench);
  registerBenchIngest(bench);
  registerBenchBackup(bench);
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
  const program = buildProgram();
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
