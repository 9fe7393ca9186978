/**
 * From the registry to workerd: which Workers run, with which bindings.
 *
 * D1, KV, R2, Durable Objects and rate limits are workerd's and Miniflare's own engines. Vectorize, Workers AI and
 * Queues are Workers of our own with the official interfaces, forwarding to Node: the first two have no local engine,
 * and Miniflare's queues lose their messages at every reload.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, type MiniflareOptions, type V4WorkerOptions } from "miniflare";
import { COMPATIBILITY } from "../infra/inventory.ts";
import { bucketStorageName } from "./bucket-storage.ts";
import { durableObjectFile } from "./durable-object-file.ts";
import { eventsBinding } from "./events.ts";
import type { DeploymentRecord, Registry, VersionRecord } from "./registry.ts";
import { D1_GATEWAY_FLAG } from "./rest/d1-gateway.ts";
import { SOURCE_MAP } from "./rest/script-upload.ts";
import { bindingOptions, hiddenName, PLATFORM_WORKER, workerName } from "./worker-bindings.ts";

const ABORT_SIGNAL_RPC = "enable_abortsignal_rpc";

/** A Worker beside the product, e.g. a bench peer: plain ES module source and its own D1 databases. */
export interface ExtraWorker {
  name: string;
  script: string;
  /** Binding name → database id. */
  d1?: Record<string, string>;
}

export interface WorkerdInputs {
  registry: Registry;
  /** Folder for the engines' files. */
  persist_dir: string;
  /** Address of the Node ends of the platform's own Worker, and the fault plan. */
  services: { node: string; faults: (script: string) => Response };
  /**
   * Opens the platform's own Worker, whose sockets any local process could reach otherwise, and is part of every Worker's name: Miniflare's
   * own port, which its Node side needs, hands a request to whatever Worker it names.
   */
  gateway_secret: string;
  /** As lasting as `persist_dir`: part of the names under which workerd keeps buckets. */
  bucket_secret: string;
  with_shim: boolean;
  extra_workers: ExtraWorker[];
  on_log: (line: string) => void;
}

/**
 * Entrypoints of the platform's own Worker that Node reaches by sockets: it holds one binding for every registered resource
 * (`d1:<id>`, `r2:<name>` …), for the REST and S3 faces, sends events and hears of invocations. None has a public route.
 */
const GATEWAYS = ["d1", "events", "kv", "r2", "telemetry"] as const;
export type Gateway = (typeof GATEWAYS)[number];

/** The live deployment of a script: the newest one. */
export function liveDeployment(registry: Registry, script: string): DeploymentRecord | undefined {
  return registry.list("deployment").findLast((deployment) => deployment.script_name === script);
}

/** The versions of a script that answer requests now, the one that answers most first. */
export function liveVersions(registry: Registry, script: string): { record: VersionRecord; percentage: number }[] {
  return (liveDeployment(registry, script)?.versions ?? [])
    .toSorted((a, b) => b.percentage - a.percentage)
    .flatMap(({ version_id, percentage }) => {
      const record = registry.get("version", version_id);
      return record ? [{ record, percentage }] : [];
    });
}

export function liveVersion(registry: Registry, script: string): VersionRecord | undefined {
  return liveVersions(registry, script)[0]?.record;
}

/** File of a D1 database below the engines' folder. */
export function d1FilePath(persist_dir: string, databaseId: string): string {
  return durableObjectFile(join(persist_dir, "d1"), "D1DatabaseObject", databaseId);
}

/** Files and folders of a store. */
export function storePaths(
  { persist_dir, bucket_secret }: Pick<WorkerdInputs, "persist_dir" | "bucket_secret">,
  kind: "d1" | "kv" | "r2",
  id: string,
): string[] {
  if (kind === "d1") return ["", "-wal", "-shm"].map((ending) => `${d1FilePath(persist_dir, id)}${ending}`);
  // KV and R2 keep blobs in a folder named by id beside the metadata objects.
  return [join(persist_dir, kind, kind === "r2" ? bucketStorageName(id, bucket_secret) : id)];
}

/**
 * The whole configuration of workerd for what the registry says now. `socket` gives the path of the Unix socket where a Worker
 * behind the front proxy listens: a port would be open to whoever claims to be the proxy.
 */
export function workerdOptions(inputs: WorkerdInputs, socket: (name: string) => string): MiniflareOptions {
  const { registry } = inputs;
  const workers = [platformWorker(inputs)];
  for (const script of registry.list("script")) {
    const deployment = liveDeployment(registry, script.id);
    if (!deployment) continue;
    const versions = deployment.versions
      .toSorted((a, b) => b.percentage - a.percentage)
      .flatMap(({ version_id }) => registry.get("version", version_id) ?? []);
    for (const version of versions) workers.push(versionWorker(inputs, version, versions[0] ?? version, socket));
  }
  workers.push(
    ...inputs.extra_workers.map(
      ({ name, script, d1 }): V4WorkerOptions => ({
        name: hiddenName(peerName(name), inputs),
        ...esModules({ "worker.js": script }),
        d1Databases: d1 ?? {},
        unsafeDirectSockets: [onSocket(socket(peerName(name)))],
      }),
    ),
  );
  return convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    telemetry: { enabled: false },
    logRequests: false,
    resourcePersistencePath: inputs.persist_dir,
    handleStructuredLogs: ({ message }) => inputs.on_log(message),
    workers,
  });
}

