/**
 * Splits SQL text into statements, as `/query` and `/import` must before they run them one by one.
 *
 * Pure: no database. It knows strings, quoted names, comments and trigger bodies, which is all that a semicolon can
 * hide in. A trigger ends at the `END` that follows a completed statement of its body, so that `CASE … END` inside
 * needs no understanding.
 */

interface SqlStatement {
  /** Without the closing semicolon. */
  text: string;
  is_trigger: boolean;
}

/** One lexical element at a time: comments, strings, quoted names, words, single characters. */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|[A-Za-z_]\w*|[^\s]/g;

/** The statements of `sql`, in order; empty ones and comments alone are left out. */
export function splitStatements(sql: string): SqlStatement[] {
  const statements: SqlStatement[] = [];
  let start = 0;
  /** The last two significant tokens, and the first three of the statement, in capitals. */
  let previous = "";
  let last = "";
  let opening: string[] = [];
  const close = (end: number) => {
    if (opening.length > 0) statements.push({ text: sql.slice(start, end).trim(), is_trigger: isTrigger(opening) });
    previous = last = "";
    opening = [];
  };
  for (const match of sql.matchAll(TOKEN)) {
    const token = match[0];
    if (token.startsWith("--") || token.startsWith("/*")) continue;
    if (token === ";" && !(isTrigger(opening) && !(last === "END" && previous === ";"))) {
      close(match.index);
      start = match.index + 1;
      continue;
    }
    if (opening.length < 3) opening.push(token.toUpperCase());
    previous = last;
    last = token.toUpperCase();
  }
  close(sql.length);
  return statements;
}

function isTrigger([first, second, third]: string[]): boolean {
  return first === "CREATE" && (second === "TRIGGER" || (/^TEMP(ORARY)?$/.test(second ?? "") && third === "TRIGGER"));
}

/** The first word of a statement in capitals, e.g. `SELECT`; empty when there is none. */
export function leadingKeyword(statement: string): string {
  for (const [token] of statement.matchAll(TOKEN))
    if (!token.startsWith("--") && !token.startsWith("/*")) return token.toUpperCase();
  return "";
}
