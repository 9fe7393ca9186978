/** XML of office files. The parser knows no entities but XML's own five, and reads nothing that a document type names. */
import type { Element, Nodes, Root } from "xast";
import { fromXml } from "xast-util-from-xml";
import { Refused } from "./parser.ts";

/** @throws Refused where it is missing. */
export function parseXml(xml: Buffer | undefined, name: string): Root {
  if (xml === undefined) throw new Refused(`lacks ${name}`);
  return fromXml(xml.toString("utf8"));
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
