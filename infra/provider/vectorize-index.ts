/**
 * The life of a Vectorize index as a Pulumi resource: check, create, read, diff, update, delete, import.
 *
 * Its id is `<account id>/<name>`. State holds inputs and `createdOn`, never the token, and nothing that changes while
 * the index is used (a count of vectors would be drift at every look).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { explained, mayPass } from "./api-errors.ts";
import type { EngineLog } from "./engine-log.ts";
import { inDeclaredOrder, indexDiff, metadataIndexChanges } from "./index-diff.ts";
import { checkInputs, type IndexInputs, indexInputs, type MetadataIndex } from "./index-inputs.ts";
import { FIRST_PAUSE_MS, TRIES_MAX, VISIBLE_POLL_MS, VISIBLE_WAIT_MAX_MS } from "./limits.ts";
import { PartlyDone, type Plugin, type Properties } from "./plugin.ts";
import type { IndexAddress, LiveIndex, VectorizeApi } from "./vectorize-api.ts";

type Lifecycle = Pick<Plugin, "check" | "diff" | "create" | "read" | "update" | "delete">;

/** `api` is asked for at each call: it exists once the provider is configured. */
export function vectorizeIndex(api: () => VectorizeApi, log: EngineLog): Lifecycle {
  /** The index as state keeps it. `declared` gives what Cloudflare does not know. */
  const stateOf = async (at: IndexAddress, live: LiveIndex, declared: Properties) => {
    const metadataIndexes = inDeclaredOrder(await api().metadataIndexes(at), declared.metadataIndexes);
    const forceDestroy = declared.forceDestroy === true;
    return { accountId: at.account_id, name: at.name, ...live, metadataIndexes, forceDestroy };
  };

  /** Brings the metadata indexes to what is wanted and waits until Cloudflare shows them. */
  const settle = async (at: IndexAddress, wanted: readonly MetadataIndex[], wait_ms: number): Promise<void> => {
    const { removed, added } = metadataIndexChanges(await api().metadataIndexes(at), wanted);
    for (const property of removed) await api().deleteMetadataIndex(at, property);
    const gone = (live: MetadataIndex[]) => !live.some(({ property }) => removed.includes(property));
    // One whose type changes is created only once the old one is gone.
    await until(at, wait_ms, gone);
    for (const index of added) await api().createMetadataIndex(at, index);
    await until(at, wait_ms, (live) => metadataIndexChanges(live, wanted).added.length === 0);
  };

  const until = async (at: IndexAddress, wait_ms: number, reached: (live: MetadataIndex[]) => boolean) => {
    const start_ms = performance.now();
    for (let pause_ms: number = VISIBLE_POLL_MS.first; ; pause_ms = Math.min(pause_ms * 2, VISIBLE_POLL_MS.max)) {
      const live = await api().metadataIndexes(at);
      if (reached(live)) return;
      if (performance.now() - start_ms + pause_ms > wait_ms)
        throw new Error(
          `Vectorize accepted the metadata indexes of ${at.name} but does not show them after ${wait_ms / 1000} s; visible are: ${live.map(({ property }) => property).join(", ") || "none"}.\nTry: repeat the command before anything writes to the index, since vectors written earlier cannot be filtered; customTimeouts gives it more time`,
        );
      await sleep(pause_ms, undefined, { signal: at.signal });
    }
  };

  /** Runs `work` on an index that exists; when it fails, the engine still learns how far it came. */
  const recorded = async (at: IndexAddress, inputs: IndexInputs, work: () => Promise<void>): Promise<Properties> => {
    let failure: unknown;
    try {
      await work();
    } catch (error) {
      failure = error;
    }
    const known = await api()
      .find(at)
      .then((live) => live && stateOf(at, live, inputs))
      .catch((error: unknown) => {
        failure ??= error;
        return null;
      });
    if (failure === undefined && known !== null) return known;
    const { message } = (failure ?? new Error(`the Vectorize index ${at.name} is gone`)) as Error;
    // What nobody could look at counts as not done, so that the next update does it.
    const outputs = known ?? { ...inputs, metadataIndexes: [], createdOn: "" };
    throw new PartlyDone(message, idOf(at), outputs);
  };

  return {
    check: ({ news }) => checkInputs(news),

    async diff({ id, urn, state, news, signal }) {
      const diff = indexDiff(state, news);
      if (diff.replaces.length > 0) return diff;
      const name = String(state.name);
      if (state.description !== news.description)
        await log.warn(
          `Vectorize cannot change a description: ${name} keeps "${state.description}". Put it back, or give a new generation of the index the new one`,
          urn,
        );
      const { added } = metadataIndexChanges(
        (state.metadataIndexes ?? []) as MetadataIndex[],
        diff.changed.metadataIndexes && Array.isArray(news.metadataIndexes) ? news.metadataIndexes : [],
      );
      const vectors = added.length === 0 ? 0 : await api().vectorCount(addressOf(id, signal));
      if (vectors > 0)
        await log.warn(
          `${name} holds ${vectorsTold(vectors)}, which will not be filterable by ${added.map(({ property }) => property).join(", ")}: a metadata index sees only vectors written after it. Upsert them again, or fill a new generation of the index`,
          urn,
        );
      return diff;
    },

    async create({ urn, inputs, preview, signal, timeout_ms }) {
      if (preview) return { id: "", outputs: inputs };
      const wanted = indexInputs.parse(inputs);
      const at = { account_id: wanted.accountId, name: wanted.name, signal };
      await createOnce(api(), at, wanted, urn);
      const outputs = await recorded(at, wanted, () =>
        settle(at, wanted.metadataIndexes, timeout_ms || VISIBLE_WAIT_MAX_MS),
      );
      return { id: idOf(at), outputs };
    },

    async read({ id, state, inputs, signal }) {
      const at = addressOf(id, signal);
      const live = await api().find(at);
      if (live === null) return null;
      const declared = { ...state, ...inputs };
      const outputs = await stateOf(at, live, declared);
      const { createdOn: _, ...asInputs } = outputs;
      return { id, outputs, inputs: asInputs };
    },

    async update({ id, state, news, preview, signal, timeout_ms }) {
      if (preview) return { ...state, ...news, description: state.description };
      const wanted = indexInputs.parse(news);
      const at = addressOf(id, signal);
      return recorded(at, wanted, () => settle(at, wanted.metadataIndexes, timeout_ms || VISIBLE_WAIT_MAX_MS));
    },

    async delete({ id, state, signal }) {
      const at = addressOf(id, signal);
      if ((await api().find(at)) === null) return;
      const vectors = state.forceDestroy === true ? 0 : await api().vectorCount(at);
      if (vectors > 0)
        throw new Error(
          `Cannot delete the Vectorize index ${at.name}: it holds ${vectorsTold(vectors)}, which nothing brings back.\nTry: keep it (retainOnDelete), or make a verified backup, set forceDestroy: true, run the update, then delete`,
        );
      await api().delete(at);
    },
  };
}

