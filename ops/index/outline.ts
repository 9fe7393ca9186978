/** The declarations of a source file as its grammar sees them. Broken code is read as far as it makes sense; nothing throws. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { Node, Parser } from "@vscode/tree-sitter-wasm";
import type { OutlineEntry } from "../../worker/ground/document.ts";
import { CHUNK_HEADING_CHARS_MAX, LEAD_LINES_MAX, OUTLINE_ENTRIES_MAX } from "../../worker/limits.ts";
import { SYMBOL_SEPARATOR } from "../../worker/rag/text/identifiers.ts";
import { cutSafely } from "../../worker/rag/text/text-units.ts";
import { OUTLINE_BRACKETS_MAX } from "../limits.ts";
import { DECLARATIONS, type DeclarationKind, type Grammar, LEADS, TRANSPARENT } from "./languages.ts";

/** A name and where it stands. */
interface Declaration {
  /** `Packer.add` */
  symbol: string;
  /** Of the name itself, from 1. */
  line: number;
  /** From where on the text is its: of comments, decorators and attributes above it. */
  from_line: number;
  /** Another file may use it: exported, public, or without an underscore, as the language has it. Members are what their owner is. */
  is_public: boolean;
}

/** Deeper nesting is generated, and recursion should not follow it. */
const NESTING_MAX = 32;
const FUNCTIONS: ReadonlySet<string> = new Set(["arrow_function", "function_expression", "function"]);

const require = createRequire(import.meta.url);
const TREE_SITTER = "@vscode/tree-sitter-wasm";
type TreeSitter = typeof import("@vscode/tree-sitter-wasm");
let engine: Promise<TreeSitter> | undefined;
const parsers = new Map<Grammar, Promise<Parser>>();

function parserOf(grammar: Grammar): Promise<Parser> {
  // One engine however many files are read at once: a second one would not know the parsers of the first.
  engine ??= startEngine();
  const known = parsers.get(grammar) ?? loadParser(engine, grammar);
  parsers.set(grammar, known);
  return known;
}

async function startEngine(): Promise<TreeSitter> {
  // Loaded on use: most sources are prose.
  const loaded = require(TREE_SITTER) as TreeSitter;
  await loaded.Parser.init();
  return loaded;
}

async function loadParser(started: Promise<TreeSitter>, grammar: Grammar): Promise<Parser> {
  const { Language, Parser } = await started;
  const parser = new Parser();
  const file = require.resolve(`${TREE_SITTER}/wasm/tree-sitter-${grammar}.wasm`);
  parser.setLanguage(await Language.load(await readFile(file)));
  return parser;
}

/** What ran out of its stack once reads nothing any more: the next file gets another. */
function dropEngine(): void {
  engine = undefined;
  parsers.clear();
  delete require.cache[require.resolve(TREE_SITTER)];
}

interface Declarations {
  declarations: Declaration[];
  /** Where other statements of the top level begin. */
  statement_lines: number[];
}

/** The declarations of a normalised text, in order; undefined for what no parser should, or can, read. */
export async function declarationsOf(text: string, grammar: Grammar): Promise<Declarations | undefined> {
  if (nestsTooDeep(text)) return undefined;
  const parser = await parserOf(grammar);
  try {
    const tree = parser.parse(text);
    if (tree === null) return undefined;
    const read = new Reader(grammar).read(tree.rootNode);
    tree.delete();
    return read;
  } catch {
    dropEngine();
    return undefined;
  }
}

/** The time of a parser grows with the square of it, and its stack with it. */
function nestsTooDeep(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[([{}\])]/g)) {
    depth = Math.max(0, depth + ("([{".includes(bracket) ? 1 : -1));
    if (depth > OUTLINE_BRACKETS_MAX) return true;
  }
  return false;
}

/**
 * What a document's `outline` says of such a file: declarations by line, and "" where something else follows them. Undefined
 * where the service should go by indentation.
 */
export async function outlineOf(text: string, grammar: Grammar): Promise<OutlineEntry[] | undefined> {
  const read = await declarationsOf(text, grammar);
  if (read === undefined) return undefined;
  const symbols = new Map<number, string[]>(read.statement_lines.map((line) => [line, []]));
  for (const { from_line, line, symbol } of read.declarations) {
    for (const begin of line - from_line > LEAD_LINES_MAX ? [from_line, line] : [from_line])
      symbols.set(begin, [...(symbols.get(begin) ?? []), symbol]);
  }
  return [...symbols]
    .toSorted(([a], [b]) => a - b)
    .slice(0, OUTLINE_ENTRIES_MAX)
    .map(([line, names]) => ({ line, symbol: cutSafely(names.join(SYMBOL_SEPARATOR), CHUNK_HEADING_CHARS_MAX) }));
}

interface Place {
  path: string;
  is_public: boolean;
  depth: number;
  /** Of what stands around the first declaration; undefined at the next. */
  from_line: number | undefined;
}

class Reader {
  private readonly grammar: Grammar;
  private readonly kinds: Readonly<Record<string, DeclarationKind>>;
  private readonly declarations: Declaration[] = [];
  private readonly statement_lines: number[] = [];

