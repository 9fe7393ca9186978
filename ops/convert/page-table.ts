/**
 * Rows of a table on a page: lines whose parts stand under those of one of them. Pure.
 *
 * An empty cell leaves no trace in a PDF, so that rows are told by where their cells stand, not by how many they are.
 */

/** A part of a line, and from where to where it reaches, in the units of the page. */
export interface Cell {
  text: string;
  start: number;
  end: number;
}

export interface Line {
  /** Parts with a gap between them: one in running text, several in a row of a table. */
  cells: Cell[];
  size: number;
  y: number;
}

/** Lines that are looked at together: more than a page of rows. */
const LINES_MAX = 200;
/** In sizes of the text: a line that is lower than this goes on with no cell above it. */
const CELL_DROP = 1.6;
const SAME_LINE = 0.5;

/** The table that begins with line `from`, and of how many lines it is; undefined where none begins. */
export function tableFrom(lines: readonly Line[], from: number): { rows: string[][]; lines: number } | undefined {
  const first = lines[from];
  if (first === undefined || first.cells.length < 2) return undefined;
  const left = (first.cells[0] as Cell).start + first.size;
  const near = lines.slice(from, from + LINES_MAX);
  const end = near.findIndex(({ cells }) => cells.length < 2 && (cells[0] as Cell).start < left);
  const run = end < 0 ? near : near.slice(0, end);
  const widest = run.reduce((wide, line) => (line.cells.length > wide.cells.length ? line : wide), first);
  return rowsUnder(widest, run) ?? (widest === first ? undefined : rowsUnder(first, run));
}

/** The rows that stand under the columns of one of them; at least two. */
function rowsUnder({ cells: columns }: Line, run: readonly Line[]): { rows: string[][]; lines: number } | undefined {
  const rows: { y: number; cells: string[] }[] = [];
  let lines = 0;
  for (const line of run) {
    const places = placesOf(line.cells, columns);
    if (places === undefined) break;
    const row = line.cells.length > 1 ? undefined : rowOf(line, rows, run[lines - 1]);
    if (row === undefined && line.cells.length < 2) break;
    const cells = row?.cells ?? columns.map(() => "");
    for (const [index, place] of places.entries())
      cells[place] = `${cells[place]} ${line.cells[index]?.text ?? ""}`.trim();
    if (row === undefined) rows.push({ y: line.y, cells });
    lines += 1;
  }
  return rows.length < 2 ? undefined : { rows: rows.map(({ cells }) => cells), lines };
}

/** The row that a line of one cell belongs to: one at its height, drawn earlier, or the last, which it goes on with. */
function rowOf<T extends { y: number }>(
  { y, size }: Line,
  rows: readonly T[],
  before: Line | undefined,
): T | undefined {
  const beside = rows.findLast((row) => Math.abs(row.y - y) <= SAME_LINE * size);
  if (beside !== undefined || before === undefined) return beside;
  const drop = before.y - y;
  return drop > 0 && drop <= CELL_DROP * size ? rows.at(-1) : undefined;
}

/** Which column each cell stands in, from left to right; undefined where they do not. */
function placesOf(cells: readonly Cell[], columns: readonly Cell[]): number[] | undefined {
  const places = cells.map((cell) => {
    const overlaps = columns.map((column) => Math.min(cell.end, column.end) - Math.max(cell.start, column.start));
    const most = Math.max(...overlaps);
    // A number at the right of its column stands under no part of its name: then it is right of where the column begins.
    return most > 0 ? overlaps.indexOf(most) : columns.findLastIndex(({ start }) => start <= cell.start);
  });
  const isOrdered = places.every((place, index) => place > (places[index - 1] ?? -1));
  if (isOrdered) return places;
  return cells.length === columns.length ? cells.map((_, index) => index) : undefined;
}
