/** The Worker as it would be without telemetry, beside the one that serves: what log line, data point and meter cost is the difference. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { WORKER_BUNDLE } from "../../infra/build.ts";
import { COMPATIBILITY, nameInStack, SERVICE } from "../../infra/inventory.ts";

import { createCloudflare } from "../cloudflare/api.ts";
import { mainVersion, workerVersions } from "../cloudflare/worker-versions.ts";
import { versionOverride } from "../delivery/traffic.ts";
import type { PlatformFile } from "../stack/platform-file.ts";

const ROOT = join(import.meta.dirname, "../..");
const SINK = join(ROOT, "worker/telemetry/sink.ts");
/** A unit of work still waits for what it has used to settle: that is the stream's business, not telemetry's. */
const SILENT_SINK = "export async function conclude(unit) { await unit.usage.settled; }";
const MAIN_MODULE = "worker.js";

/**
 * Uploads the checkout's Worker without `telemetry/sink.ts`, with the live version's bindings, and gives it 0 % of the traffic.
 * Returns the headers with which a request reaches it.
 */
export async function deployWithoutTelemetry(
  platform: PlatformFile,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const { api_url, account_id, api_token } = platform;
  const client = createCloudflare({ api_url, account_id, token: api_token }, { signal });
  const script = nameInStack(SERVICE, "local");
  const versions = workerVersions(client, account_id, script);
  const [live] = await versions.deployments();
  if (live === undefined) throw new Error("a platform that has started has a deployment");
  const previous = mainVersion(live);
  const { bindings } = await versions.version(previous);
  const { id } = await client.workers.beta.workers.versions.create(script, {
    account_id,
    main_module: MAIN_MODULE,
    modules: [
      {
        name: MAIN_MODULE,
        content_type: "application/javascript+module",
        content_base64: Buffer.from(await silentBundle()).toString("base64"),
      },
    ],
    compatibility_date: COMPATIBILITY.date,
    compatibility_flags: [...COMPATIBILITY.flags],
    bindings: bindings.map(({ name }) => ({ type: "inherit" as const, name: String(name) })),
  });
  await versions.deploy([
    { version_id: previous, percentage: 100 },
    { version_id: id, percentage: 0 },
  ]);
  return versionOverride(script, id);
}

async function silentBundle(): Promise<string> {
  const { outputFiles } = await build({
    ...WORKER_BUNDLE,
    entryPoints: [join(ROOT, "worker/index.ts")],
    write: false,
    plugins: [
      ...WORKER_BUNDLE.plugins,
      {
        name: "without telemetry",
        setup: ({ onLoad }) => {
          onLoad({ filter: /sink\.ts$/ }, async ({ path }) => ({
            contents: path === SINK ? SILENT_SINK : await readFile(path, "utf8"),
            loader: "ts",
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? "";
}
