/**
 * Runs the Pulumi program in this process under a monitor that records what it declares, options included. No engine:
 * nothing is planned, compared or created.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as pulumi from "@pulumi/pulumi";
import type { Mocks } from "@pulumi/pulumi/runtime/mocks.js";
import { vi } from "vitest";
import { SECRETS, type Stack } from "./inventory.ts";
import type { StackOutputs } from "./outputs.ts";
import { type DeclaredResource, hearRegistrations, settled } from "./program-monitor.ts";

export interface Program {
  resources: DeclaredResource[];
  outputs: StackOutputs;
  /** Paths in the outputs that are secret. */
  secret_outputs: string[];
  warnings: string[];
  /** All resources of a type, e.g. `D1Database`. */
  all(type: string): DeclaredResource[];
  /** The resource of this name. Throws when there is none. */
  named(name: string): DeclaredResource;
}

interface ProgramOptions {
  stack?: Stack;
  /** Keys without the project's prefix; structures as such. Added to a complete configuration; undefined removes one. */
  config?: Record<string, unknown>;
  /** Alert types that the account has. */
  alerts?: string[];
  /** Rate plans that the account is subscribed to; by default those of the configured plan. */
  subscriptions?: string[];
  /** Status with which Cloudflare answers a request whose path holds the key. */
  failing?: Record<string, number>;
  /** Gets what is declared while it is, for programs that stop half-way. */
  declared?: DeclaredResource[];
  /** Permission groups that Cloudflare does not know. */
  unknown_permissions?: string[];
}

export const ACCOUNT_ID = "0123456789abcdef0123456789abcdef";
export const ALERTS = [
  "billing_usage_alert",
  "incident_alert",
  "maintenance_event_notification",
  "security_insights_alert",
];
export const ZONE = { id: "fedcba9876543210fedcba9876543210", hostname: "api.example.com" };
/** Some module: most tests do not ask what the Worker does, and building it takes longer than they do. */
const SMALL_BUNDLE = "local/shim.js";
export const secretOf = (name: string) => `${name.toLowerCase()}-0123456789-0123456789-0123456789`;

function settings(options: ProgramOptions): Record<string, string> {
  const expiry_ms = Date.now() + 60 * 86_400_000;
  const config: Record<string, unknown> = {
    accountId: ACCOUNT_ID,
    plan: "free",
    tokensExpire: new Date(expiry_ms).toISOString().slice(0, 10),
    bundle: SMALL_BUNDLE,
    watchdogBundle: SMALL_BUNDLE,
    ...Object.fromEntries(SECRETS.map((name) => [name, secretOf(name)])),
    ...options.config,
  };
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) =>
      value === undefined ? [] : [[`prism:${key}`, typeof value === "object" ? JSON.stringify(value) : String(value)]],
    ),
  );
}

/** Runs the program once. Rejects with its error when it refuses to be declared. */
export async function runProgram(options: ProgramOptions = {}): Promise<Program> {
  const { stack = "production" } = options;
  const resources = options.declared ?? [];
  const warnings: string[] = [];
  const mocks: Mocks = {
    newResource: ({ type, name, inputs }) => ({
      id: `${name}-id`,
      state: { ...inputs, ...computed(type, name, inputs) },
    }),
    call: ({ token, inputs }) => {
      if (!token.endsWith("getAccountApiTokenPermissionGroupsList")) throw new Error(`unexpected call ${token}`);
      return { ...inputs, results: permissionGroups(options.unknown_permissions ?? []) };
    },
  };
  const api = await serveAnswers(options);
  vi.stubEnv("CLOUDFLARE_BASE_URL", api.url);
  vi.stubEnv("CLOUDFLARE_API_TOKEN", "token-of-the-tests");
  vi.resetModules();
  const log = vi.spyOn(pulumi.log, "warn").mockImplementation(async (message) => void warnings.push(message));
  try {
    await pulumi.runtime.setMocks(mocks, "prism", stack);
    hearRegistrations((registration) => resources.push(registration));
    pulumi.runtime.setAllConfig(settings(options));
    const { default: exported } = await import("./index.ts");
    const outputs = pulumi.output(exported);
    const value = await settled(outputs);
    const secret_outputs: string[] = [];
    await findSecrets(exported, "", secret_outputs);
    await pulumi.runtime.disconnect();
    return {
      resources,
      outputs: value as StackOutputs,
      secret_outputs,
      warnings,
      all: (type) => resources.filter((resource) => resource.type.endsWith(`:${type}`)),
      named: (name) => {
        const found = resources.find((resource) => resource.name === name);
        if (!found)
          throw new Error(`${name} is not declared; there are ${resources.map((each) => each.name).join(", ")}`);
        return found;
      },
    };
  } finally {
    log.mockRestore();
    vi.unstubAllEnvs();
    await api.close();
  }
}

/** What Cloudflare would add to a resource. */
function computed(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  switch (type.split(":").at(-1)) {
    case "AccountToken":
      return { value: `value-of-${name}` };
    case "Queue":
      return { queueId: `${name}-id` };
    case "Worker":
      return { subdomain: { ...(inputs.subdomain as object), url: `https://${inputs.name}.example.workers.dev` } };
    default:
      return {};
  }
}

const PRODUCTS = [
  "Account API Tokens",
  "Account Analytics",
  "Account Settings",
  "Billing",
  "D1",
  "Logs",
  "Notifications",
  "Queues",
  "Vectorize",
  "Workers AI",
  "Workers KV Storage",
  "Workers Observability",
  "Workers R2 Storage",
  "Workers Scripts",
];
const ZONE_PRODUCTS = ["DNS", "Health Checks", "Workers Routes", "Zone", "Zone WAF", "Logs"];

function permissionGroups(unknown: readonly string[]) {
  const groups = (products: string[], scope: string) =>
    products.flatMap((product) =>
      ["Read", "Write"].map((verb) => ({
        id: `${scope}/${product} ${verb}`,
        name: `${product} ${verb}`,
        scopes: [scope],
      })),
    );
  return [
    ...groups(ZONE_PRODUCTS, "com.cloudflare.api.account.zone"),
    ...groups(PRODUCTS, "com.cloudflare.api.account"),
    ...groups(["Workers R2 Storage Bucket Item"], "com.cloudflare.edge.r2.bucket"),
  ].filter(({ name }) => !unknown.includes(name));
}

/** The REST calls of the program. */
async function serveAnswers({ alerts = ALERTS, subscriptions, failing = {}, config = {} }: ProgramOptions) {
  const plans = subscriptions ?? (config.plan === "paid" ? ["workers_paid", "r2_paid"] : ["free"]);
  const answers: [path: string, result: unknown][] = [
    ["/available_alerts", { Any: alerts.map((type) => ({ type })) }],
    ["/subscriptions", plans.map((id) => ({ rate_plan: { id } }))],
  ];
  const server = createServer(({ url = "" }, response) => {
    const status = Object.entries(failing).find(([path]) => url.includes(path))?.[1] ?? 200;
    const result = answers.find(([path]) => url.includes(path))?.[1] ?? null;
    const errors = status === 200 ? [] : [{ code: 10000, message: "Authentication error" }];
    response
      .writeHead(status, { "content-type": "application/json", "retry-after-ms": "1" })
      .end(JSON.stringify({ success: status === 200, errors, messages: [], result }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/client/v4`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function findSecrets(value: unknown, path: string, found: string[]): Promise<void> {
  if (pulumi.Output.isInstance(value)) {
    if (await pulumi.isSecret(value)) found.push(path);
  } else if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value))
      await findSecrets(inner, path === "" ? key : `${path}.${key}`, found);
  }
}
