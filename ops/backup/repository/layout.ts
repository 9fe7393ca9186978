/**
 * Names of a repository's objects. Everything under `epoch/` is written once and lies under the bucket lock; the rest
 * changes in place.
 */
import { LOCKED_PREFIXES } from "../../../infra/locked-prefixes.ts";
import type { Storage } from "../../storage/storage.ts";

export const EPOCHS = LOCKED_PREFIXES.backups.prefix;
export const CONFIG = "config";
export const POINTER = "pointer";
export const LEASES = "locks/";
export const CHECKPOINTS = "checkpoints/";

/** `2026-11` of a time, UTC. */
export const epochOf = (at_ms: number): string => new Date(at_ms).toISOString().slice(0, 7);

/** The epochs that there are, oldest first. */
export async function epochsIn(storage: Storage, signal: AbortSignal): Promise<string[]> {
  return (await storage.folders(EPOCHS, signal)).filter((name) => /^\d{4}-\d{2}$/.test(name)).sort();
}

/** `copy` is 0, unless a damaged object has the name and cannot be removed. */
export const partKey = (epoch: string, id: string, copy: number): string =>
  `${EPOCHS}${epoch}/parts/${id.slice(0, 2)}/${id}${copy === 0 ? "" : `.${copy}`}`;

export const partsOf = (epoch: string): string => `${EPOCHS}${epoch}/parts/`;

export const contentKeyKey = (epoch: string, key_id: string): string => `${EPOCHS}${epoch}/keys/${key_id}`;

export const indexKey = (epoch: string, sha256: string): string => `${EPOCHS}${epoch}/index/${sha256}`;

export const manifestsOf = (epoch: string): string => `${EPOCHS}${epoch}/manifests/`;

/** Sorts by time, and says it to a person. */
export const manifestKey = (epoch: string, finished_ms: number, snapshot: string): string =>
  `${manifestsOf(epoch)}${new Date(finished_ms).toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${snapshot}`;

export const configsOf = (epoch: string): string => `${EPOCHS}${epoch}/config/`;

export const configCopyKey = (epoch: string, revision: number, sha256: string): string =>
  `${configsOf(epoch)}${String(revision).padStart(8, "0")}-${sha256.slice(0, 16)}`;

const checkpointsOf = (snapshot: string): string => `${CHECKPOINTS}${snapshot}-`;

export const checkpointKey = (snapshot: string, number: number): string =>
  `${checkpointsOf(snapshot)}${String(number).padStart(6, "0")}`;
