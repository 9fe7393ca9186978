/**
 * Imports that are found with less to do, for whoever imports this file first. A command reads some three hundred modules before its first
 * request, a fifth of what a small backup costs: its own files name each other whole, so that nothing has to be looked for, and zod comes as
 * one file in place of ninety-five, most of them messages in other languages, commander as one in place of seven.
 */
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { asOneFile } from "./as-one-file.ts";

const AS_ONE_FILE: ReadonlySet<string> = new Set(["zod", "commander"]);
/** By package: its file's address, null where it could not be made. */
const made = new Map<string, string | null>();

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith(".") && specifier.endsWith(".ts") && context.parentURL !== undefined)
      return { url: new URL(specifier, context.parentURL).href, format: "module-typescript", shortCircuit: true };
    if (!AS_ONE_FILE.has(specifier)) return next(specifier, context);
    let url = made.get(specifier);
    if (url === undefined) {
      const path = asOneFile(fileURLToPath(next(specifier, context).url));
      url = path && pathToFileURL(path).href;
      made.set(specifier, url);
    }
    return url === null ? next(specifier, context) : { url, format: "module", shortCircuit: true };
  },
});
