/** `npm run ops -- <command>`: runs the command that is named, and turns every failure into words and an exit code. */
import { CommanderError } from "commander";
import { z } from "zod";
import { buildProgram, pathIn } from "./command/command-line.ts";
import { asOpsError, EXIT, OpsError, renderError } from "./command/errors.ts";
import { usesColour } from "./command/output.ts";
import { commandAt } from "./registry.ts";

/** What commander refuses is a usage error; its own help and version exits are none (undefined). */
function usageError(error: CommanderError, argv: readonly string[], path: string): OpsError | undefined {
  if (error.exitCode === 0) return undefined;
  const cause = error.code === "commander.help" ? "a command is missing" : error.message.replace(/^error: /, "");
  return new OpsError(
    {
      op: "understand",
      subject: ["ops", ...argv].join(" "),
      cause: cause.replaceAll(/\.?\n/g, " ").replace(/\.$/, ""),
      hint: ["npm run ops --", path, "--help"].filter(Boolean).join(" "),
    },
    { exit_code: EXIT.usage, error },
  );
}

async function main(argv: string[]): Promise<void> {
  const described = argv.includes("--json-schema") ? pathIn(argv) : undefined;
  if (described !== undefined) {
    const schema = z.toJSONSchema((await commandAt(described)).output, { io: "input" });
    process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    return;
  }
  const { program, reached } = await buildProgram(argv);
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageError(thrown, argv, reached()) : asOpsError(thrown);
    if (error === undefined) return;
    if (argv.includes("--json"))
      process.stdout.write(`${JSON.stringify({ error: { ...error.parts, reason: error.reason ?? null } })}\n`);
    const verbose = argv.includes("--verbose") || (process.env.DEBUG ?? "") !== "";
    process.stderr.write(renderError(error, { colour: usesColour(process.stderr, process.env), verbose }));
    process.exitCode = error.exit_code;
  }
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
await main(process.argv.slice(2));
