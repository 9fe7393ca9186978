/**
 * `npm run ops -- <command>`: dispatches to the verbs, one file each, and turns every failure into words and an
 * exit code.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { STACKS } from "../infra/inventory.ts";
import { registerBenchHttp } from "./bench/http.ts";
import { registerBenchIngest } from "./bench/ingest.ts";
import { asOpsError, EXIT, OpsError, renderError } from "./errors.ts";
import { registerEvalAnswers } from "./eval/answers.ts";
import { registerEvalRetrieval } from "./eval/retrieval.ts";
import { registerKeys } from "./keys.ts";
import { usesColour } from "./output.ts";
import { registerSynthetic } from "./synthetic.ts";

const EXIT_CODES = `
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 refused for safety, 4 done in part.
With --json stdout holds one JSON document; a failure is {"error":{"op","subject","cause","hint"}}.
`;

/** `500ms`, `30s`, `5m`, `1h`; a bare number is seconds. In milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit_ms = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? "s"] ?? 1000;
  const duration_ms = Number(match?.[1]) * unit_ms;
  if (!(duration_ms > 0)) throw new InvalidArgumentError("Expected a duration such as 500ms, 30s, 5m or 1h.");
  return duration_ms;
}

function buildProgram(): Command {
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
  const evaluation = program.command("eval").description("measure quality on a data set, through the real Worker");
  registerEvalRetrieval(evaluation);
  registerEvalAnswers(evaluation);
  const bench = program.command("bench").description("measure speed and cost on this machine");
  registerBenchHttp(bench);
  registerBenchIngest(bench);
  return program;
}

/** What commander refuses is a usage error; its own help and version exits are none (undefined). */
function usageError(error: CommanderError, argv: readonly string[]): OpsError | undefined {
  if (error.exitCode === 0) return undefined;
  const words = argv.slice(0, argv.findIndex((word) => word.startsWith("-")) >>> 0);
  const bare = error.code === "commander.help";
  return new OpsError(
    {
      op: "understand",
      subject: ["ops", ...argv].join(" "),
      cause: bare ? "a command is missing" : error.message.replace(/^error: /, "").replace(/\.$/, ""),
      hint: ["npm run ops --", ...(bare ? words : words.slice(0, 2)), "--help"].join(" "),
    },
    { exit_code: EXIT.usage, error },
  );
}

async function main(argv: string[]): Promise<void> {
  try {
    await buildProgram().parseAsync(argv, { from: "user" });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, argv) : asOpsError(thrown);
    if (error === undefined) return;
    if (argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: error.parts })}\n`);
    const verbose = argv.includes("--verbose") || (process.env.DEBUG ?? "") !== "";
    process.stderr.write(renderError(error, { colour: usesColour(process.stderr, process.env), verbose }));
    process.exitCode = error.exit_code;
  }
}

if (import.meta.main) await main(process.argv.slice(2));
