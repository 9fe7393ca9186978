/**
 * Which migrations a deployment runs, which wait, and what stands in the way. Pure.
 *
 * An expansion runs before the version that needs it. A contraction takes away what an older version may still read, so
 * it runs only when the deployed version was made from a checkout that already held it: that is the version which
 * stopped using the old shape. Each version carries the name of its newest migration in its annotation.
 */
import { z } from "zod";
import type { Migration } from "../../infra/migration-files.ts";

export const plannedMigration = z.strictObject({
  name: z.string(),
  phase: z.enum(["expand", "contract"]),
  /** Runs now, or waits for a deployment after this one. */
  action: z.enum(["apply", "wait"]),
  /** Why it waits; empty if it does not. */
  reason: z.string(),
  has_way_back: z.boolean(),
});
export type PlannedMigration = z.infer<typeof plannedMigration>;

interface MigrationPlan {
  pending: PlannedMigration[];
  /** Recorded in the database, unknown to this checkout: the checkout is older than what was deployed. */
  unknown: string[];
}

/** What serves the traffic, as far as the schema is concerned. */
export type Deployed =
  /** Nothing serves yet, so nothing needs the old shape. */
  | { kind: "nothing" }
  /** `schema`: newest migration of the checkout the version was made from, or null where the version does not say. */
  | { kind: "version"; schema: string | null };

export function planMigrations(
  migrations: readonly Migration[],
  applied: ReadonlySet<string>,
  deployed: Deployed,
): MigrationPlan {
  const known = new Set(migrations.map(({ name }) => name));
  return {
    unknown: [...applied].filter((name) => !known.has(name)).sort(),
    pending: migrations
      .filter(({ name }) => !applied.has(name))
      .map(({ name, phase, revert }) => {
        const reason = phase === "contract" ? whyItWaits(name, deployed) : "";
        return { name, phase, action: reason === "" ? "apply" : "wait", reason, has_way_back: "statements" in revert };
      }),
  };
}

function whyItWaits(name: string, deployed: Deployed): string {
  if (deployed.kind === "nothing" || (deployed.schema !== null && deployed.schema >= name)) return "";
  return deployed.schema === null
    ? "the deployed version does not say which schema it was made for: it may need the old shape; deploy once more afterwards"
    : `the deployed version was made for ${deployed.schema} and may need the old shape; deploy once more afterwards`;
}

/** Contractions that ran and that a version made for `schema` knows nothing of: it may need what they took away. */
export function contractedSince(
  migrations: readonly Migration[],
  applied: ReadonlySet<string>,
  schema: string | null,
): string[] {
  return migrations
    .filter(({ name, phase }) => phase === "contract" && applied.has(name) && (schema === null || name > schema))
    .map(({ name }) => name);
}
