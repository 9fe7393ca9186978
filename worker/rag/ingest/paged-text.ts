/** Markdown that was made of pages: what stands around them, and whether they say anything. Pure. */

import { FILE_KINDS } from "./file-type.ts";

/** As the service and ops mark pages and slides. */
const PAGE_HEADING = /^#{1,6} (?:Page|Slide) \d+\s*$/gm;

/** Whether a heading is that of a page or slide, as `Slide 2: Results`. */
export function isPageTitle(title: string): boolean {
  return /^(?:Page|Slide) \d+(?:$|:)/.test(title);
}

/** Without what Workers AI puts around a file's own words: its name as a heading, technical metadata, `Contents`. */
export function withoutWrapping(markdown: string, name: string): string {
  const [first, ...lines] = markdown.trimStart().split("\n");
  if (first?.trim() !== `# ${name}`) return markdown;
  const skip = (isWrapping: (line: string) => boolean) => {
    while (lines[0] !== undefined && (lines[0].trim() === "" || isWrapping(lines[0]))) lines.shift();
  };
  skip((line) => line.trim() === "## Metadata" || line.startsWith("- "));
  skip((line) => line.trim() === "## Contents");
  return lines.join("\n");
}

/** Whether half of the pages or more say nothing: they are pictures of text. */
export function isScanned(markdown: string): boolean {
  const pages = markdown.split(PAGE_HEADING).slice(1);
  const silent = pages.filter((page) => !/[\p{L}\p{N}]/u.test(page)).length;
  return pages.length === 0 ? markdown.trim() === "" : silent * 2 >= pages.length;
}

/**
 * A title for a file that was given none: its name without the ending where no heading can be one (those of pages, slides and
 * sheets are not); undefined where its first heading is.
 */
export function fileTitle(name: string, media_type: string, markdown: string): string | undefined {
  const stem = name.replace(/\.[^.]*$/, "").trim();
  const hasTitle = FILE_KINDS[media_type]?.in_parts !== true && /^#{1,6} /m.test(markdown);
  return stem === "" || hasTitle ? undefined : stem;
}