  constructor(grammar: Grammar) {
    this.grammar = grammar;
    this.kinds = DECLARATIONS[grammar];
  }

  read(root: Node): Declarations {
    this.walk(root, { path: "", is_public: this.grammar === "python", depth: 0, from_line: undefined });
    return { declarations: this.declarations, statement_lines: this.statement_lines };
  }

  private walk(parent: Node, place: Place): void {
    if (place.depth > NESTING_MAX) return;
    let lead: number | undefined;
    let last_row = -1;
    let from_line = place.from_line;
    for (const node of parent.namedChildren) {
      if (node === null) continue;
      const row = node.startPosition.row;
      if (lead !== undefined && row > last_row + 1) lead = undefined;
      if (LEADS.has(node.type)) {
        // What stands behind something on its line belongs to that.
        if (row > last_row) lead ??= row + 1;
        last_row = endRow(node);
        continue;
      }
      const before = this.declarations.length;
      const own = from_line ?? lead ?? row + 1;
      const kind = this.kinds[node.type];
      if (kind !== undefined) this.addDeclaration(node, kind, { ...place, from_line: own });
      else if (TRANSPARENT.has(node.type)) {
        const is_public = place.is_public || node.type === "export_statement";
        this.walk(node, { ...place, is_public, depth: place.depth + 1, from_line: own });
      }
      if (this.declarations.length > before) from_line = undefined;
      else if (place.depth === 0 && !/import|package|use_decl/.test(node.type)) this.statement_lines.push(own);
      lead = undefined;
      last_row = endRow(node);
    }
  }

  private addDeclaration(node: Node, kind: DeclarationKind, place: Place): void {
    if (kind.function_only && !FUNCTIONS.has(node.childForFieldName("value")?.type ?? "")) return;
    const names = namesOf(node, kind);
    const [first] = names;
    if (first === undefined) return;
    const owner = kind.owner_field === undefined ? undefined : typeName(node.childForFieldName(kind.owner_field));
    const path = owner === undefined ? place.path : `${place.path}${owner}.`;
    const isImplementation = node.type === "impl_item";
    const is_public = (place.is_public || this.isPublic(node, first.text)) && !this.isHidden(node, first.text);
    for (const [at, name] of names.entries()) {
      const line = name.startPosition.row + 1;
      const symbol = isImplementation ? `impl ${first.text}` : `${path}${name.text}`;
      this.declarations.push({
        symbol,
        line,
        from_line: at === 0 ? (place.from_line ?? line) : Math.max(line, place.from_line ?? line),
        is_public: is_public && !isImplementation,
      });
    }
    const body = kind.members ? node.childForFieldName("body") : null;
    if (body !== null) {
      const inner = `${path}${isImplementation ? typeName(first) : first.text}.`;
      const members = { path: inner, depth: place.depth + 1, from_line: undefined };
      // What implements a trait is as public as that, and may not say so.
      const ofTrait = node.childForFieldName("trait") !== null;
      this.walk(body, { ...members, is_public: isImplementation ? ofTrait : is_public });
    }
  }

  /** What its owner's being public does not make public. */
  private isHidden(node: Node, name: string): boolean {
    if (this.grammar === "python") return /^_(?!_)/.test(name);
    return /^[#_]/.test(name) || node.namedChild(0)?.text === "private";
  }

  private isPublic(node: Node, name: string): boolean {
    if (this.grammar === "go") return /^\p{Lu}/u.test(name);
    if (this.grammar === "rust") return node.namedChildren.some((child) => child?.type === "visibility_modifier");
    if (this.grammar === "java")
      return /\b(?:public|protected)\b/.test(modifiers(node) ?? modifiers(node.parent) ?? "");
    return false;
  }
}

function modifiers(node: Node | null): string | undefined {
  return node?.namedChildren.find((child) => child?.type === "modifiers")?.text;
}

/** Names without the patterns that are none: `{ a, b }` declares both, `a.b = 1` nothing. */
function namesOf(node: Node, { name_field = "name" }: DeclarationKind): Node[] {
  return node.childrenForFieldName(name_field).flatMap((name) => {
    if (name === null || !name.isNamed) return [];
    if (/pattern/.test(name.type))
      return name
        .descendantsOfType(["shorthand_property_identifier_pattern", "identifier"])
        .filter((found) => found !== null && (found.type !== "identifier" || found.parent?.equals(name)))
        .flatMap((found) => found ?? []);
    return name_field !== "left" || name.type === "identifier" ? [name] : [];
  });
}

/** The type's own name: without pointers, paths and parameters. */
function typeName(node: Node | null): string | undefined {
  if (node === null) return undefined;
  return node.type === "type_identifier"
    ? node.text
    : (node.descendantsOfType("type_identifier")[0]?.text ?? node.text);
}

/** A node that takes its line's end with it ends on that line. */
function endRow({ endPosition: { row, column } }: Node): number {
  return column === 0 ? row - 1 : row;
}
