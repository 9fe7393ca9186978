/**
 * Why files could not be converted, by what they hold and by which converter: kept in the data folder, so that a run does not take
 * their time again. What only came of a busy machine is not kept.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeOutput } from "../command/output-file.ts";
import { INDEX_REFUSALS_KEPT } from "../limits.ts";
import { makeFolder } from "../storage/make-folder.ts";

const FILE = "refused-files.json";
const kept = z.record(z.string(), z.string());

/** Reasons by `source_hash`; oldest use first. */
export type Refusals = Map<string, string>;

/** None where none were kept, or what was kept cannot be read: they are found again. */
export async function readRefusals(data_dir: string): Promise<Refusals> {
  const text = await readFile(join(data_dir, FILE), "utf8").catch(() => "{}");
  try {
    return new Map(Object.entries(kept.parse(JSON.parse(text))));
  } catch {
    return new Map();
  }
}

/** Keeps the last `INDEX_REFUSALS_KEPT`. @throws OpsError where the data folder takes no file. */
export async function keepRefusals(data_dir: string, refusals: Refusals): Promise<void> {
  makeFolder(data_dir);
  const last = [...refusals].slice(-INDEX_REFUSALS_KEPT);
  const place = { op: "keep what could not be converted in", mode: 0o600 };
  await writeOutput(join(data_dir, FILE), place, async () => `${JSON.stringify(Object.fromEntries(last))}\n`);
}
