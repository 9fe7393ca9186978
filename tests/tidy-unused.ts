/** House rules against what nobody uses: exports, files, dependencies. By words, not by syntax trees. Pure. */
import { type Exception, isCode, isTest, type Tree } from "./tidy-code.ts";

const DECLARATION =
  /^export (?:declare )?(?:async )?(?:function\*?|const|let|class|abstract class|interface|type) ([A-Za-z_$][\w$]*)/gm;

const code = (tree: Tree) => [...tree].filter(([path]) => isCode(path));

/** An export is named at least once more, somewhere: here, in another file, in a test. */
export function unusedExports(tree: Tree): string[] {
  const uses = new Map<string, number>();
  for (const [, text] of code(tree)) {
    const words = text.replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, "").match(/[A-Za-z_$][\w$]*/g) ?? [];
    for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
  }
  return code(tree).flatMap(([path, text]) =>
    [...text.matchAll(DECLARATION)]
      .map(([, name = ""]) => name)
      .filter((name) => (uses.get(name) ?? 0) < 2)
      .map((name) => `${path}: nobody uses \`${name}\`: delete it`),
  );
}

/** A file is imported, or named by the script or test that starts it. */
export function unusedFiles(tree: Tree): string[] {
  return code(tree).flatMap(([path]) => {
    if (isTest(path) || path.endsWith(".config.ts")) return [];
    const [stem = "", ending = ""] = path.match(/([^/]+)\.(\w+)$/)?.slice(1) ?? [];
    const namedBy = new RegExp(`[/"' ]${stem}(\\.${ending}\\b|["'])`);
    const isNamed = [...tree].some(([other, text]) => other !== path && !other.endsWith(".md") && namedBy.test(text));
    return isNamed ? [] : [`${path}: nothing imports or starts it: delete it`];
  });
}

/** A dependency is imported; one that only lends its commands or types is an exception. */
export function unusedDependencies(tree: Tree, exceptions: readonly Exception[]): string[] {
  const manifest = JSON.parse(tree.get("package.json") ?? "{}") as Record<string, Record<string, string> | undefined>;
  const isImported = (name: string) =>
    code(tree).some(([, text]) => text.includes(`"${name}"`) || text.includes(`"${name}/`));
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter((name) => !isImported(name) && !exceptions.some(({ id }) => id === name))
    .map(
      (name) => `package.json: nothing imports ${name}: npm uninstall ${name}, or give COMMANDS_AND_TYPES the reason`,
    );
}
