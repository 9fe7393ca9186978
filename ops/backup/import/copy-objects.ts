/**
 * A repository copied to another place as it is, encrypted: the copy that no token of this account can touch. Only what is missing is copied, in
 * the repository's own order of writes, so that an interrupted copy is a whole repository of fewer snapshots.
 */
import pMap from "p-map";
import { z } from "zod";
import { EXIT, OpsError } from "../../command/errors.ts";
import { REPOSITORY_READERS } from "../../limits.ts";
import { absent, alreadyThere, objectsUnder, type Storage } from "../../storage/storage.ts";
import { CONFIG, EPOCHS, POINTER } from "../repository/layout.ts";

/** In the way of a copy: what it takes, or took. */
export const repositoryCopied = z.strictObject({
  objects: z.int(),
  bytes: z.int(),
  /** Were there, at the same size. */
  kept: z.int(),
});
export type RepositoryCopied = z.infer<typeof repositoryCopied>;

/** What is referred to comes before what refers to it. */
const ORDER: readonly RegExp[] = [/\/(parts|keys|config)\//, /\/index\//, /\/manifests\//];

/** What the target lacks. @throws OpsError when it has an object of the same name and another size. */
export async function planCopy(
  from: Storage,
  to: Storage,
  signal: AbortSignal,
): Promise<RepositoryCopied & { missing: string[] }> {
  const there = new Map<string, number>();
  for await (const { key, bytes } of objectsUnder(to, EPOCHS, signal)) there.set(key, bytes);
  const missing: string[] = [];
  const plan: RepositoryCopied = { objects: 0, bytes: 0, kept: 0 };
  for await (const { key, bytes } of objectsUnder(from, EPOCHS, signal)) {
    const found = there.get(key);
    if (found === undefined) {
      missing.push(key);
      plan.bytes += bytes;
    } else if (found === bytes) plan.kept += 1;
    else throw otherObject(to.location, key, found, bytes);
  }
  return { ...plan, objects: missing.length, missing };
}

/** `keeps_own`: where the target has a pointer and a configuration, they stay. @throws OpsError as `planCopy`, and in the storages' words. */
export async function copyObjects(
  from: Storage,
  to: Storage,
  { signal, keeps_own, on_bytes }: { signal: AbortSignal; keeps_own: boolean; on_bytes(bytes: number): void },
): Promise<RepositoryCopied> {
  // Read before the objects, so that what it names is among them.
  const mutable = await Promise.all(
    [CONFIG, POINTER].map(async (key) => ({ key, body: await bodyOf(from, key, signal) })),
  );
  const { missing, kept } = await planCopy(from, to, signal);
  const copied: RepositoryCopied = { objects: 0, bytes: 0, kept };
  const put = async (key: string): Promise<void> => {
    const body = await bodyOf(from, key, signal);
    // Pruned since it was listed.
    if (body === undefined) return;
    await to.create(key, body, signal).catch(alreadyThere);
    const { bytes } = await to.look(key, signal);
    if (bytes !== body.length) throw otherObject(to.location, key, bytes, body.length);
    copied.objects += 1;
    copied.bytes += bytes;
    on_bytes(bytes);
  };
  const rank = (key: string) => ORDER.findIndex((shape) => shape.test(key));
  for (const step of [-1, ...ORDER.keys()])
    await pMap(
      missing.filter((key) => rank(key) === step),
      put,
      { concurrency: REPOSITORY_READERS },
    );
  for (const { key, body } of mutable) {
    if (body === undefined) continue;
    const found = await to.read(key, signal).catch(absent);
    if (found && (keeps_own || Buffer.compare(found.body, body) === 0)) continue;
    await to.replace(key, body, found?.etag ?? null, signal);
  }
  return copied;
}

async function bodyOf(storage: Storage, key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  return (await storage.read(key, signal).catch(absent))?.body;
}

function otherObject(location: string, key: string, found: number, wanted: number): OpsError {
  return new OpsError(
    {
      op: "copy repository to",
      subject: location,
      cause: `${key} is there with ${found} bytes instead of ${wanted}`,
      hint: "one of them is damaged: npm run ops -- backup verify --repository PLACE tells which; remove the damaged object and repeat",
    },
    { exit_code: EXIT.check_failed },
  );
}
