/** Parts one after the other, the next one on its way while one is being worked on. */
import type { Snapshot } from "../repository/repository.ts";

/** @throws OpsError when a part is missing or damaged or the key cannot read. */
export async function* readAhead(
  snapshot: Pick<Snapshot, "readPart">,
  parts: readonly string[],
): AsyncGenerator<Uint8Array, void> {
  let coming: Promise<Uint8Array> | undefined;
  for (const [index, id] of parts.entries()) {
    const part = await (coming ?? snapshot.readPart(id));
    const next = parts[index + 1];
    coming = next === undefined ? undefined : snapshot.readPart(next);
    // Whoever stops early never awaits it; whoever goes on still sees it fail.
    coming?.catch(() => {});
    yield part;
  }
}
