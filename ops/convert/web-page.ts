/** HTML: its headings, lists, tables and links; not its navigation, scripts and pictures. */
import { markdownOfHtml } from "./markdown.ts";
import type { Parser } from "./parser.ts";

export const parseHtml: Parser = (bytes) => markdownOfHtml(new TextDecoder().decode(bytes));
