/** Vectors of a data folder that the model at hand did not make, and that it cannot be compared with. */
import { embeddingModel, SORTS_OF_VECTORS } from "../worker/vectors/models.ts";
import type { VersionRecord } from "./registry.ts";

export const FOREIGN_VECTORS_REMEDY =
  "choose the model (and passage prefix) they were made with, or start with another --data folder (or --ephemeral)";

/** @throws Error when the database's chunks have vectors of another model, or prefix, than the version asks with. */
export async function refuseForeignVectors(
  query: (queries: { sql: string }[]) => Promise<{ rows: unknown[][] }[]>,
  { bindings }: Pick<VersionRecord, "bindings">,
): Promise<void> {
  const texts = bindings.flatMap((binding) => ("text" in binding ? [[binding.name, binding.text]] : []));
  const { vector_space } = embeddingModel({ EMBEDDING_MODEL: "", ...Object.fromEntries(texts) });
  const [sorts] = await query([{ sql: SORTS_OF_VECTORS }]);
  const foreign = (sorts?.rows ?? []).map(([space]) => space).filter((space) => space !== vector_space);
  if (foreign.length === 0) return;
  throw new Error(
    `vectors of this data folder are of ${foreign.join(" and of ")}, not of ${vector_space}, and cannot be compared with its own: ${FOREIGN_VECTORS_REMEDY}`,
  );
}
