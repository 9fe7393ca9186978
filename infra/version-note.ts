/**
 * What a version says about itself beside its code, in its annotation `workers/message`: the schema it was made for, and
 * a fingerprint of what it is bound to. A rollback reads both. Pure.
 */
import { createHash } from "node:crypto";

export interface VersionNote {
  /** Newest migration of the checkout that the code comes from; null where that is not known. */
  schema: string | null;
  /** Equal for equal bindings, secrets included; null where that is not known. */
  fingerprint: string | null;
}

/**
 * Fingerprint of bindings in any order. It may be public: among what it covers are secrets too long to be guessed.
 * Cut to 16 hex digits, since it is compared with a handful of others.
 */
export function bindingsFingerprint(bindings: readonly object[]): string {
  const sorted = bindings.map((binding) => JSON.stringify(Object.entries(binding).sort())).sort();
  return createHash("sha256").update(sorted.join("\n")).digest("hex").slice(0, 16);
}

export function writeVersionNote({ schema, fingerprint }: VersionNote): string {
  return `schema ${schema ?? "unknown"}, bindings ${fingerprint ?? "unknown"}`;
}

/** Reads any annotation; one of another kind knows nothing. */
export function readVersionNote(message: string | undefined): VersionNote {
  const [, schema = "unknown", fingerprint = "unknown"] =
    /^schema (\S+), bindings ([0-9a-f]{16}|unknown)$/.exec(message ?? "") ?? [];
  return { schema: schema === "unknown" ? null : schema, fingerprint: fingerprint === "unknown" ? null : fingerprint };
}

/** Short name of a release: the start of the code's SHA-256. */
export function releaseTag(code: string): string {
  return createHash("sha256").update(code).digest("hex").slice(0, 12);
}
