/** Faults of Vectorize, of the models and of the caches. */
import { VECTORIZE_DELETE_IDS_MAX } from "../../../infra/cloudflare-limits.ts";
import { generationName, VECTOR_INDEX } from "../../../infra/inventory.ts";
import { portions } from "../../../worker/ground/portions.ts";
import { type Fault, LATENCY_ALERTS } from "../fault.ts";
import { account, fails, freshSearches, works } from "../means.ts";

const INDEX = `vectorize/v2/indexes/${generationName(VECTOR_INDEX, VECTOR_INDEX.generation, "local")}`;

const ORPHANS = 60;
/** Far beyond the ids that chunks get. */
const ORPHANS_FROM = 9_000_000;

export const INDEX_FAULTS: readonly Fault[] = [
  {
    id: "vectorize-missing",
    what: "somebody deleted the vector index",
    alert: "vector-search",
    // The runbook's move deploys.
    also: ["dependency-down", "index-disparity", "job-failed", "change-deploy"],
    runbook: "vector-search-unavailable",
    inject: async (arena) => void (await account(arena, "delete", INDEX)),
    workload: (arena) => freshSearches(arena, 2),
    situations: ["missing"],
  },
  {
    id: "vectorize-down",
    what: "Vectorize answers the light check and fails every query",
    alert: "vector-search",
    also: ["dependency-down", "index-disparity"],
    runbook: "vector-search-unavailable",
    inject: fails({ binding: "VECTORIZE", method: "query", error: "VECTOR_QUERY_ERROR (code = 40023)" }),
    workload: (arena) => freshSearches(arena, 2),
    passes: works,
  },
  {
    id: "vectorize-slow",
    what: "Vectorize takes longer than searches wait for it",
    alert: "vector-search",
    also: ["dependency-down", ...LATENCY_ALERTS],
    runbook: "vector-search-unavailable",
    inject: fails({ binding: "VECTORIZE", method: "query", delay_ms: 6_000 }),
    workload: (arena) => freshSearches(arena, 5),
    passes: works,
  },
  {
    id: "vectorize-away",
    what: "Vectorize does not answer at all, and nobody searches",
    alert: "dependency-down",
    also: ["vector-search", "index-disparity"],
    runbook: "vector-search-unavailable",
    inject: fails({ binding: "VECTORIZE", error: "Vectorize is not available" }),
    passes: works,
  },
  {
    id: "vectors-stale",
    what: "half of the vectors are gone from the index",
    alert: "index-disparity",
    runbook: "search-wrong",
    inject: async (arena) => {
      const { result } = await account<{ vectors: { id: string }[] }>(arena, "get", `${INDEX}/list?count=1000`);
      const count = async () =>
        (await account<{ vectorCount: number }>(arena, "get", `${INDEX}/info`)).result.vectorCount;
      const before = await count();
      const ids = result.vectors.map(({ id }) => id).filter((_, index) => index % 2 === 0);
      // The faults before may have written hundreds of documents.
      for (const part of portions(ids, VECTORIZE_DELETE_IDS_MAX))
        await account(arena, "post", `${INDEX}/delete_by_ids`, { ids: part });
      await arena.platform.vectorize.flush();
      const after = await count();
      if (after >= before)
        throw new Error(`no vector is gone: ${after} of ${before} are there, ${ids.length} were to go`);
    },
  },
  {
    id: "vectors-orphaned",
    what: "the index holds vectors that no chunk has",
    alert: "index-disparity",
    runbook: "search-wrong",
    inject: async ({ platform }) => {
      const vectors = Array.from({ length: ORPHANS }, (_, index) => ({
        id: String(ORPHANS_FROM + index),
        namespace: "default",
        values: Array.from({ length: VECTOR_INDEX.dimensions }, (__, place) => ((place * (index + 1)) % 7) - 3),
      }));
      platform.vectorize.upsert(generationName(VECTOR_INDEX, VECTOR_INDEX.generation, "local"), vectors);
      // Minutes of simulated time may pass before what was written is seen in real time.
      await platform.vectorize.flush();
    },
  },
  {
    id: "kv-away",
    what: "KV does not answer: modes, blocks and kept answers cannot be read",
    alert: "dependency-down",
    also: ["cache-hits"],
    runbook: "vector-search-unavailable",
    inject: fails(
      { binding: "CONFIG", script: "prism", error: "KV GET failed: 500 Internal Server Error" },
      { binding: "CACHE", error: "KV GET failed: 500 Internal Server Error" },
    ),
    passes: works,
  },
  {
    id: "ai-down",
    what: "Workers AI fails every call",
    alert: "ai-unavailable",
    runbook: "ai-unavailable",
    inject: fails({ binding: "AI", error: "InferenceUpstreamError: 3040: Capacity temporarily exceeded" }),
    workload: (arena) => freshSearches(arena, 2),
    passes: works,
  },
  {
    id: "neurons-used-up",
    what: "the account has used its neurons of the day",
    alert: "ai-unavailable",
    runbook: "ai-unavailable",
    inject: fails({
      binding: "AI",
      error: "4006: you have used up your daily free allocation of 10,000 neurons, please upgrade to Workers Paid",
    }),
    workload: (arena) => freshSearches(arena, 2),
    passes: works,
  },
  {
    id: "cache-cold",
    what: "callers ask what nobody asked before: the caches answer little",
    alert: "cache-hits",
    also: ["token-saving"],
    runbook: "cache-degraded",
    inject: async () => {},
    workload: (arena) => freshSearches(arena, 20),
    passes: async () => {},
  },
];
