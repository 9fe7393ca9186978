/**
 * The whole platform on one machine: the bundle in workerd with real engines, Vectorize and AI stand-ins, the
 * front proxy, Cloudflare's REST API and R2's S3 API over the same data.
 *
 * `startPlatform` is what `npm start`, the tests, the evals and the benches all use; several can run side by side,
 * each with its own folder and ports.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { bundleWorker } from "../infra/build.ts";
import { SERVICE, type VARIABLES } from "../infra/inventory.ts";
import type { PlatformFile } from "../ops/stack/platform-file.ts";
import { createAdminKey, firstAnswer } from "./admin-key.ts";
import { UpstreamUnreachable } from "./ai/openai-upstream.ts";
import { AiService, type AiUsage } from "./ai/service.ts";
import { diskOf, serveApis } from "./api-server.ts";
import { controlApi } from "./control.ts";
import { startCrons } from "./crons.ts";
import { FaultPlan } from "./faults.ts";
import { refuseForeignVectors } from "./foreign-vectors.ts";
import { FrontProxy } from "./front-proxy.ts";
import { migrate } from "./migrate.ts";
import { Registry } from "./registry.ts";
import { issuedTokens } from "./rest/account-tokens.ts";
import { restApi } from "./rest/api.ts";
import type { ApiToken } from "./rest/credentials.ts";
import { handleQueueBinding } from "./rest/queue-binding.ts";
import { QueueBroker } from "./rest/queue-broker.ts";
import { QueueStore } from "./rest/queue-store.ts";
import { Runtime } from "./runtime.ts";
import { s3Api } from "./s3/s3-api.ts";
import { UploadLedger } from "./s3/upload-ledger.ts";
import { seed } from "./seed.ts";
import { serveOnSocket } from "./socket-service.ts";
import { DataFolder, s3Credentials } from "./state.ts";
import type { Logpush } from "./telemetry/logpush.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { TimeTravel } from "./time-travel.ts";
import { handleVectorizeBinding } from "./vectorize/binding-service.ts";
import { vectorizeRest } from "./vectorize/rest.ts";
import { VectorizeStore } from "./vectorize/store.ts";
import { workerdPids } from "./watchdog.ts";
import { type ExtraWorker, liveVersion } from "./workerd.ts";

export interface PlatformOptions {
  /** Folder for all state; made when missing. Without it the platform is ephemeral: a temporary folder, removed at close. */
  data_dir?: string;
  /** Ports of the service and of the APIs; 0 (the default) picks free ones. */
  port?: number;
  api_port?: number;
  /** `empty`: nothing exists until somebody deploys, migrates and declares it; until then the service answers 503. */
  account?: "seeded" | "empty";
  /** Load the fault and clock shim beside the bundle; with a plan, whose clock holds from the beginning. */
  faults?: boolean | FaultPlan;
  /** What the simulated account pays for (see `RestApiDeps.plan`). */
  plan?: "free" | "paid";
  /** Cloudflare's budget of 1200 API requests in 5 minutes; off for benches and bulk tests. */
  api_budget?: boolean;
  /** Overrides of the Worker's variables. */
  variables?: Partial<Record<keyof typeof VARIABLES, string>>;
  extra_workers?: ExtraWorker[];
  /** Run the cron triggers by the clock; tests trigger them by hand. */
  crons?: boolean;
  /** Called with every log line of the Worker. */
  on_log?: (line: string) => void;
}

export interface Platform extends PlatformFile {
  /** Stops everything; an ephemeral platform leaves nothing behind. */
  close(): Promise<void>;
  /** Null unless started with `faults`. */
  faults: FaultPlan | null;
  s3_credentials: { access_key_id: string; secret_access_key: string };
  runtime: Runtime;
  vectorize: VectorizeStore;
  queues: QueueBroker;
  ai_usage: () => AiUsage;
  logpush: Logpush;
  /** Process id of workerd, for CPU accounting. Null where /proc is absent. */
  workerdPid(): number | null;
}

