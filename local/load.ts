/** What workerd is to run at one time, as the registry says it. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { MiniflareOptions } from "miniflare";
import { SERVICE } from "../infra/inventory.ts";
import { workerName } from "./worker-bindings.ts";
import { liveVersions, SOCKET_ENDING, type WorkerdInputs, workerdOptions } from "./workerd.ts";

/** One configuration of workerd and where its parts are reached. */
export interface Load {
  options: MiniflareOptions;
  /** Where the Workers behind the public port listen, by name. */
  socket: (name: string) => string;
  /** Workers behind the public port, by name. */
  targets: { name: string; percentage: number }[];
  /** Resources that the configuration has bindings for, as `kind:id`. */
  resources: Set<string>;
}

/** What should run now. `serial` tells loads apart: a file of one that is still served must not be in the way of the next one's. */
export function planLoad(inputs: WorkerdInputs, socket_folder: string, serial: number): Load {
  const socket = (name: string) =>
    join(socket_folder, `${serial}-${createHash("sha256").update(name).digest("hex").slice(0, 12)}${SOCKET_ENDING}`);
  const { registry } = inputs;
  return {
    options: workerdOptions(inputs, socket),
    socket,
    targets: liveVersions(registry, SERVICE).map(({ record, percentage }) => ({
      name: workerName(record),
      percentage,
    })),
    resources: new Set([
      ...registry.list("d1").map(({ uuid }) => `d1:${uuid}`),
      ...registry.list("kv").map(({ id }) => `kv:${id}`),
      ...registry.list("r2").map(({ name }) => `r2:${name}`),
    ]),
  };
}
