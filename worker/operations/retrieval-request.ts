import { tenantTerm } from "../ground/tenant-term.ts";
import { TEXT_RANKED_MAX } from "../limits.ts";
import type { RetrievalRequest } from "../rag/search/retrieve.ts";
import { embeddingModel } from "../vectors/models.ts";
import type { Work } from "../work.ts";

/** What a caller asks for, with what the caller has no say in: whose documents, and which models. */
export function retrievalRequest(
  { caller: { tenant }, env }: Work,
  asked: Pick<RetrievalRequest, "query" | "mode" | "top_k" | "offset"> & {
    filter?: RetrievalRequest["filter"] | undefined;
  },
): RetrievalRequest {
  const { filter, ...rest } = asked;
  return {
    ...rest,
    ...(filter === undefined ? {} : { filter }),
    tenant,
    tenant_term: tenantTerm(tenant),
    embedding_model: embeddingModel(env),
    ranked_max: Number(env.TEXT_RANKED_MAX) || TEXT_RANKED_MAX,
    rerank_model: env.RERANK_MODEL,
  };
}
