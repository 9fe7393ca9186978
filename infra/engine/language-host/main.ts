/**
 * A stand-in for `pulumi-language-nodejs`, for engine tests on machines that have no Pulumi of their own
 * (docs/decisions/0008-real-engine-in-tests.md): starts the program as the real one does, through the entry point of
 * `@pulumi/pulumi`, and says which plugins a project needs.
 *
 * What the engine asks for only to run other programs, or to make projects, packages and code, is not served.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import type grpc from "@grpc/grpc-js";
import language_grpc from "@pulumi/pulumi/proto/language_grpc_pb.js";
import language_pb from "@pulumi/pulumi/proto/language_pb.js";
import plugin_pb from "@pulumi/pulumi/proto/plugin_pb.js";
import empty_pb from "google-protobuf/google/protobuf/empty_pb.js";
import { serveGrpc, unary } from "../../provider/grpc-server.ts";
import { neededPackages, packageManifest } from "./needed-packages.ts";
import { environmentOf, programArguments } from "./program-arguments.ts";

/** `@pulumi/pulumi` ends a program with this when the user has been told why. */
const TOLD_THE_USER = 32;

// The engine's address is the last argument; Go plugins take flags before it.
const engineAddress = process.argv.at(-1) ?? "";
const children = new Set<ChildProcess>();

async function run(request: language_pb.RunRequest): Promise<language_pb.RunResponse> {
  const folder = request.getInfo()?.getProgramDirectory() ?? request.getPwd();
  const entryPoint = createRequire(join(folder, "package.json")).resolve("@pulumi/pulumi/cmd/run");
  const child = spawn(process.execPath, [entryPoint, ...programArguments(request, engineAddress)], {
    cwd: folder,
    env: environmentOf(request),
    // What the program prints is shown by the engine, which reads it here.
    stdio: ["ignore", "inherit", "inherit"],
  });
  children.add(child);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  children.delete(child);
  const response = new language_pb.RunResponse();
  if (code === TOLD_THE_USER) response.setBail(true);
  else if (code !== 0) response.setError(`The program ended with ${code === null ? signal : `exit code ${code}`}.`);
  return response;
}

await serveGrpc(language_grpc.LanguageRuntimeService, {
  handshake: unary(() => new language_pb.LanguageHandshakeResponse()),
  getPluginInfo: unary(() => new plugin_pb.PluginInfo().setVersion("0.0.0")),
  getRequiredPackages: unary((request: language_pb.GetRequiredPackagesRequest) =>
    new language_pb.GetRequiredPackagesResponse().setPackagesList(
      neededPackages(request.getInfo()?.getProgramDirectory() ?? process.cwd()).map(({ name, version }) =>
        new plugin_pb.PackageDependency().setName(name).setKind("resource").setVersion(version),
      ),
    ),
  ),
  getProgramDependencies: unary((request: language_pb.GetProgramDependenciesRequest) => {
    const { dependencies } = packageManifest(request.getInfo()?.getProgramDirectory() ?? process.cwd());
    return new language_pb.GetProgramDependenciesResponse().setDependenciesList(
      Object.entries(dependencies).map(([name, version]) =>
        new language_pb.DependencyInfo().setName(name).setVersion(version),
      ),
    );
  }),
  about: unary(() => new language_pb.AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
  runtimeOptionsPrompts: unary(() => new language_pb.RuntimeOptionsResponse()),
  // `npm ci` does it for this repository.
  installDependencies: (call: grpc.ServerWritableStream<unknown, unknown>) => call.end(),
  run: unary(run),
  cancel: unary(() => {
    for (const child of children) child.kill();
    return new empty_pb.Empty();
  }),
});
