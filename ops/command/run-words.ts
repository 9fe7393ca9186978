/** Runs the command that is named, and turns every failure into words and an exit code. */
import { CommanderError } from "commander";
import { z } from "zod";
import { commandAt } from "../registry.ts";
import { addressed, type Whereabouts } from "./addressed.ts";
import { buildProgram, pathIn } from "./command-line.ts";
import { asOpsError, EXIT, misuse, type OpsError, renderError } from "./errors.ts";
import { usesColour } from "./output.ts";
import { perform } from "./perform.ts";
import type { Shell } from "./shell.ts";

/** Returns the exit code. */
export async function runWords(argv: readonly string[], shell: Shell): Promise<number> {
  const described = argv.includes("--json-schema") ? pathIn(argv) : undefined;
  if (described !== undefined) {
    const schema = z.toJSONSchema((await commandAt(described)).output, { io: "input" });
    shell.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    return EXIT.done;
  }
  let exit_code: number = EXIT.done;
  let backups: Pick<Whereabouts, "repository" | "key_files"> = {};
  const { program, reached } = await buildProgram(argv, shell, async (...named) => {
    const [, , given] = named;
    const { repository, key_file } = given;
    backups = {
      repository: typeof repository === "string" ? await placeTold(repository) : undefined,
      key_files: Array.isArray(key_file) ? key_file.map(String) : [],
    };
    exit_code = await perform(...named, shell, where());
  });
  const typed = (name: string): string | undefined =>
    program.getOptionValueSource(name) === "cli" ? program.getOptionValue(name) : undefined;
  const where = (): Whereabouts => ({ stack: typed("stack"), data: typed("data"), ...backups });
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, argv, reached()) : asOpsError(thrown);
    if (error === undefined) return EXIT.done;
    const { parts, reason = null } = error;
    if (argv.includes("--json"))
      shell.stdout.write(`${JSON.stringify({ error: { ...parts, hint: addressed(parts.hint, where()), reason } })}\n`);
    const verbose = argv.includes("--verbose") || (shell.env.DEBUG ?? "") !== "";
    const told = renderError(error, { colour: usesColour(shell.stderr, shell.env), verbose });
    shell.stderr.write(addressed(told, where()));
    return error.exit_code;
  }
  return exit_code;
}

/** As it may be printed; undefined for an address that is none. */
async function placeTold(given: string): Promise<string | undefined> {
  // Loaded on use: most commands know nothing of storages.
  const { keptPlace } = await import("../backup/place.ts");
  try {
    return keptPlace(given);
  } catch {
    return undefined;
  }
}

/** What commander refuses is a usage error; its own help and version exits are none (undefined). */
function usageError(error: CommanderError, argv: readonly string[], path: string): OpsError | undefined {
  if (error.exitCode === 0) return undefined;
  const cause = error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, "");
  // Somebody may know only the name of what it has replaced.
  const isForeign = path === "" && error.code === "commander.unknownCommand";
  return misuse(
    {
      op: "understand",
      subject: ["ops", ...argv].join(" "),
      cause: cause.replaceAll(/\.?\n/g, " ").replace(/\.$/, ""),
      hint: `${["npm run ops --", path, "--help"].filter(Boolean).join(" ")}${isForeign ? "; what became of an old script: docs/old-procedures.md" : ""}`,
    },
    error,
  );
}