/** The name of a Worker beside the product. */
export function peerName(name: string): string {
  return `peer--${name}`;
}

/** Miniflare writes a port behind whatever host it is given: workerd's file is called `<path>:0`. */
function onSocket(path: string) {
  return { host: `unix:${path.slice(0, -SOCKET_ENDING.length)}`, port: 0 };
}

/** Ending of every path that `socket` may give. */
export const SOCKET_ENDING = ":0";

/** ES modules from sources, the entry first. */
function esModules(sources: Record<string, string>) {
  return {
    modules: Object.entries(sources).map(([path, contents]) => esModule(path, contents)),
    compatibilityDate: COMPATIBILITY.date,
  };
}

function esModule(path: string, contents: string) {
  return { type: "ESModule" as const, path, contents };
}

/** A module of the platform, under the path at which it lies here. */
function ownModule(path: string) {
  return esModule(path, readFileSync(join(import.meta.dirname, path), "utf8"));
}

/** The modules of the platform's own Worker, the entry first. */
const PLATFORM_MODULES = [
  "platform-worker.js",
  "ai/binding-worker.js",
  "events-worker.js",
  "rest/d1-gateway-worker.js",
  "rest/kv-gateway-worker.js",
  "rest/queue-binding-worker.js",
  "s3/r2-gateway-worker.js",
  "telemetry/intake-worker.js",
  "vectorize/binding-worker.js",
];

/** The platform's own Worker, with what the registry says that it needs bindings for. */
export function platformWorker(
  inputs: Pick<WorkerdInputs, "registry" | "gateway_secret" | "bucket_secret"> & { services: { node: string } },
): V4WorkerOptions {
  const { registry, gateway_secret, bucket_secret } = inputs;
  return {
    name: hiddenName(PLATFORM_WORKER, inputs),
    ...esModules(
      Object.fromEntries(PLATFORM_MODULES.map((path) => [path, readFileSync(join(import.meta.dirname, path), "utf8")])),
    ),
    compatibilityFlags: [ABORT_SIGNAL_RPC, D1_GATEWAY_FLAG, "service_binding_extra_handlers"],
    bindings: { GATEWAY_SECRET: gateway_secret },
    serviceBindings: {
      NODE: { external: { address: inputs.services.node, http: {} } },
      ...Object.fromEntries(
        registry.list("script").flatMap(({ id }) => {
          const live = liveVersion(registry, id);
          return live ? [[eventsBinding(id), hiddenName(workerName(live), inputs)]] : [];
        }),
      ),
    },
    unsafeDirectSockets: GATEWAYS.map((entrypoint) => ({ host: "127.0.0.1", port: 0, entrypoint })),
    d1Databases: Object.fromEntries(registry.list("d1").map(({ uuid }) => [`d1:${uuid}`, uuid])),
    kvNamespaces: Object.fromEntries(registry.list("kv").map(({ id }) => [`kv:${id}`, id])),
    r2Buckets: Object.fromEntries(
      registry.list("r2").map(({ name }) => [`r2:${name}`, bucketStorageName(name, bucket_secret)]),
    ),
  };
}

/** Stands before the code of each Worker that has a dataset of Analytics Engine. */
const DATA_POINTS = "telemetry/data-points.js";
/** The names of its bindings. */
const DATASETS = "telemetry/datasets.js";

/**
 * One version of a script. With two versions live, the one with the larger share (`primary`) owns the Durable
 * Objects, as workerd lets only one Worker do.
 */
function versionWorker(
  inputs: WorkerdInputs,
  version: VersionRecord,
  primary: VersionRecord,
  socket: (name: string) => string,
): V4WorkerOptions {
  const datasets = version.bindings.flatMap(({ type, name }) => (type === "analytics_engine" ? [name] : []));
  // Runs before the bundle's own code, and on its first line: stack traces keep their lines.
  const prelude = datasets.length === 0 ? "" : `import "./${DATA_POINTS}";`;
  const modules = Object.entries(version.modules)
    // Kept for stack traces; code to nobody.
    .filter(([, { content_type }]) => content_type !== SOURCE_MAP)
    .map(([path, { content }]) =>
      path === version.main_module ? esModule("worker.js", prelude + content) : esModule(path, content),
    )
    // workerd starts at the first module, whatever the order of the upload.
    .toSorted((a, b) => Number(b.path === "worker.js") - Number(a.path === "worker.js"));
  const names = esModule(DATASETS, `export default ${JSON.stringify(datasets)};`);
  const beside = prelude === "" ? [] : [ownModule(DATA_POINTS), names];
  const options: V4WorkerOptions = {
    name: hiddenName(workerName(version), inputs),
    modules: [...(inputs.with_shim ? [ownModule("shim.js")] : []), ...modules, ...beside],
    compatibilityDate: version.compatibility_date,
    // The AI binding is RPC here, not on Cloudflare: its `signal` must pass.
    compatibilityFlags: [...version.compatibility_flags, ABORT_SIGNAL_RPC],
    unsafeDirectSockets: [onSocket(socket(workerName(version)))],
    tails: [
      {
        name: hiddenName(PLATFORM_WORKER, inputs),
        entrypoint: "Traces",
        props: { script_name: version.script_name, version_id: version.id },
      },
    ],
    ...bindingOptions(inputs, version, primary),
  };
  if (inputs.with_shim) {
    options.serviceBindings = {
      ...options.serviceBindings,
      __PRISM_FAULTS: (() => inputs.services.faults(version.script_name)) as never,
    };
  }
  return options;
}
