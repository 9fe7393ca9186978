/** `npm run ops -- <command>`: the words of a shell, carried out in a process of their own. */
import "./quick-modules.ts";

// What is imported here is found in the quick way, and no sooner.
const { EXIT, OpsError, renderError } = await import("./command/errors.ts");
const { usesColour } = await import("./command/output.ts");
const { runWords } = await import("./command/run-words.ts");

/** Why what a command came to could not be printed; null while it could. */
let unprinted: NodeJS.ErrnoException | null = null;
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) is no failure, and of news no loss is: what was begun goes on.
    if (error.code !== "EPIPE" && stream === process.stdout) unprinted ??= error;
  });
}
// Known only when all is written.
process.once("exit", () => {
  if (unprinted === null) return;
  const error = new OpsError({
    op: "print",
    subject: "what the command came to",
    cause: unprinted.message,
    hint: "it was done all the same: see that there is room where stdout leads, and repeat what only reads",
  });
  process.stderr.write(renderError(error, { colour: usesColour(process.stderr, process.env), verbose: false }));
  process.exitCode = EXIT.partial;
});
process.exitCode = await runWords(process.argv.slice(2), process);
