import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Loads the client twice, in two processes that may both be the first, and counts the package's own files. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  let files = 0;
  registerHooks({
    load(url, context, next) {
      if (url.includes("/node_modules/cloudflare/")) files += 1;
      return next(url, context);
    },
  });
  const { cloudflareSdk } = await import(${JSON.stringify(new URL("./sdk.ts", import.meta.url).href)});
  const Cloudflare = cloudflareSdk();
  const client = new Cloudflare({ apiToken: "none" });
  console.log(JSON.stringify({ files, raw: typeof client.d1.database.raw, error: Cloudflare.APIError.name }));
`;

test("commands load the official client as one file, whichever of them makes it", async () => {
  const run = () => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", PROGRAM]);
  for (const { stdout } of await Promise.all([run(), run()]))
    expect(JSON.parse(stdout)).toEqual({ files: 0, raw: "function", error: "APIError" });
});
