/** The official client, loaded on use and as one file. */
import { join } from "node:path";
import { loadAsOneFile } from "../as-one-file.ts";

type Sdk = typeof import("./official.ts");

let sdk: Sdk["Cloudflare"] | undefined;

/** The class itself: `new (cloudflareSdk())(…)`, `cloudflareSdk().APIError`. */
export function cloudflareSdk(): Sdk["Cloudflare"] {
  sdk ??= (loadAsOneFile(join(import.meta.dirname, "official.ts")) as Sdk).Cloudflare;
  return sdk;
}
