/**
 * The engine's side of a provider plugin, for tests: starts the plugin's process as the engine does, reads its port,
 * listens for its messages, and calls it with the official client.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";
import engine_grpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import type { LogRequest } from "@pulumi/pulumi/proto/engine_pb.js";
import provider_grpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider_pb from "@pulumi/pulumi/proto/provider_pb.js";
import status_pb from "@pulumi/pulumi/proto/status_pb.js";
import empty_pb from "google-protobuf/google/protobuf/empty_pb.js";
import struct_pb from "google-protobuf/google/protobuf/struct_pb.js";
import type { Properties } from "./plugin.ts";

/** What the engine sends for a string that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A failed initialisation: the resource exists, and this is what the engine would record of it. */
export interface Recorded {
  id: string;
  outputs: Properties;
}

export class PluginUnderTest {
  /** Warnings that the user would see. */
  readonly warnings: string[] = [];
  /** Everything the process printed after its port. */
  printed = "";
  readonly #process;
  readonly #engine = new grpc.Server();
  #client: InstanceType<typeof provider_grpc.ResourceProviderClient> | undefined;

  static async start(command: string, environment: Record<string, string>): Promise<PluginUnderTest> {
    const warnings: string[] = [];
    const engine = new grpc.Server();
    engine.addService(engine_grpc.EngineService, {
      log: ((call, callback) => {
        warnings.push(call.request.getMessage());
        callback(null, new empty_pb.Empty());
      }) satisfies grpc.handleUnaryCall<LogRequest, empty_pb.Empty>,
    });
    const port = await new Promise<number>((resolve, reject) => {
      engine.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return new PluginUnderTest(command, environment, engine, warnings, port).#ready();
  }

  private constructor(
    command: string,
    environment: Record<string, string>,
    engine: grpc.Server,
    warnings: string[],
    enginePort: number,
  ) {
    this.#engine = engine;
    this.warnings = warnings;
    // Only what a plugin may use: nothing of the machine's own Cloudflare account gets in.
    this.#process = spawn(command, ["--logtostderr", "-v=9", `127.0.0.1:${enginePort}`], {
      env: { PATH: process.env.PATH, ...environment },
      // The program's folder, as the engine does.
      cwd: join(import.meta.dirname, ".."),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.printed += chunk;
    });
  }

