/**
 * A platform for one drill where none runs: a small corpus, a snapshot by a key that can only write, changes, another snapshot.
 * What is restored then is what an operator would have: the repository and the escrowed key, nothing else.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { withRepository } from "../backup/open.ts";
import { takeSnapshot } from "../backup/snapshot/take.ts";
import { stackSources } from "../backup/stack-sources.ts";
import type { Invocation } from "../command/invocation.ts";
import { sendDocuments } from "../service/batch.ts";
import { onRig } from "../service/rig.ts";
import { locateStack } from "../stack/locate.ts";

const DOCUMENTS = 40;
const CHANGED = 4;

/** Runs `work` with an invocation for that platform and the file of the escrowed key. Nothing is left of it. */
export function onDrillPlatform<T>(
  invocation: Invocation,
  work: (own: Invocation, escrow_key: string) => Promise<T>,
): Promise<T> {
  const { signal, env } = invocation;
  return onRig(invocation, {}, async ({ client, data_dir }) => {
    const target = () => locateStack("local", data_dir, env, signal);
    const own: Invocation = { ...invocation, stack: "local", data_dir, target };
    await sendDocuments(client, documents(0, DOCUMENTS, "first"), signal);
    await withRepository(own, {}, {}, async () => {});
    const keys = join(data_dir, "backup-keys");
    const names = await readdir(keys);
    const keyNamed = (end: string) => join(keys, names.find((name) => name.endsWith(end)) ?? "");
    await snapshot(own, keyNamed("-local.json"));
    await sendDocuments(client, documents(DOCUMENTS - CHANGED, CHANGED * 2, "second"), signal);
    await snapshot(own, keyNamed("-local.json"));
    return await work(own, keyNamed("-escrow.json"));
  });
}

async function snapshot(own: Invocation, key_file: string): Promise<void> {
  const sources = await stackSources(own);
  try {
    await withRepository(own, { key_file: [key_file] }, null, async (repository) => {
      if (repository.can.read) throw new Error("the key of a drill's backup can read: it is the wrong one");
      await takeSnapshot(repository, sources, {
        full: false,
        tool: "drill",
        now: own.now,
        requests: () => sources.budget.admitted,
        on_bytes: () => {},
      });
    });
  } finally {
    sources.close();
  }
}

function documents(from: number, count: number, edition: string) {
  return Array.from({ length: count }, (_, place) => {
    const number = from + place;
    const subject = SUBJECTS[number % SUBJECTS.length] ?? "";
    const sentence = `Record ${number} of the ${edition} edition describes the ${subject} and where its water goes. `;
    return {
      id: `drill/${number}`,
      title: `Record ${number}`,
      text: `# The ${subject}\n\n${sentence.repeat(12)}\n\n## Measured in ${edition} year\n\n${sentence.repeat(9)}`,
      metadata: { collection: subject },
    };
  });
}

const SUBJECTS = ["river", "lake", "spring", "glacier", "marsh", "canal", "delta"] as const;
