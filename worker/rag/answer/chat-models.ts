/**
 * Which model answers: names for intents, their routes, and what they cost.
 *
 * Neurons per million tokens: https://developers.cloudflare.com/workers-ai/platform/pricing/ (read November 2026).
 */

const CATALOGUE = {
  "@cf/meta/llama-3.2-3b-instruct": { neurons_in_per_m: 4_625, neurons_out_per_m: 30_475 },
  "@cf/meta/llama-3.1-8b-instruct-fp8-fast": { neurons_in_per_m: 4_119, neurons_out_per_m: 34_868 },
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": { neurons_in_per_m: 26_668, neurons_out_per_m: 204_805 },
} as const;
export type ChatModelId = keyof typeof CATALOGUE;

export const ROUTES = {
  quick: "@cf/meta/llama-3.2-3b-instruct",
  balanced: "@cf/meta/llama-3.1-8b-instruct-fp8-fast",
  quality: "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
} as const satisfies Record<string, ChatModelId>;

/** What a request may name: an intent, or a model of the catalogue. */
export const CHAT_MODEL_NAMES = [
  ...(Object.keys(ROUTES) as (keyof typeof ROUTES)[]),
  ...(Object.keys(CATALOGUE) as ChatModelId[]),
] as const;

/** $0.011 per thousand neurons beyond the free 10 000 a day. */
export const USD_PER_NEURON = 0.011 / 1000;

/** The model for a requested name; `fallback` (DEFAULT_MODEL) when none was requested. Unknown names mean balanced. */
export function chatModel(requested: string | undefined, fallback: string): ChatModelId {
  const name = requested ?? fallback;
  if (isListed(name)) return name;
  return Object.hasOwn(ROUTES, name) ? ROUTES[name as keyof typeof ROUTES] : ROUTES.balanced;
}

function isListed(name: string): name is ChatModelId {
  return Object.hasOwn(CATALOGUE, name);
}

/** What the provider has `told` of who answered; Cloudflare may name its own model without the prefix of the catalogue. */
export function answeringModel(asked: ChatModelId, told: string | null): string {
  return told === null || asked.endsWith(told) ? asked : told;
}

/** Neurons and list price of a call. A model that is not of the catalogue is not Cloudflare's, and costs none of its neurons. */
export function chatCost(model: string, tokens_in: number, tokens_out: number): { neurons: number; cost_usd: number } {
  if (!isListed(model)) return { neurons: 0, cost_usd: 0 };
  const { neurons_in_per_m, neurons_out_per_m } = CATALOGUE[model];
  const neurons = (tokens_in * neurons_in_per_m + tokens_out * neurons_out_per_m) / 1_000_000;
  return { neurons, cost_usd: neurons * USD_PER_NEURON };
}
