/** What a report is, whatever it is about and however it is written: sections of figures, tables and charts, and what to do. */
import type { timeChart } from "../../worker/pages/time-chart.ts";

export type Chart = Parameters<typeof timeChart>[0];

/** A figure beside what it should be, and beside what it was. */
export interface Figure {
  name: string;
  /** With its unit; `–` where nothing was measured. */
  value: string;
  /** What it was in the baseline, or in the period before; null where that is not known. */
  before: string | null;
  /** `+12 %`; null where there is nothing to compare. */
  change: string | null;
  /** What it should be, and whether it is; null where there is no target or no figure. */
  target: { words: string; is_met: boolean } | null;
}

export interface ReportTable {
  columns: readonly string[];
  /** Numbers stand right. */
  rows: readonly (readonly (string | number)[])[];
}

export interface Section {
  title: string;
  /** A sentence or two before what follows. */
  text?: string;
  figures?: readonly Figure[];
  chart?: Chart;
  table?: ReportTable;
}

/** Something to do, with a command of the registry (as typed after `npm run ops -- `) that does it or shows more. */
export interface Recommendation {
  because: string;
  command: string;
}

export const REPORT_KINDS = ["performance", "weekly", "monthly", "capacity", "cost", "volume"] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

export interface Report {
  kind: ReportKind;
  title: string;
  stack: string;
  generated_at: string;
  /** What it covers, for people. */
  period: string;
  sections: Section[];
  recommendations: Recommendation[];
  /** What it should hold and could not be read, with the reason. */
  not_known: string[];
}
