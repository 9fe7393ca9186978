/** The stand-in provider's process. Only tests put its folder on PATH, before any real provider. */
import { servePlugin } from "../../infra/provider/plugin-server.ts";
import { PROGRAM_FOLDER } from "./nouns.ts";
import { PackageTypes } from "./package-types.ts";
import { cloudflareStandIn } from "./stand-in-provider.ts";

if (process.cwd() !== PROGRAM_FOLDER)
  throw new Error(`started in ${process.cwd()}: paths that the program declares are relative to ${PROGRAM_FOLDER}`);
await servePlugin(() => cloudflareStandIn(new PackageTypes(), process.env), process.argv.slice(2));
