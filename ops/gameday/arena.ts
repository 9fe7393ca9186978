/** Where a fault is played: a platform of its own with watchdog, channels, callers and a clock; nothing is left of it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { SERVICE, type SecretName, VARIABLES } from "../../infra/inventory.ts";
import type { FaultPlan } from "../../local/faults.ts";
import type { Platform } from "../../local/platform.ts";
import { configurationPlace } from "../alerts/configuration.ts";
import { createCloudflare } from "../cloudflare/api.ts";
import type { Invocation } from "../command/invocation.ts";
import { createKey } from "../keys/keys.ts";
import { GAMEDAY_BEGINS_BEFORE_MS, GAMEDAY_DELIVERY_MAX_MS, GAMEDAY_REQUEST_TIMEOUT_MS } from "../limits.ts";
import { type Client, createClient } from "../service/client.ts";
import { startOwnPlatform } from "../service/rig.ts";
import { locateStack } from "../stack/locate.ts";
import { PlatformClock } from "./platform-clock.ts";
import { type Account, deployWatchdog, type Release } from "./scripts.ts";
import { Traffic } from "./traffic.ts";
import { startWebhooks, type Webhooks } from "./webhooks.ts";

export interface Arena {
  platform: Platform;
  /** The shim's rules and clock. */
  faults: FaultPlan;
  account: Account;
  data_dir: string;
  /** As if a command were started on this platform. */
  invocation: Invocation;
  /** The holder of every scope in the tenant `default`, and the holder of the bootstrap secret. */
  admin: Client;
  operator: Client;
  webhooks: Webhooks;
  clock: PlatformClock;
  traffic: Traffic;
  /** What serves callers now. */
  served(): Release;
  /** What Cloudflare's notifications prove themselves with. */
  webhook_secret(): string;
}

const SILENT: Invocation["progress"] = { start() {}, update() {}, stop() {} };
const WEBHOOK_SECRET = "ALERT_WEBHOOK_SECRET" satisfies SecretName;

/** @throws what keeps the platform from starting, or `work` throws. */
export async function onArena<T>(invocation: Invocation, work: (arena: Arena) => Promise<T>): Promise<T> {
  const data_dir = await mkdtemp(join(tmpdir(), "prism-gameday-"));
  // Loaded on use, as in `rig.ts`.
  const [{ FaultPlan }, { fireCrons }, { liveVersion }] = await Promise.all([
    import("../../local/faults.ts"),
    import("../../local/crons.ts"),
    import("../../local/workerd.ts"),
  ]);
  const faults = new FaultPlan();
  faults.clock_offset_ms = -GAMEDAY_BEGINS_BEFORE_MS;
  // The model of production, whose hybrid searches ask for vectors; what embeds is this machine's, whatever it is called.
  const variables = { EMBEDDING_MODEL: VARIABLES.EMBEDDING_MODEL.production };
  const platform = await startOwnPlatform({ data_dir, faults, api_budget: false, variables });
  const webhooks = await startWebhooks(() => platform.runtime.now());
  try {
    const { signal, env } = invocation;
    const clientOf = (token: string) =>
      createClient({ url: platform.url, token, signal, timeout_ms: GAMEDAY_REQUEST_TIMEOUT_MS });
    const operator = clientOf(platform.api_secret);
    const admin = clientOf(platform.admin_key);
    const own: Invocation = {
      ...invocation,
      stack: "local",
      data_dir,
      now: () => platform.runtime.now(),
      // A command's own bars would redraw over the game day's.
      progress: SILENT,
      target: () => locateStack("local", data_dir, env, signal),
      client: async () => operator,
    };
    const address = { api_url: platform.api_url, account_id: platform.account_id, token: platform.api_token };
    const account = { client: createCloudflare(address, { signal }), account_id: platform.account_id };
    const served = (): Release => {
      const version = liveVersion(platform.runtime.registry, SERVICE);
      const source = version?.modules[version.main_module]?.content;
      if (!version || source === undefined) throw new Error("nothing is deployed");
      return { version_id: version.id, source, bindings: version.bindings };
    };
    await deployWatchdog(account, served());
    await (await configurationPlace(own)).write(webhooks.configuration(platform.url));
    const { key } = await createKey(operator, {
      name: "readers",
      tenant: "readers",
      scopes: ["read", "chat", "write"],
      rate_tier: "high",
    });
    const traffic = new Traffic({ writer: admin, reader: clientOf(key) });
    await traffic.prepare();
    const clock = new PlatformClock({
      plan: faults,
      signal,
      fire: (at) => fireCrons(platform.runtime, at, () => {}),
      deliver: () => {
        platform.queues.dispatch();
        return Promise.race([platform.queues.settled(), pause(GAMEDAY_DELIVERY_MAX_MS)]);
      },
    });
    return await work({
      platform,
      faults,
      account,
      data_dir,
      invocation: own,
      admin,
      operator,
      webhooks,
      clock,
      traffic,
      served,
      webhook_secret: () => {
        const binding = liveVersion(platform.runtime.registry, SERVICE)?.bindings.find(
          ({ name }) => name === WEBHOOK_SECRET,
        );
        return binding?.type === "secret_text" ? binding.text : "";
      },
    });
  } finally {
    await webhooks.close();
    await platform.close();
    await rm(data_dir, { recursive: true, force: true });
  }
}
