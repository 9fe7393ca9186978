/** An answer made of units of passages, word for word, each with the mark of its passage. Pure. */
import { holdsType } from "../../worker/rag/answer/answer-type.ts";
import { matchQuestion, type Question } from "../../worker/rag/answer/question.ts";
import { isQuotable, namesThing, type QuotableUnit } from "./question-form.ts";

/** Between rows alike, the one that holds a thing of the kind asked for. */
const ROW_TYPE = 0.3;

/** The units word for word, each with its mark; a block, or the items of a list, with what stands right before it under one mark. */
export function quotations(
  question: Question,
  quoted: readonly QuotableUnit[],
  markOf: (rank: number) => number,
): string {
  const told = quoted.filter((unit) => isQuotable(question, unit) || namesThing(unit));
  return told
    .map((unit, place) => {
      const text = unit.kind === "table" ? bestRow(question, unit.text) : unit.text;
      const block = unit.kind === "code" || unit.kind === "table";
      const next = told[place + 1];
      const belongs = next?.rank === unit.rank && next.position === unit.position + 1 && next.kind !== "prose";
      if (namesThing(unit) && next?.rank === unit.rank) return `${text}\n`;
      if (belongs) return `${text}\n${next.kind === "item" ? "" : "\n"}`;
      return `${text}${block ? "\n" : " "}[${markOf(unit.rank)}]${next === undefined ? "" : "\n"}`;
    })
    .join("");
}

/** Head and best row of a Markdown table; of a part without a head, the best row. */
export function bestRow(question: Question, table: string): string {
  const lines = table.split("\n");
  const hasHead = /^[\s|:-]+$/.test(lines[1] ?? "");
  const rows = (hasHead ? lines.slice(2) : lines).map((text) => ({ text, has: matchQuestion(text, question).has }));
  const [first] = rows;
  if (first === undefined) return table;
  // A word that many rows share, or that names a column, does not choose between them.
  const head = matchQuestion(hasHead ? (lines[0] ?? "") : "", question).has;
  const weights = question.strengths.map((strength, term) => {
    const holders = rows.filter(({ has }) => has[term] === 1).length;
    return holders === 0 || head[term] === 1 ? 0 : strength * Math.log(1 + rows.length / holders);
  });
  const score = ({ text, has }: (typeof rows)[number]): number =>
    weights.reduce((sum, weight, term) => sum + weight * (has[term] ?? 0), 0) +
    (question.type !== "other" && holdsType(question.type, text, question.said) ? ROW_TYPE : 0);
  const row = rows.reduce((best, candidate) => (score(candidate) > score(best) ? candidate : best), first);
  return [...(hasHead ? lines.slice(0, 2) : []), row.text].join("\n");
}
