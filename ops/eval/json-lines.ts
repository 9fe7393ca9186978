/** Files of one JSON object a line, as data sets are kept. */
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { misuse, type OpsError } from "../command/errors.ts";

/**
 * The objects of a file; blank lines are skipped.
 * @throws OpsError naming the file, and the line that is not as the schema says; `layout` completes "give …".
 */
export async function readJsonLines<T>(schema: z.ZodType<T>, path: string, layout: string): Promise<T[]> {
  const refuse = (cause: string, error: unknown): OpsError =>
    misuse({ op: "read data set", subject: path, cause, hint: `give ${layout}` }, error);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw refuse((error as Error).message, error);
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [schema.parse(JSON.parse(line))];
    } catch (error) {
      throw refuse(`line ${index + 1} is not the JSON object it should be`, error);
    }
  });
}
