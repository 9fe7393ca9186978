/** Questions whose answer is known: each sampled chunk must be found by its own words and by its own vector. */
import type { IndexEntry } from "../../worker/vectors/index-entry.ts";
import type { Cloudflare } from "../cloudflare/official.ts";
import type { D1Connection } from "../d1/connection.ts";
import { isFoundByItsWords } from "../restore/found-by-words.ts";

interface GoldenQueries {
  asked: number;
  answered: number;
  /** What was not found. */
  misses: string[];
}

const AMONG = 20;

export async function askGoldenQueries(
  api: Cloudflare,
  place: { account_id: string; index: string },
  connection: D1Connection,
  samples: readonly IndexEntry[],
): Promise<GoldenQueries> {
  const misses: string[] = [];
  let asked = 0;
  for (const sample of samples) {
    if (hasDirection(sample)) {
      asked += 1;
      if (!(await isFoundByItsVector(api, place, sample))) misses.push(`chunk ${sample.id} by its vector`);
    }
    asked += 1;
    if (!(await isFoundByItsWords(connection, sample.id))) misses.push(`chunk ${sample.id} by its words`);
  }
  return { asked, answered: asked - misses.length, misses };
}

/** Text without letters and digits may have a vector of zeros, which is near to nothing. */
function hasDirection({ values }: IndexEntry): boolean {
  return values.some((value) => value !== 0);
}

/** Chunks that say the same have the same vector, however many they are: one of them must be among the nearest. */
async function isFoundByItsVector(
  api: Cloudflare,
  { account_id, index }: { account_id: string; index: string },
  { id, values, namespace }: IndexEntry,
): Promise<boolean> {
  const found = await api.vectorize.indexes.query(index, {
    account_id,
    vector: Array.from(values),
    topK: AMONG,
    returnValues: true,
    // The SDK does not know it; the API does.
    ...{ namespace },
  });
  return (found?.matches ?? []).some(
    (match) =>
      match.id === id ||
      (match.values?.length === values.length &&
        match.values.every((value, place) => Math.fround(value) === values[place])),
  );
}
