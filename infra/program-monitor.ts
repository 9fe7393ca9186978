/** Running the Pulumi program without an engine: hearing what it declares, options included, and waiting for its outputs. */
import * as pulumi from "@pulumi/pulumi";
import type { MockMonitor } from "@pulumi/pulumi/runtime/mocks.js";

/** A resource as the program declares it. */
export interface DeclaredResource {
  type: string;
  name: string;
  /** Inputs as a provider would see them: secrets bare, what is not known yet as the engine's mark for it. */
  inputs: Record<string, unknown>;
  /** Names of inputs that are secret. */
  secret_inputs: string[];
  additional_secret_outputs: string[];
  protect: boolean;
  retain_on_delete: boolean;
  /** Names of the resources that it waits for. */
  depends_on: string[];
}

/** Marks of the wire format for secrets. */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";

/** `Mocks` are not told the resource options, so each registration is read on its way to them. After `setMocks`. */
export function hearRegistrations(hear: (registration: DeclaredResource) => void): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as MockMonitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = async (request, callback) => {
    const raw = request.getObject().toJavaScript();
    hear({
      type: request.getType(),
      name: request.getName(),
      inputs: bare(raw) as Record<string, unknown>,
      secret_inputs: Object.keys(raw).filter((key) => holdsSecret(raw[key])),
      additional_secret_outputs: request.getAdditionalsecretoutputsList(),
      protect: request.getProtect(),
      retain_on_delete: request.getRetainondelete(),
      depends_on: request.getDependenciesList().map((urn: string) => urn.split("::").at(-1) ?? ""),
    });
    await register(request, callback);
  };
}

/** The value of an output, or the error that kept it from having one. */
export function settled<T>(output: pulumi.Output<T>): Promise<pulumi.Unwrap<T>> {
  return (output as unknown as { promise(): Promise<pulumi.Unwrap<T>> }).promise();
}

/** A value of the wire format without its marks of secrets. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare);
  if (value === null || typeof value !== "object") return value;
  if (SIGNATURE in value && value[SIGNATURE] === SECRET && "value" in value) return bare(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bare(inner)]));
}

function holdsSecret(value: unknown): boolean {
  if (value === null || typeof value !== "object") return false;
  if (SIGNATURE in value && value[SIGNATURE] === SECRET) return true;
  return Object.values(value).some(holdsSecret);
}
