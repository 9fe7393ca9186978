/**
 * A statement of Analytics Engine's SQL in SQLite's words. Pure.
 *
 * Only words, columns and functions that both have pass, so that nothing but the data points can be read; SQLite then judges the
 * grammar. https://developers.cloudflare.com/analytics/analytics-engine/sql-reference/
 */

/** A statement that is refused, for the caller. */
export class AnalyticsError extends Error {}

export type ColumnType = "String" | "Float64" | "UInt32" | "UInt64" | "DateTime";

export interface Translated {
  text: string;
  /** Of the columns in the answer, where the statement tells; undefined where only the values do. */
  columns: (ColumnType | undefined)[];
  format: "JSON" | "JSONEachRow";
}

const KEYWORDS = new Set(
  "SELECT FROM WHERE GROUP BY HAVING ORDER ASC DESC LIMIT AS AND OR NOT IN LIKE BETWEEN IS NULL DISTINCT CASE WHEN THEN ELSE END TRUE FALSE".split(
    " ",
  ),
);
/** In lower case, and what SQLite calls them here. */
const FUNCTIONS: Record<string, string> = {
  count: "count",
  sum: "sum",
  avg: "avg",
  min: "min",
  max: "max",
  countif: "countIf",
  sumif: "sumIf",
  quantileexactweighted: "quantileExactWeighted",
  quantileweighted: "quantileExactWeighted",
  now: "now",
  todatetime: "toDateTime",
  tounixtimestamp: "toUnixTimestamp",
  tostartofinterval: "toStartOfInterval",
  tostartofminute: "toStartOfMinute",
  tostartoffiveminutes: "toStartOfFiveMinutes",
  tostartoffifteenminutes: "toStartOfFifteenMinutes",
  tostartofhour: "toStartOfHour",
  tostartofday: "toStartOfDay",
  intdiv: "intDiv",
  if: "iif",
  round: "round",
  floor: "floor",
  ceil: "ceil",
  lower: "lower",
  upper: "upper",
  length: "length",
  substring: "substr",
};
const UNIT_S: Record<string, number> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY: 86_400, WEEK: 604_800 };
const TIMES = /^(now|toDateTime|toStartOf\w+)$/i;

type Token = { kind: "word" | "text" | "number" | "sign"; text: string };
const TOKEN = /\s+|('(?:[^'\\]|''|\\.)*')|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|([A-Za-z_]\w*)|(<>|<=|>=|!=|[-+*/%(),=<>])/gy;

/** @throws AnalyticsError that says what is not supported. */
export function translate(sql: string, datasets: readonly string[], columns: readonly string[]): Translated {
  const { tokens, format } = takeFormat(tokenize(sql.trim().replace(/;$/, "")));
  const [first, second] = tokens;
  if (isWord(first, "SHOW") && isWord(second, "TABLES") && tokens.length === 2) {
    const list = datasets.map((name) => quoted(name)).join("), (");
    const text = `SELECT column1 AS dataset FROM (VALUES (${list === "" ? "NULL" : list})) WHERE column1 IS NOT NULL`;
    return { text, columns: ["String"], format };
  }
  if (!isWord(first, "SELECT")) throw new AnalyticsError("only SELECT and SHOW TABLES are supported");
  const text = inSqlite(tokens, datasets, columns);
  return { text, columns: selected(tokens), format };
}

function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < sql.length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(sql);
    if (!match) throw new AnalyticsError(`unexpected "${sql.slice(at, at + 20)}" at character ${at + 1}`);
    const [, text, number, word, sign] = match;
    if (text !== undefined) tokens.push({ kind: "text", text });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
  }
  return tokens;
}

function takeFormat(tokens: Token[]): { tokens: Token[]; format: Translated["format"] } {
  const [word, name] = tokens.slice(-2);
  if (!isWord(word, "FORMAT") || name === undefined) return { tokens, format: "JSON" };
  const format = (["JSON", "JSONEachRow"] as const).find((known) => known.toLowerCase() === name.text.toLowerCase());
  if (!format)
    throw new AnalyticsError(`FORMAT ${name.text} is not supported on this platform: use JSON or JSONEachRow`);
  return { tokens: tokens.slice(0, -2), format };
}

