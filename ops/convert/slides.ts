/** PowerPoint's presentations (.pptx): each slide under its number and title, with tables, lists and what the speaker noted. */
import type { List, RootContent } from "mdast";
import type { Element } from "xast";
import { linkedEntry, openArchive } from "./archive.ts";
import { headingOf, markdownOf, paragraphOf, slideTitle, tableOf } from "./markdown.ts";
import type { Parser } from "./parser.ts";
import { allOf, childrenOf, firstOf, parseXml } from "./xml.ts";

const PRESENTATION = "ppt/presentation.xml";
const SLIDE_HEADING_LEVEL = 2;
const TITLES = new Set(["title", "ctrTitle"]);
/** Placeholders that repeat themselves on every slide. */
const FURNITURE = new Set(["dt", "ftr", "sldNum", "hdr", "sldImg"]);

export const parsePptx: Parser = (bytes) => {
  const archive = openArchive(bytes);
  const read = (name: string) => parseXml(archive.read(name), name);
  /** Targets of a part's relations, by id, as paths in the archive. */
  const relationsOf = (part: string) => {
    const folder = part.slice(0, part.lastIndexOf("/") + 1);
    const name = `${folder}_rels/${part.slice(folder.length)}.rels`;
    if (!archive.names.has(name)) return [];
    return allOf(read(name), "Relationship").map(({ attributes: { Id, Type, Target } }) => ({
      id: Id,
      type: Type ?? "",
      path: linkedEntry(archive.names, part, Target ?? ""),
    }));
  };

  const relations = new Map(relationsOf(PRESENTATION).map(({ id, path }) => [id, path]));
  const slides = allOf(read(PRESENTATION), "p:sldId").flatMap(
    ({ attributes }) => relations.get(attributes["r:id"]) ?? [],
  );
  const blocks = slides.flatMap((path, index): RootContent[] => {
    const shapes = shapesOf(firstOf(read(path), "p:spTree"));
    const title = shapes.find((shape) => TITLES.has(kindOf(shape)));
    const notes = relationsOf(path).find(({ type }) => type.endsWith("/notesSlide"));
    const noted = notes === undefined ? [] : shapesOf(firstOf(read(notes.path), "p:spTree"));
    return [
      headingOf(SLIDE_HEADING_LEVEL, slideTitle(index + 1, title && textOf(title))),
      ...shapes.filter((shape) => shape !== title).flatMap(blocksOf),
      ...noted.filter((shape) => kindOf(shape) === "body").flatMap((shape) => paragraphsOf(shape, false)),
    ];
  });
  return markdownOf(blocks);
};

/** Shapes, those in groups included, in the order in which they were drawn. */
function shapesOf(tree: Element | undefined): Element[] {
  if (tree === undefined) return [];
  return childrenOf(tree)
    .flatMap((child) => (child.name === "p:grpSp" ? shapesOf(child) : [child]))
    .filter((shape) => !FURNITURE.has(kindOf(shape)));
}

/** The kind of placeholder that a shape is: `body` where it does not say, "" for a shape that is none. */
function kindOf(shape: Element): string {
  const placeholder = firstOf(shape, "p:ph");
  return placeholder === undefined ? "" : (placeholder.attributes.type ?? "body");
}

function blocksOf(shape: Element): RootContent[] {
  const table = firstOf(shape, "a:tbl");
  if (table !== undefined) return [tableOf(allOf(table, "a:tr").map((row) => childrenOf(row, "a:tc").map(textOf)))];
  return paragraphsOf(shape, kindOf(shape) === "body");
}

/** `is_bulleted`: what its paragraphs are that do not say. */
function paragraphsOf(shape: Element, is_bulleted: boolean): RootContent[] {
  const blocks: RootContent[] = [];
  for (const paragraph of allOf(shape, "a:p")) {
    const text = textOf(paragraph);
    if (text === "") continue;
    const settings = firstOf(paragraph, "a:pPr");
    const has = (name: string) => settings !== undefined && firstOf(settings, name) !== undefined;
    const isItem = has("a:buChar") || has("a:buAutoNum") || (is_bulleted && !has("a:buNone"));
    if (isItem) addItem(blocks, Number(settings?.attributes.lvl ?? 0), text);
    else blocks.push(paragraphOf(text));
  }
  return blocks;
}

/** Adds an item to the list that ends `blocks`, as deep as its level; where there is none, a list begins. */
function addItem(blocks: RootContent[], level: number, text: string): void {
  let last = blocks.at(-1);
  if (last?.type !== "list") {
    last = { type: "list", spread: false, children: [] } satisfies List;
    blocks.push(last);
  }
  let list: List = last;
  for (let depth = 0; depth < level; depth += 1) {
    const parent = list.children.at(-1);
    if (parent === undefined) break;
    let inner = parent.children.find((child) => child.type === "list");
    if (inner === undefined) {
      inner = { type: "list", spread: false, children: [] } satisfies List;
      parent.children.push(inner);
    }
    list = inner;
  }
  list.children.push({ type: "listItem", spread: false, children: [paragraphOf(text)] });
}

function textOf(node: Element): string {
  const paragraphs = node.name === "a:p" ? [node] : allOf(node, "a:p");
  return paragraphs
    .map((paragraph) => childrenOf(paragraph).map(runText).join(""))
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}

function runText(run: Element): string {
  if (run.name === "a:br") return " ";
  return allOf(run, "a:t")
    .flatMap(({ children }) => children)
    .map((child) => (child.type === "text" || child.type === "cdata" ? child.value : ""))
    .join("");
}
