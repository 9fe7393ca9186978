/** What nobody uses, by syntax trees (`npm run unused`): files, exports, dependencies. Exceptions are `{ id, reason }`. */
import type { KnipConfig } from "knip";

/** Started by path, not imported. */
const STARTED = [
  { id: ".ci/count-tests.mjs", reason: "`.ci/run`" },
  { id: ".ci/json-seen.mjs", reason: "`.ci/run`" },
  { id: "worker/browser/{dashboard,ask}.ts", reason: "bundled for browsers by `infra/page-scripts.ts`" },
  { id: "local/main.ts", reason: "`npm start`, which hands its process over (`exec`)" },
  { id: "ops/convert/parser-process.ts", reason: "the process of `convert-file.ts`" },
  { id: "local/pulumi/main.ts", reason: "the executable `pulumi-resource-cloudflare`" },
  { id: "infra/engine/language-host/main.ts", reason: "the executable `pulumi-language-nodejs`" },
  { id: "infra/provider/main.ts", reason: "the executable `pulumi-resource-vectorize`" },
  { id: "infra/policy/main.ts", reason: "the executable `pulumi-analyzer-prism`" },
  { id: "infra/policy/index.ts", reason: "Pulumi, by `main` of the pack's package.json" },
  { id: "infra/unprotected-store.fixture.ts", reason: "the real engine, in `life-cycle-engine.test.ts`" },
  { id: "local/telemetry/data-points.js", reason: "a module of workerd, read by `workerd.ts`" },
  { id: "local/shim.js", reason: "a module of workerd, read by `workerd.ts`" },
  { id: "local/**/*-worker.js", reason: "modules of workerd, read by the Node.js end beside each" },
  { id: "local/bench-peers/*.ts", reason: "bare Workers that `bench http` bundles" },
  { id: "ops/backup/repository/crash-disk.fixture.ts", reason: "loaded by processes of `crash-points.fixture.ts`" },
  { id: "ops/command/command-host-process.fixture.ts", reason: "a process of `command-host.fixture.ts`" },
  { id: "ops/backup/repository/crash-work.fixture.ts", reason: "a process of `crash-slow.test.ts`" },
];

const DEPENDENCIES = [{ id: "wrangler", reason: "its commands, for people; wrangler.jsonc is generated for it" }];

const PROGRAMS = [
  { id: "sqlite3", reason: "the system's, where there is one: `export-slow.test.ts`" },
  { id: "script", reason: "the system's, of every Linux: a terminal for `prompt.test.ts`" },
];

const MODULES = [
  { id: "./worker.js", reason: "the bundle, which workerd has beside `shim.js`" },
  { id: "./datasets.js", reason: "written by `workerd.ts` for each Worker" },
];

const ids = (exceptions: readonly { id: string; reason: string }[]) => exceptions.map(({ id }) => id);

export default {
  entry: ids(STARTED),
  project: ["**/*.{ts,js,mjs}"],
  vitest: { config: ["vitest.config.ts", "vitest-slow.config.ts", "infra/vitest-engine.config.ts"] },
  ignoreDependencies: ids(DEPENDENCIES),
  ignoreBinaries: ids(PROGRAMS),
  ignoreUnresolved: ids(MODULES),
  // An exception that is no longer needed is an error, too.
  treatConfigHintsAsErrors: true,
} satisfies KnipConfig;
