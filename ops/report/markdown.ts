/** A report as Markdown, for GitHub and for a terminal. Pure. */
import { harmless } from "../command/output.ts";
import type { Chart, Figure, Report, ReportTable, Section } from "./report.ts";

/** `chart_file`: where the chart of this number is, as a link from the report; null: its figures stand in words instead. */
export function reportMarkdown(report: Report, chart_file: ((index: number) => string) | null): string {
  const { title, stack, period, generated_at, sections, recommendations, not_known } = report;
  const charts = sections.flatMap(({ chart }) => chart ?? []);
  const shownChart = (chart: Chart) =>
    chart_file === null ? chartInWords(chart) : `![${text(chart.label)}](${chart_file(charts.indexOf(chart))})`;
  const todo =
    recommendations.length === 0
      ? ["Nothing stands out."]
      : recommendations.map(({ because, command }) => `- ${text(because)}: \`npm run ops -- ${command}\``);
  return [
    `# ${text(title)}`,
    `Stack ${stack}, ${text(period)}. Made at ${generated_at}.`,
    "## What to do",
    todo.join("\n"),
    ...sections.flatMap((section) => sectionParts(section, shownChart)),
    ...(not_known.length === 0 ? [] : ["## Not known", not_known.map((why) => `- ${text(why)}`).join("\n")]),
  ].join("\n\n");
}

function sectionParts({ title, text: words, figures, chart, table }: Section, shownChart: (chart: Chart) => string) {
  return [
    `## ${text(title)}`,
    ...(words === undefined ? [] : [text(words)]),
    ...(figures === undefined ? [] : [tableMarkdown(figureTable(figures))]),
    ...(chart === undefined ? [] : [shownChart(chart)]),
    ...(table === undefined ? [] : [table.rows.length === 0 ? "None." : tableMarkdown(table)]),
  ];
}

/** Figures as a table: columns that would be empty are left out. */
export function figureTable(figures: readonly Figure[]): ReportTable {
  const hasBefore = figures.some(({ before }) => before !== null);
  const hasTarget = figures.some(({ target }) => target !== null);
  return {
    columns: ["figure", "now", ...(hasBefore ? ["before", "change"] : []), ...(hasTarget ? ["target", ""] : [])],
    rows: figures.map(({ name, value, before, change, target }) => [
      name,
      value,
      ...(hasBefore ? [before ?? "–", change ?? "–"] : []),
      ...(hasTarget ? [target?.words ?? "", target === null ? "" : target.is_met ? "met" : "MISSED"] : []),
    ]),
  };
}

/** With columns of one width, so that the text itself can be read. */
function tableMarkdown({ columns, rows }: ReportTable): string {
  const cells = [columns, ...rows].map((row) => row.map((cell) => text(String(cell))));
  const widths = columns.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const isNumber = columns.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === "number"));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, at) => (isNumber[at] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  const [head = [], ...body] = cells;
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

function chartInWords({ label, steps, lines }: Chart): string {
  const told = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    return `${name} ${Math.min(...known)} to ${Math.max(...known)}`;
  });
  return `${text(label)}, ${steps[0] ?? ""} to ${steps.at(-1) ?? ""}: ${steps.length === 0 ? "nothing was measured" : told.join(", ")}.`;
}

/** Text of others is no markup of ours. */
function text(words: string): string {
  return harmless(words).replace(/[\\|`[\]*]|<(?=[a-z/!?])/gi, (char) => `\\${char}`);
}
