/** XML of office files. The parser knows no entities but XML's own five, and reads nothing that a document type names. */
import type { Element, Nodes, Root } from "xast";
import { fromXml } from "xast-util-from-xml";
import { Refused } from "./parser.ts";

/** The prefixes that parsers look for. A writer may choose any other: a name belongs to what its prefix stands for. */
const USUAL_PREFIXES: readonly [namespace: RegExp, prefix: string][] = [
  [/\/presentationml\/(?:2006\/)?main$/, "p:"],
  [/\/drawingml\/(?:2006\/)?main$/, "a:"],
  [/\/officeDocument\/(?:2006\/)?relationships$/, "r:"],
  [/\/spreadsheetml\/(?:2006\/)?main$|\/package\/2006\/relationships$/, ""],
  [/^http:\/\/www\.idpf\.org\/2007\/opf$|:opendocument:xmlns:container$/, ""],
  [/:opendocument:xmlns:(\w+):1\.0$/, "$1:"],
  [/^http:\/\/www\.w3\.org\/1999\/xlink$/, "xlink:"],
];
const DECLARATION = /^xmlns(?::|$)/;
/** What an XML declaration may say, read as ASCII. */
const ENCODING = /^<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]+)["']/;
const DECLARATION_BYTES_MAX = 200;

/** With the usual prefixes. @throws Refused where it is missing. */
export function parseXml(xml: Buffer | undefined, name: string): Root {
  if (xml === undefined) throw new Refused(`lacks ${name}`);
  const root = fromXml(decodeXml(xml));
  usePrefixes(root.children, new Map());
  return root;
}

/** In the encoding that its first bytes say. @throws RangeError for one that nobody knows. */
export function decodeXml(xml: Buffer): string {
  const [first, second] = xml;
  if ((first === 0xfe && second === 0xff) || (first === 0 && second === 0x3c)) return decode(xml, "utf-16be");
  if ((first === 0xff && second === 0xfe) || (first === 0x3c && second === 0)) return decode(xml, "utf-16le");
  const said = ENCODING.exec(xml.toString("latin1", 0, DECLARATION_BYTES_MAX))?.[1];
  return decode(xml, said ?? "utf-8");
}

/** `scope`: what to write for each prefix; the default namespace's is "". */
function usePrefixes(nodes: readonly Nodes[], scope: ReadonlyMap<string, string>): void {
  for (const node of nodes) {
    if (node.type !== "element") continue;
    const attributes = Object.entries(node.attributes);
    const declared = attributes.filter(([name]) => DECLARATION.test(name));
    const inner =
      declared.length === 0
        ? scope
        : new Map([
            ...scope,
            ...declared.map(([name, uri]) => [name.slice("xmlns:".length), usualPrefix(name, uri ?? "")] as const),
          ]);
    node.name = withPrefix(node.name, inner);
    if (attributes.some(([name]) => name.includes(":")))
      node.attributes = Object.fromEntries(
        attributes.map(([name, value]) => [name.includes(":") ? withPrefix(name, inner) : name, value]),
      );
    usePrefixes(node.children, inner);
  }
}

export function childrenOf(node: Nodes, name?: string): Element[] {
  const children = "children" in node ? (node.children as Nodes[]) : [];
  return children.filter((child): child is Element => child.type === "element" && (name ?? child.name) === child.name);
}

/** All elements of that name below a node, in order. */
export function allOf(node: Nodes, name: string): Element[] {
  return childrenOf(node).flatMap((child) => (child.name === name ? [child] : allOf(child, name)));
}

export function firstOf(node: Nodes, name: string): Element | undefined {
  return allOf(node, name)[0];
}

function usualPrefix(declaration: string, uri: string): string {
  const known = USUAL_PREFIXES.find(([namespace]) => namespace.test(uri));
  if (known === undefined) return declaration === "xmlns" ? "" : `${declaration.slice("xmlns:".length)}:`;
  return known[1].replace("$1", known[0].exec(uri)?.[1] ?? "");
}

function withPrefix(name: string, scope: ReadonlyMap<string, string>): string {
  const colon = name.indexOf(":");
  const prefix = scope.get(name.slice(0, Math.max(0, colon)));
  return prefix === undefined ? name : prefix + name.slice(colon + 1);
}

function decode(xml: Buffer, encoding: string): string {
  return new TextDecoder(encoding).decode(xml);
}
