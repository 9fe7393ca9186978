/** `npm run ops -- <command>`: the words of a shell, carried out in a process of their own. */
import { runWords } from "./command/run-words.ts";

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
process.exitCode = await runWords(process.argv.slice(2), process);
