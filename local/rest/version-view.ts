/** What the API shows of versions. Secrets have a name and a type here, never a value. */
import { createHash } from "node:crypto";
import type { WorkerBinding } from "../../infra/bindings.ts";
import type { VersionRecord } from "../registry.ts";

/** Bindings as any answer may carry them. */
export function shownBindings(bindings: readonly WorkerBinding[]): Record<string, unknown>[] {
  return bindings.map((binding) =>
    binding.type === "secret_text" ? { type: binding.type, name: binding.name } : binding,
  );
}

/** One version in a list. */
export function versionSummary(version: VersionRecord): Record<string, unknown> {
  const { id, number, created_on, annotations, bindings } = version;
  return {
    id,
    number,
    metadata: { created_on, modified_on: created_on, source: "api", hasPreview: false },
    annotations,
    resources: { bindings: shownBindings(bindings) },
  };
}

/** One version in full, code excepted. */
export function versionDetail(version: VersionRecord): Record<string, unknown> {
  const { compatibility_date, compatibility_flags, bindings, modules } = version;
  return {
    ...versionSummary(version),
    startup_time_ms: 1,
    resources: {
      script: { etag: createHash("sha256").update(JSON.stringify(modules)).digest("hex"), last_deployed_from: "api" },
      script_runtime: {
        compatibility_date,
        compatibility_flags,
        usage_model: "standard",
        limits: version.limits ?? {},
      },
      bindings: shownBindings(bindings),
    },
  };
}
