/**
 * Imports that are found with less to do, for whoever imports this file first. A command reads some three hundred modules before its first
 * request, a fifth of what a small backup costs: its own files name each other whole, so that nothing has to be looked for, and zod comes as
 * one file in place of ninety-five, most of them messages in other languages.
 */
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { asOneFile } from "./as-one-file.ts";

let zod: string | null | undefined;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith(".") && specifier.endsWith(".ts") && context.parentURL !== undefined)
      return { url: new URL(specifier, context.parentURL).href, format: "module-typescript", shortCircuit: true };
    if (specifier !== "zod") return next(specifier, context);
    const found = next(specifier, context);
    zod = zod === undefined ? asOneFile(fileURLToPath(found.url)) : zod;
    return zod === null ? found : { url: pathToFileURL(zod).href, format: "module", shortCircuit: true };
  },
});