/**
 * Creates the index exactly once, also when an answer is lost on the way: an index that was not there before and has
 * the asked-for shape afterwards is ours. Accepted race: somebody else created the very same index in those seconds.
 * @throws when the name is taken.
 */
async function createOnce(api: VectorizeApi, at: IndexAddress, wanted: IndexInputs, urn: string): Promise<void> {
  if ((await api.find(at)) !== null)
    throw new Error(
      `Cannot create the Vectorize index ${at.name}: account ${at.account_id} has one of this name that this stack does not manage.\nTry: adopt it with \`pulumi import vectorize:index:VectorizeIndex ${urn.split("::").at(-1)} ${idOf(at)}\`, or take another name or generation`,
    );
  for (let failures = 0; ; ) {
    try {
      return await api.create(at, wanted);
    } catch (error) {
      if (!mayPass(error)) throw error;
      const call = { what: `create the Vectorize index ${at.name}`, account_id: at.account_id };
      const made = await api.find(at);
      if (made?.dimensions === wanted.dimensions && made.metric === wanted.metric) return;
      if (++failures >= TRIES_MAX) throw explained(error, call);
      await sleep(FIRST_PAUSE_MS * 2 ** (failures - 1), undefined, { signal: at.signal });
    }
  }
}

function vectorsTold(count: number): string {
  return count === 1 ? "1 vector" : `${count} vectors`;
}

function idOf({ account_id, name }: IndexAddress): string {
  return `${account_id}/${name}`;
}

/** @throws when an import was given something else than an id. */
function addressOf(id: string, signal: AbortSignal): IndexAddress {
  const [, account_id, name] = /^([0-9a-f]{32})\/([^/]+)$/.exec(id) ?? [];
  if (account_id === undefined || name === undefined)
    throw new Error(
      `"${id}" is not the id of a VectorizeIndex.\nTry: <account id>/<index name>, e.g. 0123456789abcdef0123456789abcdef/prism-chunks-g1`,
    );
  return { account_id, name, signal };
}
