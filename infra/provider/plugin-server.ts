/**
 * Serves a `Plugin` to the Pulumi engine over gRPC and prints its port, as the engine expects of a plugin.
 *
 * `provider.main` of `@pulumi/pulumi/provider` does the same for the common case, but hands the provider no
 * configuration, no preview, no timeouts and no old inputs, and cannot answer with a detailed diff or a failed
 * initialisation: hence the service itself.
 */
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import plugin_pb from "@pulumi/pulumi/proto/plugin_pb.js";
import provider_grpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import provider_pb from "@pulumi/pulumi/proto/provider_pb.js";
import status_pb from "@pulumi/pulumi/proto/status_pb.js";
import any_pb from "google-protobuf/google/protobuf/any_pb.js";
import empty_pb from "google-protobuf/google/protobuf/empty_pb.js";
import struct_pb from "google-protobuf/google/protobuf/struct_pb.js";
import { EngineLog } from "./engine-log.ts";
import { plainError, unary as plainUnary, serveGrpc } from "./grpc-server.ts";
import { type CheckFailure, PartlyDone, type Plugin, type Properties } from "./plugin.ts";

type Struct = struct_pb.Struct;
const { DiffResponse, PropertyDiff } = provider_pb;

/** Numbers of the protocol's `PropertyDiff.Kind`, in place and by replacement. */
const KINDS = {
  add: [PropertyDiff.Kind.ADD, PropertyDiff.Kind.ADD_REPLACE],
  update: [PropertyDiff.Kind.UPDATE, PropertyDiff.Kind.UPDATE_REPLACE],
  delete: [PropertyDiff.Kind.DELETE, PropertyDiff.Kind.DELETE_REPLACE],
} as const;

/** Starts the plugin that `compose` builds; resolves once the engine can connect. `args` are the process's own. */
export async function servePlugin(compose: (log: EngineLog) => Plugin, args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, strict: false, options: { tracing: { type: "string" } } });
  const log = new EngineLog(positionals[0]);
  await serveGrpc(provider_grpc.ResourceProviderService, handlers(compose(log), log));
}

