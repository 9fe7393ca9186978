/** What Cloudflare says of itself, on its public status page. https://www.cloudflarestatus.com/api */
import { z } from "zod";
import { endedEarly } from "../command/errors.ts";
import type { Environment } from "../command/invocation.ts";
import { CLOUDFLARE_STATUS_TIMEOUT_MS } from "../limits.ts";

const STATUS_PAGE = "https://www.cloudflarestatus.com";

const summary = z.object({
  status: z.object({ indicator: z.string(), description: z.string() }),
  components: z.array(z.object({ name: z.string(), status: z.string() })),
  incidents: z.array(z.object({ name: z.string(), impact: z.string(), shortlink: z.string().optional() })),
});

/** The components that PRISM stands on, by the page's names. */
const OURS = /^(workers|d1|vectorize|workers kv|kv|r2|queues|workers ai|durable objects|ai gateway|api)$/i;

export const cloudflareStatus = z.strictObject({
  state: z.enum(["known", "not reachable"]),
  description: z.string().describe("the page's own words, or why it was not reached"),
  impaired: z.array(z.string()).describe("components that PRISM stands on and that are not operational"),
  incidents: z.array(z.string()).describe("that are open"),
});
type CloudflareStatus = z.infer<typeof cloudflareStatus>;

/** `PRISM_CLOUDFLARE_STATUS_URL` is asked in place of Cloudflare's page where it is set. Never throws. */
export async function readCloudflareStatus(env: Environment, signal: AbortSignal): Promise<CloudflareStatus> {
  const base = env.PRISM_CLOUDFLARE_STATUS_URL || STATUS_PAGE;
  try {
    const ended = AbortSignal.any([signal, AbortSignal.timeout(CLOUDFLARE_STATUS_TIMEOUT_MS)]);
    const response = await fetch(`${base}/api/v2/summary.json`, { signal: ended });
    if (!response.ok) return notReached(`${base} answered ${response.status}`);
    const { status, components, incidents } = summary.parse(await response.json());
    const impaired = components.filter(({ name, status: state }) => OURS.test(name) && state !== "operational");
    return {
      state: "known",
      description: status.description,
      impaired: impaired.map(({ name, status: state }) => `${name}: ${state.replaceAll("_", " ")}`),
      incidents: incidents.map(({ name, impact }) => `${name} (${impact})`),
    };
  } catch (error) {
    if (error instanceof z.ZodError) return notReached(`${base} answered in another shape`);
    const inner = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return notReached(`${base}: ${endedEarly(error)?.cause ?? inner}`);
  }
}

function notReached(description: string): CloudflareStatus {
  return { state: "not reachable", description, impaired: [], incidents: [] };
}
