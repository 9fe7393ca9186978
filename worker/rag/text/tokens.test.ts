import { readFileSync } from "node:fs";
import { join } from "node:path";
import llama from "llama3-tokenizer-js";
import { describe, expect, test } from "vitest";
import { estimateTokens } from "./tokens.ts";

const real = (text: string): number => llama.encode(text, { bos: false, eos: false }).length;
const source = (name: string): string => readFileSync(join(import.meta.dirname, "..", name), "utf8");
const pieces = (text: string, chars: number): string[] =>
  Array.from({ length: Math.floor(text.length / chars) }, (_, at) => text.slice(at * chars, (at + 1) * chars));

const PROSE = [
  "The lighthouse at the end of the harbour was built in 1847, after three ships had been lost on the reef in a single winter. Its lamp burned whale oil until the keeper, a former sailor named Josiah Plum, persuaded the council to pay for paraffin.",
  "When the Worker starts, it reads the schedule and asks each dependency for its state; a dependency that does not answer within two seconds is reported as degraded, never as lost. Retries are spread over a minute so that a recovering service is not overwhelmed.",
  "Glaciologists estimate that roughly two thirds of the catchment's freshwater is stored as ice. During the exceptionally warm summers of 2003 and 2015 the meltwater contributed more than 20% of the river's discharge, which compensated for the missing rainfall.",
  "Few composers divided opinion as sharply. Critics in Vienna called the second quartet unplayable; audiences in Prague demanded that its slow movement be repeated, and within five years it belonged to the repertoire of every ambitious ensemble in Central Europe.",
];
const TABLES = [
  "| Command | Does | Needs |\n|---|---|---|\n| `npm start` | starts everything | nothing |\n| `npm test` | runs all tests | nothing |\n| `ops keys list` | lists the keys of a tenant | admin |\n",
  "| k | answer recall | tokens |\n|---:|---:|---:|\n| 1 | 0.948 | 213 |\n| 2 | 0.971 | 382 |\n| 3 | 0.982 | 547 |\n| 5 | 0.985 | 874 |\n| 10 | 0.989 | 1665 |\n",
  "| Binding | Type | Local stand-in |\n| :-- | :-: | --: |\n| DB | D1 | SQLite in workerd |\n| VECTORIZE | Vectorize v2 | flat scan over typed arrays |\n| AI | Workers AI | lexical embedder |\n",
];
const CJK = [
  "数据库每天凌晨自动备份一次，备份文件会加密后上传到对象存储。如果校验失败，系统会立即通知值班工程师。",
  "データベースは毎日深夜に自動でバックアップされ、暗号化されたファイルがオブジェクトストレージに保存されます。",
  "데이터베이스는 매일 새벽에 자동으로 백업되며 암호화된 파일은 객체 저장소에 업로드됩니다.",
  "搜索服务暂时不可用时，回答会列出相关的段落，并说明模型没有被调用。",
];

describe("estimateTokens", () => {
  test.each([
    { kind: "English prose", texts: PROSE, tolerance: 0.06 },
    {
      kind: "TypeScript",
      texts: ["search/retrieve.ts", "answer/prompt.ts", "text/stem.ts"].flatMap((f) => pieces(source(f), 1000)),
      tolerance: 0.08,
    },
    { kind: "Markdown tables", texts: TABLES, tolerance: 0.12 },
    { kind: "Chinese, Japanese and Korean", texts: CJK, tolerance: 0.18 },
  ])("is within $tolerance of the Llama-3 tokenizer on average for $kind", ({ texts, tolerance }) => {
    const errors = texts.map((text) => Math.abs(estimateTokens(text) / real(text) - 1));
    expect(errors.reduce((sum, error) => sum + error, 0) / errors.length).toBeLessThan(tolerance);
  });

  test("an empty text costs nothing", () => {
    expect(estimateTokens("")).toBe(0);
  });
});
