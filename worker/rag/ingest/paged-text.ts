/** Markdown that was made of pages: what stands around them, and whether they say anything. Pure. */

/** As the service and ops mark pages and slides. */
const PAGE_HEADING = /^#{1,6} (?:Page|Slide) \d+\s*$/gm;

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

/** A title for a file that was given none: undefined where its own first heading is one, else its name without the ending. */
export function fileTitle(name: string, markdown: string): string | undefined {
  const opening = /^#{1,6} .*$/m.exec(markdown)?.[0] ?? "";
  const stem = name.replace(/\.[^.]*$/, "").trim();
  return stem !== "" && (opening === "" || opening.search(PAGE_HEADING) === 0) ? stem : undefined;
}
