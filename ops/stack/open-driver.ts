/** Which driver a command works with: the local stack has one that needs no engine. */
import type { Invocation } from "../command/invocation.ts";
import type { StackDriver } from "./driver.ts";
import { runningPlatform } from "./locate.ts";

/** @throws OpsError when the local platform is not running, or the machine has no engine or no token for another stack. */
export async function openDriver({ stack, data_dir, env, signal }: Invocation): Promise<StackDriver> {
  // Loaded on use: either brings half of Pulumi along.
  if (stack === "local") {
    const { localDriver } = await import("../../local/pulumi/local-driver.ts");
    return localDriver({ data_dir, platform: await runningPlatform(data_dir), signal });
  }
  const [{ pulumiDriver }, { pulumiEngine }] = await Promise.all([
    import("./pulumi-driver.ts"),
    import("./pulumi-engine.ts"),
  ]);
  return pulumiDriver(await pulumiEngine(stack, env, signal));
}
