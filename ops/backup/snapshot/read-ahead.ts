/** Parts one after the other, the next ones on their way while one is being worked on. */
import { PARTS_READ_AHEAD } from "../../limits.ts";
import type { Snapshot } from "../repository/repository.ts";

/** @throws OpsError when a part is missing or damaged or the key cannot read. */
export async function* readAhead(
  snapshot: Pick<Snapshot, "readPart">,
  parts: readonly string[],
): AsyncGenerator<Uint8Array, void> {
  const coming: Promise<Uint8Array>[] = [];
  const wanted = [...parts];
  const ask = (): void => {
    for (const id of wanted.splice(0, PARTS_READ_AHEAD - coming.length)) {
      const part = snapshot.readPart(id);
      // Whoever stops early never awaits it; whoever goes on still sees it fail.
      part.catch(() => {});
      coming.push(part);
    }
  };
  for (ask(); coming.length > 0; ) {
    const part = await coming.shift();
    ask();
    if (part) yield part;
  }
}
