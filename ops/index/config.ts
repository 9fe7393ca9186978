/** `prism.config.json`: what is indexed. The schema is the documentation; `loadConfig` is the only reader. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { misuse, type OpsError } from "../command/errors.ts";

const Glob = z
  .string()
  .min(1)
  .refine((glob) => !glob.startsWith("/") && !glob.split("/").includes(".."), {
    message: "must stay inside the source: no leading / and no ..",
  });

const shared = {
  /** Begins the ids of its documents (`handbook:guides/start.md`); only documents of configured collections are ever deleted. */
  collection: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "must be 1 to 32 of a–z, 0–9 and -"),
  include: z.array(Glob).min(1).default(["**/*.{md,markdown,txt}"]),
  exclude: z.array(Glob).default([]),
  /** Flat values on every document, to filter searches by; `collection` and `path` are always there. */
  metadata: z
    .record(z.string().regex(/^[A-Za-z_][\w-]{0,63}$/), z.union([z.string(), z.number(), z.boolean()]))
    .default({}),
  /** Link of a document, `{path}` standing for its path: `https://github.com/o/r/blob/main/{path}`. */
  url: z.string().includes("{path}").optional(),
};

const FolderSource = z.strictObject({
  /** Relative to the configuration file's folder, or absolute. */
  folder: z.string().min(1),
  ...shared,
});

const GitSource = z.strictObject({
  /** A clone URL, or the path of a repository on this machine; what is committed counts, not the working tree. */
  git: z.string().min(1),
  /** Branch or tag; the remote's default branch if left out. */
  ref: z
    .string()
    .regex(/^[\w./+-]+$/)
    .refine((ref) => !ref.startsWith("-"), "must not begin with -")
    .optional(),
  ...shared,
});

const Source = z.union([FolderSource, GitSource]);
export type Source = z.infer<typeof Source>;

export const IndexConfig = z.strictObject({ sources: z.array(Source).min(1) });
export type IndexConfig = z.infer<typeof IndexConfig>;

/** @throws OpsError when the file cannot be read or does not have the shape of {@link IndexConfig}. */
export async function loadConfig(path: string): Promise<IndexConfig> {
  const refuse = (cause: string, error: unknown): OpsError =>
    misuse(
      { op: "read", subject: path, cause, hint: "correct the file; docs/index-config.md shows every field" },
      error,
    );
  let json: unknown;
  try {
    // Editors of Windows begin a file with a byte order mark, which is no JSON.
    json = JSON.parse((await readFile(path, "utf8")).replace(/^\uFEFF/, ""));
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error), error);
  }
  const parsed = IndexConfig.safeParse(json);
  if (!parsed.success) throw refuse(flawsOf(parsed.error), parsed.error);
  return parsed.data;
}

/** Every field that is wrong. A source that is of neither kind is told what keeps it from the nearer one: zod says that it is invalid. */
function flawsOf({ issues }: z.ZodError): string {
  const flaws = issues.flatMap((issue) => {
    if (issue.code !== "invalid_union") return [issue];
    const [nearest = []] = issue.errors.toSorted((a, b) => a.length - b.length);
    return nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  });
  return flaws.map(({ path, message }) => `${z.core.toDotPath(path) || "the file"}: ${message}`).join("; ");
}
