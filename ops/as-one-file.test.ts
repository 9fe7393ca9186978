import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { DAY_MS } from "../infra/limits.ts";
import { loadAsOneFile } from "./as-one-file.ts";

/** Loads the packages, in a process that may be the first to do so, and counts their own files. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  let files = 0;
  registerHooks({
    load(url, context, next) {
      if (/\\/node_modules\\/(cloudflare|age-encryption|@noble|zod)\\//.test(url)) files += 1;
      return next(url, context);
    },
  });
  await import(${JSON.stringify(new URL("./quick-modules.ts", import.meta.url).href)});
  const { z } = await import("zod");
  const { cloudflareSdk } = await import(${JSON.stringify(new URL("./cloudflare/sdk.ts", import.meta.url).href)});
  const { generateReader } = await import(${JSON.stringify(new URL("./backup/repository/key-file.ts", import.meta.url).href)});
  const Cloudflare = cloudflareSdk();
  const client = new Cloudflare({ apiToken: "none" });
  const { recipient } = await generateReader();
  console.log(JSON.stringify({ files, raw: typeof client.d1.database.raw, error: Cloudflare.APIError.name, recipient: recipient.slice(0, 4), text: z.string().parse("read") }));
`;

test("commands load the official client, age and zod as one file each, whichever of them makes it", async () => {
  const run = () => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", PROGRAM]);
  for (const { stdout } of await Promise.all([run(), run()]))
    expect(JSON.parse(stdout)).toEqual({
      files: 0,
      raw: "function",
      error: "APIError",
      recipient: "age1",
      text: "read",
    });
});

test("a new bundle takes the place of those that nobody uses any more; a fresh one may be another checkout's", () => {
  const cache = join(import.meta.dirname, "../node_modules/.cache/prism");
  const name = `probe-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), "as-one-file-"));
  const [entry, old, fresh] = [join(folder, `${name}.ts`), join(cache, `${name}-0.mjs`), join(cache, `${name}-1.mjs`)];
  for (const path of [old, `${old}.4711`, fresh]) writeFileSync(path, "");
  const then = new Date(Date.now() - 8 * DAY_MS);
  for (const path of [old, `${old}.4711`]) utimesSync(path, then, then);
  writeFileSync(entry, "export const said: string = 'hello';");
  expect(loadAsOneFile(entry)).toMatchObject({ said: "hello" });
  const kept = readdirSync(cache).filter((file) => file.startsWith(name));
  for (const file of kept) rmSync(join(cache, file));
  rmSync(folder, { recursive: true });
  expect([kept.length, kept.includes(`${name}-1.mjs`)]).toEqual([2, true]);
});