  async #ready(): Promise<this> {
    const lines = createInterface({ input: this.#process.stdout });
    const [port] = await Promise.race([
      once(lines, "line"),
      once(this.#process, "exit").then(() => {
        throw new Error(`the plugin ended before it gave a port: ${this.printed}`);
      }),
    ]);
    lines.on("line", (line) => {
      this.printed += `${line}\n`;
    });
    this.#client = new provider_grpc.ResourceProviderClient(
      `127.0.0.1:${String(port).trim()}`,
      grpc.credentials.createInsecure(),
      // A bundle with its source map passes gRPC's default of 4 MB; the engine allows 400.
      { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 },
    );
    return this;
  }

  async stop(): Promise<void> {
    this.#client?.close();
    this.#engine.forceShutdown();
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, "exit");
      this.#process.kill();
      await ended;
    }
  }

  async configure(config: Record<string, string> = {}, name = "vectorize"): Promise<void> {
    const request = new provider_pb.ConfigureRequest();
    for (const [key, value] of Object.entries(config)) request.getVariablesMap().set(`${name}:config:${key}`, value);
    await this.#ask<provider_pb.ConfigureResponse>("configure", request);
  }

  async checkConfig(news: Properties): Promise<Properties> {
    const request = new provider_pb.CheckRequest().setNews(struct(news));
    return plain((await this.#ask<provider_pb.CheckResponse>("checkConfig", request)).getInputs());
  }

  async schema(): Promise<Properties> {
    const request = new provider_pb.GetSchemaRequest().setVersion(0);
    return JSON.parse((await this.#ask<provider_pb.GetSchemaResponse>("getSchema", request)).getSchema());
  }

  /** The inputs with defaults, and failures as `property: reason`. */
  async check(urn: string, news: Properties): Promise<{ inputs: Properties; failures: string[] }> {
    const request = new provider_pb.CheckRequest().setUrn(urn).setOlds(struct({})).setNews(struct(news));
    const response = await this.#ask<provider_pb.CheckResponse>("check", request);
    const failures = response.getFailuresList().map((failure) => `${failure.getProperty()}: ${failure.getReason()}`);
    return { inputs: plain(response.getInputs()), failures };
  }

  /** `changed` names properties; `replaces` those that force a replacement. */
  async diff(urn: string, id: string, state: Properties, news: Properties, old_inputs: Properties = {}) {
    const request = new provider_pb.DiffRequest()
      .setUrn(urn)
      .setId(id)
      .setOlds(struct(state))
      .setOldInputs(struct(old_inputs))
      .setNews(struct(news));
    const response = await this.#ask<provider_pb.DiffResponse>("diff", request);
    return {
      changes: response.getChanges() === provider_pb.DiffResponse.DiffChanges.DIFF_SOME,
      changed: response.getDiffsList(),
      replaces: response.getReplacesList(),
      delete_before_replace: response.getDeletebeforereplace(),
    };
  }

  async create(urn: string, inputs: Properties, { preview = false, timeout_s = 0 } = {}) {
    const request = new provider_pb.CreateRequest()
      .setUrn(urn)
      .setProperties(struct(inputs))
      .setPreview(preview)
      .setTimeout(timeout_s);
    const response = await this.#ask<provider_pb.CreateResponse>("create", request);
    return { id: response.getId(), outputs: plain(response.getProperties()) };
  }

  /** Null when the plugin says that the resource is gone. */
  async read(urn: string, id: string, state: Properties = {}, inputs: Properties = {}) {
    const request = new provider_pb.ReadRequest()
      .setUrn(urn)
      .setId(id)
      .setProperties(struct(state))
      .setInputs(struct(inputs));
    const response = await this.#ask<provider_pb.ReadResponse>("read", request);
    if (response.getId() === "") return null;
    return { outputs: plain(response.getProperties()), inputs: plain(response.getInputs()) };
  }

  async update(
    urn: string,
    id: string,
    state: Properties,
    news: Properties,
    { preview = false, timeout_s = 0 } = {},
  ): Promise<Properties> {
    const request = new provider_pb.UpdateRequest()
      .setUrn(urn)
      .setId(id)
      .setOlds(struct(state))
      .setNews(struct(news))
      .setPreview(preview)
      .setTimeout(timeout_s);
    return plain((await this.#ask<provider_pb.UpdateResponse>("update", request)).getProperties());
  }

  async delete(urn: string, id: string, state: Properties): Promise<void> {
    const request = new provider_pb.DeleteRequest().setUrn(urn).setId(id).setProperties(struct(state));
    await this.#ask("delete", request);
  }

  async invoke(token: string, args: Properties): Promise<Properties> {
    const request = new provider_pb.InvokeRequest().setTok(token).setArgs(struct(args));
    return plain((await this.#ask<provider_pb.InvokeResponse>("invoke", request)).getReturn());
  }

  async cancel(): Promise<void> {
    await this.#ask("cancel", new empty_pb.Empty());
  }

  #ask<Response>(method: string, request: unknown): Promise<Response> {
    const client = this.#client as unknown as Record<
      string,
      (request: unknown, callback: (error: grpc.ServiceError | null, response: Response) => void) => void
    >;
    return new Promise((resolve, reject) => {
      client[method]?.(request, (error, response) => (error ? reject(engineError(error)) : resolve(response)));
    });
  }
}

/** The message as the engine prints it; `recorded` says what it would put into its state all the same. */
function engineError(error: grpc.ServiceError): Error & { recorded?: Recorded } {
  const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!(details instanceof Buffer)) return new Error(error.details);
  const failed = status_pb.Status.deserializeBinary(details)
    .getDetailsList()[0]
    ?.unpack(provider_pb.ErrorResourceInitFailed.deserializeBinary, "pulumirpc.ErrorResourceInitFailed");
  if (!failed) return new Error(error.details);
  return Object.assign(new Error(error.details), {
    recorded: { id: failed.getId(), outputs: plain(failed.getProperties()) },
  });
}

function struct(properties: Properties): struct_pb.Struct {
  return struct_pb.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));
}

function plain(message: struct_pb.Struct | undefined): Properties {
  return message?.toJavaScript() ?? {};
}
