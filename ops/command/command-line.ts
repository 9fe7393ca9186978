/**
 * The command line that the registry makes: commander's commands from the declarations, loaded when they are named, and their help in groups.
 * Parsing, suggestions of near misses and the layout of help are commander's.
 */
import { Argument, Command as CommanderCommand, InvalidArgumentError, Option } from "commander";
import { STACKS } from "../../infra/inventory.ts";
import { TIMER_MS_MAX } from "../limits.ts";
import { AREAS, allCommands, COMMANDS, commandAt } from "../registry.ts";
import { type Command, GROUPS } from "./define.ts";
import { type Flag, flagName, flagsOf, inputOf } from "./flags.ts";
import { parseDuration } from "./options.ts";
import type { GlobalOptions } from "./perform.ts";
import type { Shell } from "./shell.ts";

const AFTER_ALL = `
Exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 refused for safety, 4 done in part.
With --json stdout holds one JSON document, whose schema \`--json-schema\` prints; a failure is {"error":{"op","subject","cause","hint","reason"}}.
`;

type CarryOut = (command: Command, options: GlobalOptions, given: Readonly<Record<string, unknown>>) => Promise<void>;

interface Program {
  program: CommanderCommand;
  /** The words of the command that parsing has come to: where help is to be had. */
  reached(): string;
}

/**
 * The program with every command's name; with options and summaries where `argv` comes to a command or asks for help.
 *
 * @param shell takes help: stderr where a command is missing.
 * @param carryOut what becomes of the command that is named, with what was given to it.
 */
