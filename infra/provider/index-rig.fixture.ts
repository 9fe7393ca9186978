/** The provider's process between the engine's side and the local platform, with a front that can fail in between. */
import { join } from "node:path";
import Cloudflare from "cloudflare";
import { type Platform, startPlatform } from "../../local/platform.ts";
import { type ApiFront, startFront } from "./api-front.fixture.ts";
import { PluginUnderTest, type Recorded } from "./plugin.fixture.ts";

export const COMMAND = join(import.meta.dirname, "pulumi-resource-vectorize");
export const URN = "urn:pulumi:test::prism::vectorize:index:VectorizeIndex::chunks";

export interface IndexRig {
  platform: Platform;
  /** Stands between the provider and the platform. */
  front: ApiFront;
  plugin: PluginUnderTest;
  /** Goes to the platform directly. */
  client: Cloudflare;
  /** Ends what a test had the front, the platform and the engine's side do. */
  calm(): void;
  close(): Promise<void>;
}

export async function startIndexRig(): Promise<IndexRig> {
  const platform = await startPlatform({ api_budget: false });
  const front = await startFront(platform.api_url);
  const plugin = await PluginUnderTest.start(COMMAND, { CLOUDFLARE_API_TOKEN: platform.api_token });
  await plugin.configure({ baseUrl: front.url });
  return {
    platform,
    front,
    plugin,
    client: new Cloudflare({ apiToken: platform.api_token, baseURL: platform.api_url }),
    calm() {
      front.rules = [];
      front.seen = [];
      plugin.warnings.length = 0;
      platform.vectorize.setMutationDelay(0);
    },
    async close() {
      await plugin.stop();
      front.close();
      await platform.close();
    },
  };
}

let serial = 0;

/** Inputs of an index that no other test has, as the provider's check returns them. */
export function newIndex({ account_id }: Platform): { id: string; inputs: Record<string, unknown> & { name: string } } {
  const name = `index-${serial++}`;
  const metadataIndexes = [
    { property: "language", type: "string" },
    { property: "author", type: "string" },
  ];
  return {
    id: `${account_id}/${name}`,
    inputs: {
      ...{ accountId: account_id, name, dimensions: 3, metric: "cosine", description: "" },
      ...{ metadataIndexes, forceDestroy: false },
    },
  };
}

/** The error of work that must fail. */
export async function refusal(work: Promise<unknown>): Promise<Error & { recorded?: Recorded }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it was not refused");
}
