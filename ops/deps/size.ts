/** `ops deps size`: what the bundle is made of, and what lies in node_modules, against their budgets. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import pMap from "p-map";
import { z } from "zod";
import { BUNDLE_GZIP_BYTES_MAX, bundleWorker } from "../../infra/build.ts";
import { counted } from "../../worker/ground/counted.ts";
import { defineCommand } from "../command/define.ts";
import { EXIT } from "../command/errors.ts";
import { positive } from "../command/options.ts";
import { table } from "../command/output.ts";
import { shownBytes } from "../command/quantities.ts";
import { FOLDER_READERS, NODE_MODULES_BYTES_MAX } from "../limits.ts";
import { ROOT } from "../stack/pulumi-engine.ts";

const sized = z.strictObject({ name: z.string(), bytes: z.int() });
type Sized = z.infer<typeof sized>;

export const depsSize = defineCommand({
  path: "deps size",
  group: "delivery",
  summary: "what the Worker's bundle is made of, and node_modules by package, against their budgets",
  notes: `The bundle is built in memory; each part is what it takes in it before compression. Exit code 1: the compressed bundle is over ${shownBytes(BUNDLE_GZIP_BYTES_MAX)}, or
node_modules over ${shownBytes(NODE_MODULES_BYTES_MAX)}.`,
  risk: "read",
  options: z.object({
    top: positive.default(15).meta({ placeholder: "rows", description: "how many of each, the largest first" }),
  }),
  output: z.strictObject({
    ok: z.boolean(),
    bundle: z.strictObject({ bytes: z.int(), gzip_bytes: z.int(), gzip_bytes_max: z.int(), parts: z.array(sized) }),
    node_modules: z.strictObject({ bytes: z.int(), bytes_max: z.int(), packages: z.array(sized) }),
  }),
  examples: ["deps size", "deps size --top 5 --json"],
  async run({ terminal }, { top }) {
    const { code, metafile } = await bundleWorker();
    const parts = new Map<string, number>();
    for (const { inputs } of Object.values(metafile.outputs))
      for (const [path, { bytesInOutput }] of Object.entries(inputs))
        parts.set(partOf(path), (parts.get(partOf(path)) ?? 0) + bytesInOutput);
    const packages = await packageSizes(join(ROOT, "node_modules"));
    const bundle = {
      bytes: Buffer.byteLength(code),
      gzip_bytes: gzipSync(code, { level: 9 }).length,
      gzip_bytes_max: BUNDLE_GZIP_BYTES_MAX,
    };
    const bytes = packages.reduce((sum, one) => sum + one.bytes, 0);
    const ok = bundle.gzip_bytes <= bundle.gzip_bytes_max && bytes <= NODE_MODULES_BYTES_MAX;
    const largest = (all: readonly Sized[]) => all.toSorted((a, b) => b.bytes - a.bytes).slice(0, top);
    const shownParts = largest([...parts].map(([name, size]) => ({ name, bytes: size })));
    const shownPackages = largest(packages);
    const budget = (used: number, most: number) =>
      `${shownBytes(used)} of ${shownBytes(most)}${used > most ? ": OVER" : ""}`;
    return {
      data: {
        ok,
        bundle: { ...bundle, parts: shownParts },
        node_modules: { bytes, bytes_max: NODE_MODULES_BYTES_MAX, packages: shownPackages },
      },
      text: [
        sizes("part of the bundle", shownParts, terminal),
        `Bundle: ${shownBytes(bundle.bytes)}; compressed ${budget(bundle.gzip_bytes, bundle.gzip_bytes_max)}`,
        "",
        sizes("package", shownPackages, terminal),
        `node_modules: ${counted(packages.length, "package")}, ${budget(bytes, NODE_MODULES_BYTES_MAX)}`,
      ].join("\n"),
      exit_code: ok ? EXIT.done : EXIT.check_failed,
    };
  },
});

function sizes(title: string, rows: readonly Sized[], terminal: boolean): string {
  return table(terminal, rows, [
    { title, value: ({ name }) => name },
    { title: "size", value: ({ bytes }) => shownBytes(bytes), align: "right" },
  ]);
}

/** The package that a module comes from, or its folder of ours: `zod`, `worker/rag`. */
function partOf(path: string): string {
  const [, inside] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  return inside ?? path.split("/").slice(0, 2).join("/");
}

/**
 * Bytes of each package directly in `folder`, with what lies inside of it. Links are not followed; a file that two packages share by a hard
 * link, as workerd's do, takes its place once, in the first of them.
 */
async function packageSizes(folder: string): Promise<Sized[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    if (!entry.name.startsWith("@")) names.push(entry.name);
    else for (const inside of await readdir(join(folder, entry.name))) names.push(`${entry.name}/${inside}`);
  }
  const counted = new Set<number>();
  return pMap(names, async (name) => ({ name, bytes: await bytesIn(join(folder, name), counted) }), {
    concurrency: FOLDER_READERS,
  });
}

async function bytesIn(folder: string, counted: Set<number>): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const { ino, nlink, size } = await stat(join(entry.parentPath, entry.name));
    if (nlink > 1 && counted.has(ino)) continue;
    counted.add(ino);
    bytes += size;
  }
  return bytes;
}
