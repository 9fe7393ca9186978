/** A report as a command: read, put together, recommend, write. */
import { join } from "node:path";
import { z } from "zod";
import { STACKS } from "../../infra/inventory.ts";
import { dayOf } from "../../worker/ground/time.ts";
import { type Command, defineCommand } from "../command/define.ts";
import type { Invocation, Outcome } from "../command/invocation.ts";
import { outputFolder, writeOutput } from "../command/output-file.ts";
import { type Gathered, gather, type Period, type Source } from "./gather.ts";
import { chartSvg, reportHtml } from "./html.ts";
import { reportMarkdown } from "./markdown.ts";
import { recommend } from "./recommend.ts";
import { REPORT_KINDS, type Report, type ReportKind, type Section } from "./report.ts";

const out = z.string().optional().meta({
  placeholder: "dir",
  description: "write Markdown, HTML and charts into this folder; otherwise the Markdown is printed",
});

const figure = z.strictObject({
  section: z.string(),
  name: z.string(),
  value: z.string(),
  before: z.string().nullable(),
  change: z.string().nullable(),
  target: z.strictObject({ words: z.string(), is_met: z.boolean() }).nullable(),
});
const output = z.strictObject({
  kind: z.enum(REPORT_KINDS),
  stack: z.enum(STACKS),
  title: z.string(),
  period: z.string(),
  generated_at: z.iso.datetime(),
  figures: z.array(figure),
  recommendations: z.array(
    z.strictObject({ because: z.string(), command: z.string().describe("as typed after `npm run ops -- `") }),
  ),
  not_known: z.array(z.string()).describe("sources that did not answer, with the reason"),
  files: z.array(z.string()).describe("that were written: an earlier report of the day is replaced"),
});

interface Declaration {
  kind: ReportKind;
  title: string;
  summary: string;
  /** Of a report that covers one; the others say in their title what they cover. */
  period: Period;
  sources: readonly Source[];
  examples: readonly [string, ...string[]];
  /** Sections of what was found. */
  sections(found: Partial<Gathered>, now_ms: number): Section[];
}

/** `ops report <kind>` */
export function reportCommand(declaration: Declaration): Command {
  const { kind, summary, examples } = declaration;
  return defineCommand({
    path: `report ${kind}`,
    group: "usage",
    summary,
    notes: `Made from what the service counts itself. A source that does not answer leaves a gap, which is told. What to do names commands.
The files of one day and kind have one name, so that a repeated run replaces them.`,
    risk: "read",
    options: z.object({ out }),
    output,
    examples,
    run: (invocation, { out: folder }) => writeReport(invocation, declaration, folder),
  });
}

async function writeReport(
  invocation: Invocation,
  { kind, title, period, sources, sections }: Declaration,
  folder: string | undefined,
): Promise<Outcome<z.input<typeof output>>> {
  const { stack } = invocation;
  const now_ms = invocation.now();
  const { found, not_known } = await gather(invocation, sources, period);
  const report: Report = {
    kind,
    title: `${title}, ${dayOf(now_ms)}`,
    stack,
    generated_at: new Date(now_ms).toISOString(),
    period: `the last ${PERIOD_WORDS[period]}`,
    sections: sections(found, now_ms),
    recommendations: recommend(found, now_ms),
    not_known,
  };
  const files = folder === undefined ? [] : await writeFiles(report, folder);
  const told = { title: report.title, period: report.period, generated_at: report.generated_at };
  const figures = report.sections.flatMap(({ title: section, figures: own = [] }) =>
    own.map((one) => ({ section, ...one })),
  );
  const { recommendations } = report;
  return {
    data: { kind, stack, ...told, figures, recommendations, not_known, files },
    text:
      files.length === 0
        ? reportMarkdown(report, null)
        : [
            ...recommendations.map(({ because, command }) => `${because}. Try: npm run ops -- ${command}`),
            ...not_known.map((why) => `Not known: ${why}`),
            `Wrote ${files.join(", ")}`,
          ].join("\n"),
  };
}

const PERIOD_WORDS: Readonly<Record<Period, string>> = {
  "1h": "hour",
  "24h": "24 hours",
  "7d": "seven days",
  "30d": "30 days",
};

/** The paths that were written. */
async function writeFiles(report: Report, folder: string): Promise<string[]> {
  const name = `${report.kind}-${report.stack}-${report.generated_at.slice(0, 10)}`;
  const chartName = (index: number) => `${name}-${index + 1}.svg`;
  const charts = report.sections.flatMap(({ chart }) => chart ?? []);
  const files: [string, string][] = [
    [`${name}.md`, `${reportMarkdown(report, chartName)}\n`],
    [`${name}.html`, reportHtml(report)],
    ...charts.map((chart, index): [string, string] => [chartName(index), chartSvg(chart)]),
  ];
  const op = "write the report into";
  outputFolder(folder, op);
  for (const [file, text] of files) await writeOutput(join(folder, file), { op }, async () => text);
  return files.map(([file]) => join(folder, file));
}
