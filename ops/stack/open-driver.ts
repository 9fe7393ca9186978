/** Which driver a command works with: the local stack has one that needs no engine. */
import type { Invocation } from "../command/invocation.ts";
import type { StackDriver } from "./driver.ts";
import { runningPlatform } from "./locate.ts";

/** @throws OpsError when the local platform is not running. The driver of another stack looks for its engine and token on use. */
export async function openDriver({ stack, data_dir, env, signal }: Invocation): Promise<StackDriver> {
  // Loaded on use: either brings half of Pulumi along.
  if (stack === "local") {
    const { localDriver } = await import("../../local/pulumi/local-driver.ts");
    return localDriver({ data_dir, platform: await runningPlatform(data_dir), signal });
  }
  const [{ pulumiDriver }, { pulumiEngine, ROOT }] = await Promise.all([
    import("./pulumi-driver.ts"),
    import("./pulumi-engine.ts"),
  ]);
  return pulumiDriver({ stack, folder: ROOT }, () => pulumiEngine(stack, env, signal));
}
