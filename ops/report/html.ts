/** A report as one HTML file, for a mail or an archive: style and drawings in it, nothing from elsewhere, no script. Pure. */
import { escaped, shapeText } from "../../worker/pages/shape.ts";
import { timeChart } from "../../worker/pages/time-chart.ts";
import { figureTable } from "./markdown.ts";
import type { Chart, Report, ReportTable, Section } from "./report.ts";

/** Of the drawing's parts, in a page or alone. */
const CHART_STYLE = `
.chart { font: 11px system-ui, sans-serif; } .chart text { fill: #6b7280; } .grid { stroke: #d8dce3; stroke-width: 1; }
.bar { fill: #3b6fd4; } .bar.series-1 { fill: #c2410c; } .line { fill: none; stroke-width: 2; stroke-linecap: round; }
.line.series-0 { stroke: #3b6fd4; } .line.series-1 { stroke: #c2410c; } .tip { fill: transparent; }
@media (prefers-color-scheme: dark) { .chart text { fill: #9aa3b2; } .grid { stroke: #333a47; } .bar { fill: #7aa2ff; } }`;

const STYLE = `
:root { color-scheme: light dark; --text: light-dark(#1c2430, #e6e9ef); --faint: light-dark(#5b6472, #9aa3b2); --line: light-dark(#d8dce3, #333a47);
  --panel: light-dark(#f6f7f9, #1a2029); --good: light-dark(#1a7f4b, #5fd394); --bad: light-dark(#b3261e, #ff8f86); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: light-dark(#fff, #12161d); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; } p { margin: 0.4rem 0; } .about { color: var(--faint); }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 600; font-size: 0.85rem; } .number { text-align: right; white-space: nowrap; }
.todo { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.4rem 1rem; } .todo li { margin: 0.5rem 0; }
code { background: var(--panel); border: 1px solid var(--line); border-radius: 4px; padding: 0 0.3rem; font-size: 0.9em; overflow-wrap: anywhere; }
figure { margin: 0.75rem 0; } figcaption { color: var(--faint); font-size: 0.85rem; } svg.chart { width: 100%; max-height: 17rem; }
.key { display: inline-block; width: 0.8rem; height: 0.6rem; border-radius: 2px; margin: 0 0.3rem 0 0.8rem; } .key.series-0 { background: #3b6fd4; } .key.series-1 { background: #c2410c; }
.met { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; } figure, tr { break-inside: avoid; } rect { print-color-adjust: exact; } }
${CHART_STYLE}`;

export function reportHtml({
  title,
  stack,
  period,
  generated_at,
  sections,
  recommendations,
  not_known,
}: Report): string {
  const todo =
    recommendations.length === 0
      ? "<p>Nothing stands out.</p>"
      : `<ul>${recommendations.map(({ because, command }) => `<li>${escaped(because)}:<br><code>npm run ops -- ${escaped(command)}</code></li>`).join("")}</ul>`;
  const lacking = not_known.map((why) => `<li>${escaped(why)}</li>`).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p class="about">Stack ${escaped(stack)}, ${escaped(period)}. Made at ${escaped(generated_at)}.</p>
<h2>What to do</h2>
<div class="todo">${todo}</div>
${sections.map(sectionHtml).join("\n")}
${lacking === "" ? "" : `<h2>Not known</h2><ul>${lacking}</ul>`}
</body>
</html>
`;
}

/** A drawing as a file of its own, which Markdown shows as an image. */
export function chartSvg(chart: Chart): string {
  const drawing = timeChart(chart);
  const alone = { ...drawing, attributes: { xmlns: "http://www.w3.org/2000/svg", ...drawing.attributes } };
  return `${shapeText(alone).replace(">", `><style>${CHART_STYLE}</style>`)}\n`;
}

function sectionHtml({ title, text, figures, chart, table }: Section): string {
  return [
    `<h2>${escaped(title)}</h2>`,
    text === undefined ? "" : `<p>${escaped(text)}</p>`,
    figures === undefined ? "" : tableHtml(figureTable(figures)),
    chart === undefined ? "" : figureHtml(chart),
    table === undefined ? "" : table.rows.length === 0 ? "<p>None.</p>" : tableHtml(table),
  ].join("\n");
}

function figureHtml(chart: Chart): string {
  const keys = chart.lines.map(({ name }, index) => `<span class="key series-${index}"></span>${escaped(name)}`);
  return `<figure>${shapeText(timeChart(chart))}<figcaption>${escaped(chart.label)}${keys.join("")}</figcaption></figure>`;
}

function tableHtml({ columns, rows }: ReportTable): string {
  const head = columns.map(
    (column, at) =>
      `<th${rows.every((row) => typeof row[at] === "number") ? ' class="number"' : ""}>${escaped(column)}</th>`,
  );
  const body = rows.map((row) => `<tr>${row.map(cellHtml).join("")}</tr>`);
  return `<table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function cellHtml(cell: string | number): string {
  if (typeof cell === "number") return `<td class="number">${cell}</td>`;
  const verdict = cell === "met" || cell === "MISSED" ? ` class="${cell.toLowerCase()}"` : "";
  return `<td${verdict}>${escaped(cell)}</td>`;
}