/** Starts a platform. Throws, with nothing left running, when a port or the folder is taken or workerd refuses the bundle. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const ephemeral = options.data_dir === undefined;
  const folder = new DataFolder(options.data_dir ?? mkdtempSync(join(tmpdir(), "prism-")));
  const undo: (() => unknown)[] = [() => folder.release(ephemeral)];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    folder.claim();
    return await assemble(options, folder, undo, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  options: PlatformOptions,
  folder: DataFolder,
  undo: (() => unknown)[],
  close: () => Promise<void>,
): Promise<Platform> {
  const identity = folder.identity();
  const faults = options.faults === true ? new FaultPlan() : options.faults || null;
  const now = () => faults?.now() ?? Date.now();
  const ai = AiService.fromEnvironment(process.env);
  const registry = new Registry(folder.file("registry.sqlite"));
  undo.push(() => registry.close());
  const vectorize = new VectorizeStore(folder.file("vectorize.sqlite"), { now });
  undo.push(() => vectorize.close());

  const built =
    options.account === "empty" ? null : Promise.all([bundleOnce(), dimensionsOf(ai, vectorize, options.on_log)]);
  // Waited for below; until then its failure is nobody's.
  built?.catch(() => {});

  // Messages kept from the last run are due at once, before workerd is up.
  const started = Promise.withResolvers<Runtime>();
  const queues = new QueueBroker({
    registry,
    store: new QueueStore(folder.file("queues.sqlite")),
    deliver: async (...batch) => (await started.promise).deliver(...batch),
    now,
  });
  const plan = options.plan ?? "free";
  const tokens = (): ApiToken[] => [
    identity.token,
    ...issuedTokens({ registry, account_id: identity.account_id }, now()),
  ];
  const credentials = () => tokens().map((token) => ({ ...s3Credentials(token), scopes: token.scopes }));
  const { account_id } = identity;
  const telemetry = openTelemetry({
    folder,
    registry,
    account_id,
    plan,
    now,
    runtime: started.promise,
    credentials,
  });
  undo.push(() => telemetry.close());
  // The hosts that `platform-worker.js` and its modules ask.
  const ends = new Map<string, (request: Request) => Promise<Response>>([
    ["vectorize", (request) => handleVectorizeBinding(vectorize, request)],
    ["ai", (request) => ai.handle(request)],
    ["queue", (request) => handleQueueBinding(queues, request)],
    ["telemetry", (request) => telemetry.intake.handle(request)],
  ]);
  const node = await serveOnSocket(async (request) => {
    const end = ends.get(new URL(request.url).hostname);
    return end ? end(request) : new Response(null, { status: 404 });
  });
  undo.push(() => node.close());
  const proxy = new FrontProxy(Math.random);
  undo.push(() => proxy.close());
  const port = await proxy.listen(options.port ?? 0);
  proxy.hold();
  const url = `http://127.0.0.1:${port}`;
  const runtime = new Runtime(
    identity.account_id,
    {
      registry,
      persist_dir: folder.engineDir,
      services: {
        node: node.address,
        faults: (script) => faults?.handle(script) ?? new Response(null, { status: 404 }),
      },
      gateway_secret: randomBytes(24).toString("base64url"),
      bucket_secret: identity.token.value,
      with_shim: faults !== null,
      extra_workers: options.extra_workers ?? [],
      on_log: options.on_log ?? (() => {}),
    },
    proxy,
    now,
  );
  undo.push(() => runtime.stop());
  undo.push(() => queues.close());
  // Where the start fails, its waiting messages go back to where they came from.
  started.promise.catch(() => {});
  undo.push(() => started.reject(new Error("the platform did not start")));
  const timeTravel = new TimeTravel({ engine: runtime, dir: folder.file("time-travel") });
  undo.push(() => timeTravel.close());
  const faces = {
    engine: runtime,
    ai,
    vectorize: vectorizeRest(vectorize),
    timeTravel,
    queues,
    logs: telemetry.logs,
    tails: telemetry.tails,
    points: telemetry.points,
    plan,
  };
  if (built) {
    const [{ code }, dimensions] = await built;
    await seed({
      // Not out of the budget of whoever calls the API afterwards.
      api: restApi({ ...faces, tokens: () => [identity.token], budget: false }),
      token: identity.token.value,
      account_id: identity.account_id,
      url,
      bundle: code,
      secrets: identity.secrets,
      embedding: { model: ai.embeddingModel, dimensions },
      variables: { PLAN: plan, ...ai.variables(process.env), ...options.variables },
    });
  }
  await runtime.start();
  const live = liveVersion(registry, SERVICE);
  const database = live?.bindings.find((binding) => binding.type === "d1");
  if (live && database) {
    const query: Parameters<typeof migrate>[0] = (queries) => runtime.queryD1(database.id, queries);
    await migrate(query);
    await refuseForeignVectors(query, live);
  }
  proxy.release();
  started.resolve(runtime);
  undo.push(() => telemetry.finish());
  if (options.crons) undo.push(startCrons(runtime));

  const apis = new Hono();
  apis.route("/local", controlApi(faults, identity.token.value));
  apis.route("/client/v4", restApi({ ...faces, tokens, budget: options.api_budget ?? true }));
  const uploads = new UploadLedger(folder.file("uploads.sqlite"));
  undo.push(() => uploads.close());
  const s3 = s3Api({
    engine: runtime,
    uploads,
    credentials,
    now: Date.now,
  });
  const apiServer = await serveApis(options.api_port ?? 0, apis, s3, telemetry.tails, diskOf(folder.path));
  undo.push(() => apiServer.close());
  undo.push(() => telemetry.tails.close());

  // A deployment may have brought secrets of its own.
  const apiSecret = live?.bindings.find(({ name }) => name === "API_SECRET");
  const api_secret = apiSecret?.type === "secret_text" ? apiSecret.text : identity.secrets.API_SECRET;
  if (live && identity.admin_key !== undefined) await firstAnswer(url);
  if (live) identity.admin_key ??= await createAdminKey(url, api_secret);
  folder.remember(identity);
  const announcement: PlatformFile = {
    pid: process.pid,
    url,
    api_url: `http://127.0.0.1:${apiServer.port}/client/v4`,
    s3_url: `http://127.0.0.1:${apiServer.port}`,
    account_id: identity.account_id,
    api_token: identity.token.value,
    admin_key: identity.admin_key ?? "",
    api_secret,
  };
  folder.announce(announcement);
  return {
    ...announcement,
    close,
    faults,
    s3_credentials: s3Credentials(identity.token),
    runtime,
    vectorize,
    queues,
    logpush: telemetry.logpush,
    ai_usage: () => ({ ...ai.usage }),
    workerdPid: () => workerdPids()[0] ?? null,
  };
}

let bundled: ReturnType<typeof bundleWorker> | null = null;

/** The sources as this process found them first, which is what its own modules are of, too. */
function bundleOnce(): ReturnType<typeof bundleWorker> {
  bundled ??= bundleWorker();
  return bundled;
}

/**
 * Dimensions of the embedding model; null where its server is not there but data from before is, which full text can serve.
 * Throws where neither is there.
 */
async function dimensionsOf(
  ai: AiService,
  vectorize: VectorizeStore,
  on_log: PlatformOptions["on_log"],
): Promise<number | null> {
  try {
    return await ai.embeddingDimensions(on_log);
  } catch (error) {
    if (!(error instanceof UpstreamUnreachable) || vectorize.listIndexes().length === 0) throw error;
    on_log?.(
      `Warning: ${error.message} Until it is, searches are from full text, and questions get passages for answers.`,
    );
    return null;
  }
}
