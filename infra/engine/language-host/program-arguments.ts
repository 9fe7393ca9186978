/** What `@pulumi/pulumi`'s entry point for programs is started with. Pure. */
import type language_pb from "@pulumi/pulumi/proto/language_pb.js";

/** As the real language host gives them; the entry point names the flags when it gets none. */
export function programArguments(request: language_pb.RunRequest, engineAddress: string): string[] {
  const info = request.getInfo();
  const flags: Record<string, string | undefined> = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info?.getRootDirectory(),
    stack: request.getStack(),
    pwd: request.getPwd(),
    parallel: String(request.getParallel()),
  };
  return [
    ...Object.entries(flags).flatMap(([name, value]) => (value ? [`--${name}`, value] : [])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() ?? request.getProgram(),
    ...request.getArgsList(),
  ];
}

/** Configuration reaches a program through its environment. */
export function environmentOf(request: language_pb.RunRequest): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toObject(true))),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    // Only when the project asks for it does `@pulumi/pulumi` bring a compiler of its own into play.
    PULUMI_NODEJS_TYPESCRIPT: String(
      request.getInfo()?.getOptions()?.getFieldsMap().get("typescript")?.getBoolValue() ?? true,
    ),
  };
}