function inSqlite(tokens: readonly Token[], datasets: readonly string[], columns: readonly string[]): string {
  const names = new Set(columns);
  tokens.forEach((token, index) => {
    const alias = tokens[index + 1];
    if (isWord(token, "AS") && alias?.kind === "word") names.add(alias.text);
  });
  const words: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const next = tokens[at + 1];
    const before = tokens[at - 1];
    if (isWord(token, "INTERVAL")) {
      words.push(String(interval(next, tokens[at + 2])));
      at += 2;
    } else if (isWord(before, "FROM") && token.kind === "word") {
      words.push(table(token.text, datasets, columns));
    } else if (token.kind === "text") words.push(textOrTime(token, tokens.slice(Math.max(0, at - 2), at)));
    else if (token.kind === "sign") {
      // `level` and the arguments stand in parentheses of their own.
      if (token.text === ")" && isSign(next, "(")) {
        words.push(",");
        at += 1;
        // ClickHouse divides integers into a fraction, too.
      } else words.push(token.text === "/" ? "* 1.0 /" : token.text);
    } else if (token.kind === "number") words.push(token.text);
    else if (isSign(next, "(") && !KEYWORDS.has(token.text.toUpperCase())) {
      words.push(functionName(token.text));
      if (token.text.toLowerCase() === "count" && isSign(tokens[at + 2], ")")) {
        words.push("( *");
        at += 1;
      }
    } else if (KEYWORDS.has(token.text.toUpperCase())) words.push(token.text.toUpperCase());
    else if (names.has(token.text)) words.push(`"${token.text}"`);
    else throw new AnalyticsError(`unknown column or word "${token.text}"`);
  }
  return words.join(" ");
}

function functionName(name: string): string {
  const known = FUNCTIONS[name.toLowerCase()];
  if (known === undefined) throw new AnalyticsError(`the function ${name} is not supported on this platform`);
  return known;
}

function interval(amount: Token | undefined, unit: Token | undefined): number {
  const number = Number(amount?.text.replaceAll("'", ""));
  const seconds = UNIT_S[unit?.text.toUpperCase() ?? ""];
  if (!Number.isFinite(number) || seconds === undefined)
    throw new AnalyticsError(`INTERVAL takes a number and one of ${Object.keys(UNIT_S).join(", ")}`);
  return number * seconds;
}

function table(name: string, datasets: readonly string[], columns: readonly string[]): string {
  if (!datasets.includes(name)) throw new AnalyticsError(`the table ${name} does not exist: nothing was written to it`);
  return `( SELECT ${columns.join(", ")} FROM points WHERE dataset = ${quoted(name)} )`;
}

/** A text beside `timestamp` and a comparison is a time. */
function textOrTime({ text }: Token, [column, comparison]: readonly Token[]): string {
  const plain = text.slice(1, -1).replaceAll("''", "'").replaceAll(/\\(.)/g, "$1");
  const isTime = column?.text === "timestamp" && /^[<>=!]+$/.test(comparison?.text ?? "");
  return isTime ? `toDateTime(${quoted(plain)})` : quoted(plain);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Types of the expressions between the first SELECT and its FROM, by how they begin. */
function selected(tokens: readonly Token[]): (ColumnType | undefined)[] {
  const items: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(1)) {
    if (depth === 0 && isWord(token, "FROM")) break;
    if (isSign(token, "(")) depth += 1;
    if (isSign(token, ")")) depth -= 1;
    if (depth === 0 && isSign(token, ",")) items.push([]);
    else items.at(-1)?.push(token);
  }
  return items.map(typeOfItem);
}

function typeOfItem(item: readonly Token[]): ColumnType | undefined {
  const end = item.findIndex((token) => isWord(token, "AS"));
  const expression = (end === -1 ? item : item.slice(0, end)).map(({ text }) => text);
  const [first = "", , inner = ""] = expression;
  if (expression.length === 1) {
    if (first === "timestamp") return "DateTime";
    if (first === "_sample_interval") return "UInt32";
    return undefined;
  }
  const closing = expression.indexOf(")");
  const isOneCall = expression[1] === "(" && closing === expression.length - 1;
  if (!isOneCall) return undefined;
  if (TIMES.test(first) || (/^(min|max)$/i.test(first) && inner === "timestamp")) return "DateTime";
  if (/^(count|countIf)$/i.test(first) || (/^sum$/i.test(first) && inner === "_sample_interval")) return "UInt64";
  return undefined;
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === "word" && token.text.toUpperCase() === word;
}

function isSign(token: Token | undefined, sign: string): boolean {
  return token?.kind === "sign" && token.text === sign;
}
