/** The stand-in provider's process. Only tests put its folder on PATH, before any real provider. */
import { servePlugin } from "../provider/plugin-server.ts";
import { cloudflareStandIn } from "./cloudflare.ts";
import { PackageTypes } from "./package-types.ts";

await servePlugin(() => cloudflareStandIn(new PackageTypes(), process.env), process.argv.slice(2));