export async function buildProgram(
  argv: readonly string[],
  { stdout, stderr }: Pick<Shell, "stdout" | "stderr">,
  carryOut: CarryOut,
): Promise<Program> {
  const words = argv.filter((word) => !word.startsWith("-")).join(" ");
  const asksHelp = argv.some((word) => ["--help", "-h"].includes(word));
  const isForHelp = words === "" || Object.hasOwn(AREAS, words) || (asksHelp && pathIn(argv) === undefined);
  const program = new CommanderCommand("ops")
    .usage("<command> [options]")
    .description("What we do to PRISM.")
    .addOption(
      new Option("--stack <stack>", "which deployment to work on").choices(STACKS).default("local").env("PRISM_STACK"),
    )
    .addOption(new Option("--data <dir>", "data folder of the local platform").default(".prism").env("PRISM_DATA"))
    .option("--json", "one JSON document on stdout; progress stays on stderr")
    .option("--json-schema", "print the JSON Schema of --json, do nothing else")
    .addOption(new Option("--timeout <duration>", "give up after this long, e.g. 30s or 5m").argParser(timeoutMs))
    .option("--verbose", "show where an error arose")
    .configureHelp({
      showGlobalOptions: true,
      // All that there is at a glance: for the program commands are listed, not only the areas that they are in.
      visibleCommands: (command) => (isForHelp && command.parent === null ? leavesOf(command) : [...command.commands]),
      subcommandTerm: pathOf,
    })
    // Errors are printed once, by `cli.ts`, in the one form that all of them have.
    .configureOutput({
      outputError: () => {},
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .helpCommand(false)
    .exitOverride()
    .addHelpText("after", AFTER_ALL);

  let reached = "";
  const load = async (_: CommanderCommand, next: CommanderCommand): Promise<void> => {
    reached = pathOf(next);
    if (!(reached in COMMANDS)) return;
    declare(next, await commandAt(reached), carryOut);
    refuseOptionAsValue([...program.options, ...next.options], argv, next);
  };
  program.hook("preSubcommand", load);
  for (const path of Object.keys(COMMANDS)) {
    let node = program;
    for (const word of path.split(" ")) {
      const known = node.commands.find((command) => command.name() === word);
      node = known ?? node.command(word).hook("preSubcommand", load);
      node.description(AREAS[pathOf(node)] ?? "");
    }
  }
  if (isForHelp) {
    const leaves = new Map(leavesOf(program).map((leaf) => [pathOf(leaf), leaf]));
    for (const { path, summary, group } of await allCommands(words)) {
      leaves.get(path)?.summary(summary).helpGroup(`${GROUPS[group]}:`);
      // commander lists groups in the order of the program's own commands.
      program.commands.find((area) => path.startsWith(`${area.name()} `))?.helpGroup(`${GROUPS[group]}:`);
    }
  }
  return { program, reached: () => reached };
}

/** The path of the command that the words of `argv` name; undefined where they name none. */
export function pathIn(argv: readonly string[]): string | undefined {
  const words = ` ${argv.filter((word) => !word.startsWith("-")).join(" ")} `;
  // What stands before may be an option's value, what stands behind an argument: the first words that name one count.
  const named = Object.keys(COMMANDS).map((path) => ({ path, at: words.indexOf(` ${path} `) }));
  return named.filter(({ at }) => at !== -1).sort((a, b) => a.at - b.at)[0]?.path;
}

function timeoutMs(text: string): number {
  const timeout_ms = parseDuration(text);
  if (timeout_ms === undefined) throw new InvalidArgumentError("Expected a duration such as 500ms, 30s, 5m, 1h or 2d.");
  if (timeout_ms > TIMER_MS_MAX) throw new InvalidArgumentError("24 days are the most.");
  return timeout_ms;
}

function leavesOf(command: CommanderCommand): CommanderCommand[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

/** The words after `ops`. */
function pathOf(command: CommanderCommand): string {
  const parent = command.parent === null || command.parent.parent === null ? "" : `${pathOf(command.parent)} `;
  return `${parent}${command.name()}`;
}

/** Makes the empty `node` the command that is declared. */
function declare(node: CommanderCommand, command: Command, carryOut: CarryOut): void {
  const { summary, notes, args, options, risk, asks, examples } = command;
  node.description(notes === undefined ? summary : `${summary}\n\n${reflowed(notes)}`);
  const positional = flagsOf(args);
  for (const { key, kind, required, description, choices } of positional) {
    const name = kind === "list" ? `${key}...` : key;
    const argument = new Argument(required ? `<${name}>` : `[${name}]`, description);
    node.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const flag of flagsOf(options)) node.addOption(optionOf(flag));
  if (risk !== "read") node.option("--dry-run", "say what would be done, change nothing");
  if (asks) node.option("--yes", "do not ask");
  node.addHelpText("after", `\nExamples:\n${examples.map((example) => `  npm run ops -- ${example}`).join("\n")}`);
  node.action(async () => {
    const words = node.processedArgs.map((value, index) => [positional[index]?.key ?? "", value] as const);
    const given = Object.entries(node.opts()).map(([name, value]) => [snakeCase(name), value] as const);
    await carryOut(command, node.optsWithGlobals<GlobalOptions>(), {
      ...inputOf(args, Object.fromEntries(words)),
      ...inputOf(options, Object.fromEntries(given)),
    });
  });
}

/**
 * commander takes the word behind an option for its value, be it an option as well: `--init --yes` would write keys into a folder `--yes`.
 * What is really called so is said with `=`.
 */
function refuseOptionAsValue(options: readonly Option[], argv: readonly string[], node: CommanderCommand): void {
  const end = argv.indexOf("--");
  const words = end === -1 ? argv : argv.slice(0, end);
  const known = new Map(options.map((option) => [option.long ?? "", option]));
  for (const [at, word] of words.entries()) {
    const next = words[at + 1] ?? "";
    const option = known.get(word);
    if (option?.required && known.has(next))
      node.error(`error: option '${option.flags}' argument missing before ${next}`);
  }
}

/** Lines of the source are no lines of the help, which is as wide as the terminal; where one ends a sentence, the next begins a line. */
function reflowed(notes: string): string {
  return notes.replaceAll(/(?<![.:\n])\n(?!\n)/g, " ");
}

function optionOf({ key, kind, placeholder, description, required, default: value, choices }: Flag): Option {
  const name = flagName(key);
  const words = kind === "switch" ? name : `${name} <${placeholder}>`;
  const option = new Option(words, kind === "list" ? `${description}; may be repeated` : description);
  option.makeOptionMandatory(required);
  // commander's own lists take every word that follows, arguments of the command as well.
  if (kind === "list") option.argParser<string[]>((word, before) => [...(before ?? []), word]);
  if (choices !== undefined) option.choices(choices);
  return kind === "switch" || value === undefined ? option : option.default(value);
}

/** commander names what `--key-file` gave `keyFile`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
