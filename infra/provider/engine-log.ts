/** Messages to the user beside a call's answer: through the engine, or on stderr when there is none. */
import grpc from "@grpc/grpc-js";
import engine_grpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import engine_pb from "@pulumi/pulumi/proto/engine_pb.js";

export class EngineLog {
  #client: InstanceType<typeof engine_grpc.EngineClient> | undefined;

  /** `address` is `host:port` of the engine that started the plugin. */
  constructor(address: string | undefined) {
    if (address !== undefined) this.attach(address);
  }

  /** Another engine took over, e.g. a debugger's. */
  attach(address: string): void {
    this.#client = new engine_grpc.EngineClient(address, grpc.credentials.createInsecure());
  }

  /** Shown with the resource `urn`. Resolves when the engine has it, so that it precedes the answer of the call. */
  async warn(message: string, urn: string): Promise<void> {
    const client = this.#client;
    if (!client) {
      process.stderr.write(`warning: ${message}\n`);
      return;
    }
    const request = new engine_pb.LogRequest()
      .setSeverity(engine_pb.LogSeverity.WARNING)
      .setMessage(message)
      .setUrn(urn);
    await new Promise<void>((resolve, reject) => {
      client.log(request, (error: Error | null) => (error ? reject(error) : resolve()));
    });
  }
}
