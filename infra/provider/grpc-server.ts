/** A plugin's gRPC server as the Pulumi engine expects it: a free port on the loopback interface, printed as the first line. */
import grpc from "@grpc/grpc-js";

/** Resolves once the engine can connect. */
export async function serveGrpc(
  service: grpc.ServiceDefinition,
  handlers: grpc.UntypedServiceImplementation,
): Promise<void> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(service, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
}

/** A handler around a function of the request. What it throws becomes the call's error through `describe`, without a stack. */
export function unary<Request, Response>(
  work: (request: Request) => Response | Promise<Response>,
  describe: (error: unknown) => Partial<grpc.StatusObject> = plainError,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(work)
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(describe(error)),
      );
  };
}

/** The error's message alone. */
export function plainError(error: unknown): Partial<grpc.StatusObject> {
  return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}
