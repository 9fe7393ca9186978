/** What a list or quote is made of, for the chunker: needed only where one is too big for a chunk. */
import {
  type Block,
  type BlockKind,
  closesFence,
  FENCE,
  isDelimiter,
  LIST_MARKER,
  lineAt,
  THEMATIC_BREAK,
} from "./markdown-blocks.ts";

/** Deeper nesting is nobody's document, and stripping markers without a bound would be quadratic. */
const NESTING_MAX = 16;

/**
 * The parts of a list or quote that is too big for one chunk: its items, and the code blocks and tables inside it,
 * which stay whole as long as they fit.
 */
export function containerParts(text: string, container: Block): Block[] {
  const parts: Block[] = [];
  const open = (kind: BlockKind, start: number): void => {
    const last = parts.at(-1);
    if (last?.end === start && last.start === start) last.kind = kind;
    else parts.push({ kind, start: last?.end ?? container.start, end: start });
  };
  let fence: { marker: string; quoted: boolean } | undefined;
  for (let line = lineAt(text, container.start); line.start < container.end; line = lineAt(text, line.end)) {
    const quoted = line.body.startsWith(">");
    const { content, is_item } = containerContent(line.body);
    const left = fence && line.body !== "" && (fence.quoted ? !quoted : line.indent < 2);
    if (fence && !left) {
      if (closesFence(content, fence.marker)) {
        fence = undefined;
        extend(parts, line.end);
        open("paragraph", line.end);
        continue;
      }
    } else {
      fence = undefined;
      const marker = FENCE.exec(content)?.[1];
      const in_table = parts.at(-1)?.kind === "table" && content.includes("|");
      if (marker) {
        fence = { marker, quoted };
        open("code", line.start);
      } else if (content.includes("|") && isDelimiter(containerContent(lineAt(text, line.end).body).content)) {
        open("table", line.start);
      } else if (
        is_item ||
        left ||
        parts.length === 0 ||
        (parts.at(-1)?.kind === "table" && !in_table && content !== "")
      ) {
        open("paragraph", line.start);
      }
    }
    extend(parts, line.end);
  }
  return parts.filter((part) => part.end > part.start);
}

function extend(parts: Block[], end: number): void {
  const last = parts.at(-1);
  if (last) last.end = end;
}

/** A line's text within its quotes and list items. */
function containerContent(body: string): { content: string; is_item: boolean } {
  let content = body;
  let is_item = false;
  for (let depth = 0; depth < NESTING_MAX; depth++) {
    const marker = content.startsWith(">")
      ? ">"
      : THEMATIC_BREAK.test(content)
        ? undefined
        : LIST_MARKER.exec(content)?.[0];
    if (!marker) break;
    is_item ||= marker !== ">";
    content = content.slice(marker.length).trimStart();
  }
  return { content, is_item };
}
