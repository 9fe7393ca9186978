/** Names that a write fence has in D1 and R2. Apart, because ops and the Worker share them and nothing else of the store. */

/** What every refusal of the triggers begins with. */
export const FENCE_MARK = "PRISM_FENCED";

/** Where writes wait that met the fence, in the bucket of the vector packs. */
export const DEFERRED_PREFIX = "staging/deferred/";
export const DEFERRED_OPERATIONS = `${DEFERRED_PREFIX}operations/`;
