/** House rules for Markdown: documents, decision records and runbooks. Each returns complaints. Pure. */
import { posix } from "node:path";
import { toString as textOf } from "mdast-util-to-string";
import { nodesOf, parseMarkdown } from "../ops/runbook/markdown.ts";
import { parseRunbook } from "../ops/runbook/parse.ts";
import { type Exception, isCode, isTest, type Tree } from "./tidy-code.ts";

/** The anchor GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
}

const documents = (tree: Tree) => [...tree].filter(([path]) => path.endsWith(".md"));

const headings = (text: string) => [...nodesOf(parseMarkdown(text))].filter((node) => node.type === "heading");

/** Every document has one title. */
export function titles(tree: Tree): string[] {
  return documents(tree).flatMap(([path, text]) => {
    const count = headings(text).filter(({ depth }) => depth === 1).length;
    return count === 1 ? [] : [`${path}: has ${count} titles (# …), not one: make the others ##`];
  });
}

/** Relative links lead to files and headings that exist. */
export function links(tree: Tree): string[] {
  const folders = new Set([...tree.keys()].flatMap(ancestors));
  return documents(tree).flatMap(([path, text]) =>
    [...nodesOf(parseMarkdown(text))].flatMap((node) => {
      if (!("url" in node) || /^[a-z]+:/.test(node.url)) return [];
      const [file = "", fragment] = node.url.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), file).replace(/\/$/, "");
      const content = tree.get(target);
      if (content === undefined && !folders.has(target)) return [`${path}: ${node.url} leads nowhere: no ${target}`];
      if (fragment === undefined) return [];
      const anchors = headings(content ?? "").map((heading) => anchorOf(textOf(heading)));
      return anchors.includes(fragment)
        ? []
        : [`${path}: ${node.url} names no heading; there are ${anchors.join(", ")}`];
    }),
  );
}

function ancestors(path: string): string[] {
  const folder = posix.dirname(path);
  return folder === "." ? [folder] : [folder, ...ancestors(folder)];
}

/** Line numbers are wrong after the next edit. */
export function lineNumbers(tree: Tree): string[] {
  return documents(tree).flatMap(([path, text]) =>
    [...text.matchAll(/\b[\w/-]+\.(?:ts|js|sql|md)(?::\d+|#L\d+)/g)].map(
      ([found]) => `${path}: "${found}" names a line: name the function or constant`,
    ),
  );
}

/** Constants and variables that documents name are somewhere in the code, or in a step that reads them; the changelog tells of what was. */
export function constants(tree: Tree): string[] {
  const name = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g;
  const known = new Set(
    [...tree].flatMap(([path, text]) => {
      if (!path.endsWith(".md")) return text.match(name) ?? [];
      return [...text.matchAll(/\$\{?([A-Z][A-Z0-9_]*)/g)].map(([, variable = ""]) => variable);
    }),
  );
  return documents(tree)
    .filter(([path]) => path !== "CHANGELOG.md")
    .flatMap(([path, text]) =>
      [...new Set([...text.matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`/g)].map(([, found = ""]) => found))]
        .filter((found) => !known.has(found))
        .map((found) => `${path}: names \`${found}\`, which no code has: name what took its place`),
    );
}

/** Every folder of records has an index that names them all. */
export function indexes(tree: Tree): string[] {
  return ["docs/decisions", "runbooks"].flatMap((folder) => {
    const index = tree.get(`${folder}/README.md`) ?? "";
    return [...tree.keys()]
      .filter((path) => posix.dirname(path) === folder && path.endsWith(".md") && path !== `${folder}/README.md`)
      .map((path) => posix.basename(path))
      .filter((file) => !index.includes(`](${file})`))
      .map((file) => `${folder}/README.md: does not link ${file}: add its line`);
  });
}

/** The README of a room says what each of its folders holds. */
export function maps(tree: Tree): string[] {
  return ["infra", "local", "ops", "worker"].flatMap((room) => {
    const map = tree.get(`${room}/README.md`) ?? "";
    const inside = [...tree.keys()]
      .map((path) => path.split("/"))
      .filter((parts) => parts[0] === room && parts.length > 2);
    const unnamed = [...new Set(inside.map(([, folder]) => folder))].filter((folder) => !map.includes(`${folder}/`));
    return unnamed.map((folder) => `${room}/README.md: does not say what ${folder}/ holds: add its row`);
  });
}

/** The changelog's newest release is the version of package.json. */
export function changelog(tree: Tree): string[] {
  const { version } = JSON.parse(tree.get("package.json") ?? "{}") as { version?: string };
  const [, newest] = /^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$/m.exec(tree.get("CHANGELOG.md") ?? "") ?? [];
  if (newest === version) return [];
  return [
    `CHANGELOG.md: its newest release is ${newest ?? "none"}, package.json says ${version}: see Release in CONTRIBUTING.md`,
  ];
}

/** The README's table of variables names those that the code reads, and no others; exceptions are not the user's to set. */
export function variables(tree: Tree, exceptions: readonly Exception[]): string[] {
  const name = /\b(?:PRISM|CLOUDFLARE|PULUMI|AWS)_[A-Z_]+\b/g;
  const cells = [...(tree.get("README.md") ?? "").matchAll(/^\| ([^|]+)\|/gm)].map(([, cell = ""]) => cell);
  const tabled = new Set(cells.flatMap((cell) => cell.match(name) ?? []));
  const readers = new Map<string, string>();
  for (const [path, text] of tree) {
    if (!isCode(path) || isTest(path) || /\.(fixture|config)\.ts$/.test(path)) continue;
    const reads =
      text.match(/\benv(ironment)?(\.|\(")\w+|\{[^{}]*\}(: NodeJS\.ProcessEnv| = (process\.)?env\b)/g) ?? [];
    for (const variable of reads.flatMap((read) => read.match(name) ?? [])) readers.set(variable, path);
  }
  const isExcused = (variable: string) => exceptions.some(({ id }) => id === variable);
  return [
    ...[...readers]
      .filter(([variable]) => !tabled.has(variable) && !isExcused(variable))
      .map(([variable, path]) => `${path}: reads ${variable}: add it to the table of variables in README.md`),
    ...[...tabled]
      .filter((variable) => !readers.has(variable))
      .map((variable) => `README.md: nothing reads ${variable}: remove its row`),
    ...exceptions
      .filter(({ id }) => !readers.has(id))
      .map(({ id }) => `${id}: nothing reads it any more: remove it from NOT_THE_USERS`),
  ];
}

/** Runbooks can be found, read in a hurry and executed. */
export function runbooks(tree: Tree): string[] {
  return documents(tree)
    .filter(([path]) => /^runbooks\/(?!README)[^/]+\.md$/.test(path))
    .flatMap(([path, text]) => {
      const { front_matter, problems, steps } = parseRunbook(text);
      const id = posix.basename(path, ".md");
      return [
        ...problems.map(({ line, message }) => `${path}, line ${line}: ${message}`),
        ...(front_matter && front_matter.id !== id
          ? [`${path}: id is not ${id}: alerts link runbooks by file name`]
          : []),
        ...steps
          .filter(({ commands }) => /\\"\$/.test(commands))
          .map(({ name }) => `${path}: a quote in a variable of ${name} breaks its JSON: let JSON.stringify write it`),
      ];
    });
}
