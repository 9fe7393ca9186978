/**
 * Starts the policy pack for the engine, and passes its questions on to it.
 *
 * The engine tells a pack the stack's configuration in a call; `@pulumi/policy` reads it from the environment, and only at
 * its start. So the pack is started when that call comes. The usual way, `run-policy-pack` of `@pulumi/pulumi`, does not do
 * that either, and cannot start at all beside TypeScript 7.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import grpc from "@grpc/grpc-js";
import analyzer_grpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer_pb from "@pulumi/pulumi/proto/analyzer_pb.js";
import plugin_pb from "@pulumi/pulumi/proto/plugin_pb.js";
import { serveGrpc, unary } from "../provider/grpc-server.ts";

type Pack = Record<
  string,
  (request: unknown, answered: (error: grpc.ServiceError | null, answer: unknown) => void) => void
>;

let started: { pack: Promise<Pack>; process: { kill(): unknown } } | undefined;

/** The pack's own server, started with a stack's configuration. */
function start(request: analyzer_pb.AnalyzerStackConfigureRequest): void {
  started?.process.kill();
  const child = spawn(process.execPath, ["index.ts"], {
    cwd: import.meta.dirname,
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toObject(true))),
      PULUMI_NODEJS_PROJECT: request.getProject(),
      PULUMI_NODEJS_STACK: request.getStack(),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  started = { pack: connect(child), process: child };
}

async function connect({ stdout, stderr }: ChildProcessByStdio<null, Readable, Readable>): Promise<Pack> {
  const said = text(stderr);
  const lines = createInterface({ input: stdout });
  const [port] = await Promise.race([
    once(lines, "line"),
    // Without a line the pack has ended, and has said why: a flaw of the configuration is told in the program's own words.
    once(lines, "close").then(async () => {
      throw new Error((await said).trim());
    }),
  ]);
  const client = new analyzer_grpc.AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
  return client as unknown as Pack;
}

/** Asks the pack what the engine asks. */
async function ask(method: string, request: unknown): Promise<unknown> {
  if (!started) throw new Error("the policy pack was asked before it was told the stack's configuration");
  const pack = await started.pack;
  return new Promise((resolve, reject) => {
    pack[method]?.(request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

// The pack must not outlive the engine's plugin.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(0));
process.on("exit", () => started?.process.kill());

await serveGrpc(analyzer_grpc.AnalyzerService, {
  ...Object.fromEntries(
    Object.keys(analyzer_grpc.AnalyzerService).map((method) => [
      method,
      unary((request: unknown) => ask(method, request)),
    ]),
  ),
  handshake: unary(() => new analyzer_pb.AnalyzerHandshakeResponse()),
  getPluginInfo: unary(() => new plugin_pb.PluginInfo()),
  configureStack: unary(async (request: analyzer_pb.AnalyzerStackConfigureRequest) => {
    start(request);
    return ask("configureStack", request);
  }),
});