function handlers(plugin: Plugin, log: EngineLog): grpc.UntypedServiceImplementation {
  const stopped = new AbortController();
  const { signal } = stopped;
  const mutation = (request: { getPreview(): boolean; getTimeout(): number }) => ({
    signal,
    preview: request.getPreview(),
    timeout_ms: request.getTimeout() * 1000,
  });
  return {
    getPluginInfo: unary(() => new plugin_pb.PluginInfo().setVersion(plugin.version)),
    attach: unary((request: plugin_pb.PluginAttach) => {
      log.attach(request.getAddress());
      return new empty_pb.Empty();
    }),
    getSchema: unary(() => new provider_pb.GetSchemaResponse().setSchema(plugin.schema)),
    cancel: unary(() => {
      stopped.abort(new Error("stopped by the user"));
      return new empty_pb.Empty();
    }),
    checkConfig: unary((request: provider_pb.CheckRequest) =>
      new provider_pb.CheckResponse().setInputs(struct(plugin.checkConfig(plain(request.getNews())))),
    ),
    configure: unary((request: provider_pb.ConfigureRequest) => {
      const prefix = `${plugin.name}:config:`;
      plugin.configure(
        Object.fromEntries(
          [...request.getVariablesMap().entries()].map(([key, value]) => [key.replace(prefix, ""), value]),
        ),
      );
      // Without `acceptSecrets` the engine unwraps secrets for us and marks them again in every answer.
      return new provider_pb.ConfigureResponse().setAcceptsecrets(false).setSupportspreview(true);
    }),
    check: unary((request: provider_pb.CheckRequest) => {
      const { inputs, failures } = plugin.check({ urn: request.getUrn(), news: plain(request.getNews()) });
      return new provider_pb.CheckResponse().setInputs(struct(inputs)).setFailuresList(failures.map(failureMessage));
    }),
    diff: unary(async (request: provider_pb.DiffRequest) => {
      const { changed, replaces, delete_before_replace } = await plugin.diff({
        signal,
        id: request.getId(),
        urn: request.getUrn(),
        state: plain(request.getOlds()),
        news: plain(request.getNews()),
        old_inputs: plain(request.getOldInputs()),
      });
      const names = Object.keys(changed);
      const response = new DiffResponse()
        .setChanges(names.length > 0 ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE)
        .setDiffsList(names)
        .setReplacesList(replaces)
        .setDeletebeforereplace(delete_before_replace)
        .setHasdetaileddiff(true);
      for (const [name, kind] of Object.entries(changed)) {
        const [inPlace, replacing] = KINDS[kind];
        response
          .getDetaileddiffMap()
          .set(name, new PropertyDiff().setKind(replaces.includes(name) ? replacing : inPlace));
      }
      return response;
    }),
    create: unary(async (request: provider_pb.CreateRequest) => {
      const { id, outputs } = await plugin.create({
        ...mutation(request),
        urn: request.getUrn(),
        inputs: plain(request.getProperties()),
      });
      return new provider_pb.CreateResponse().setId(id).setProperties(struct(outputs));
    }),
    read: unary(async (request: provider_pb.ReadRequest) => {
      const found = await plugin.read({
        signal,
        id: request.getId(),
        urn: request.getUrn(),
        state: plain(request.getProperties()),
        inputs: plain(request.getInputs()),
      });
      // An empty id tells the engine that the resource is gone.
      if (found === null) return new provider_pb.ReadResponse();
      return new provider_pb.ReadResponse()
        .setId(found.id)
        .setProperties(struct(found.outputs))
        .setInputs(struct(found.inputs));
    }),
    update: unary(async (request: provider_pb.UpdateRequest) => {
      const outputs = await plugin.update({
        ...mutation(request),
        id: request.getId(),
        urn: request.getUrn(),
        state: plain(request.getOlds()),
        news: plain(request.getNews()),
      });
      return new provider_pb.UpdateResponse().setProperties(struct(outputs));
    }),
    delete: unary(async (request: provider_pb.DeleteRequest) => {
      const state = plain(request.getProperties());
      await plugin.delete({ signal, id: request.getId(), urn: request.getUrn(), state });
      return new empty_pb.Empty();
    }),
    invoke: unary(async (request: provider_pb.InvokeRequest) => {
      if (!plugin.invoke) throw new Error(`the package ${plugin.name} has no function ${request.getTok()}`);
      const result = await plugin.invoke(request.getTok(), plain(request.getArgs()));
      return new provider_pb.InvokeResponse().setReturn(struct(result));
    }),
  };
}

function unary<Request, Response>(work: (request: Request) => Response | Promise<Response>) {
  return plainUnary(work, callError);
}

function callError(error: unknown): Partial<grpc.StatusObject> {
  if (!(error instanceof PartlyDone)) return plainError(error);
  const details = error.message;
  const failed = new provider_pb.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(struct(error.outputs))
    .setReasonsList([details]);
  const any = new any_pb.Any();
  any.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new status_pb.Status().setCode(grpc.status.UNKNOWN).setMessage(details);
  // Not part of the chain: it returns what it added.
  status.addDetails(any);
  const metadata = new grpc.Metadata();
  // Where gRPC libraries look for a structured error; grpc-js leaves filling it in to us.
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code: grpc.status.UNKNOWN, details, metadata };
}

function failureMessage({ property, reason }: CheckFailure): provider_pb.CheckFailure {
  return new provider_pb.CheckFailure().setProperty(property).setReason(reason);
}

/** Nulls are absent values, as in the engine. */
function plain(message: Struct | undefined): Properties {
  const properties: Properties = message?.toJavaScript() ?? {};
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
}

function struct(properties: Properties): Struct {
  // JSON drops what is undefined, which a Struct cannot hold.
  return struct_pb.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));
}
