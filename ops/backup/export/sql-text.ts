/**
 * Rows and definitions as SQL that the sqlite3 shell and every SQLite library read back bit for bit. Pure.
 *
 * What a literal cannot carry is spelled otherwise: text with NULs or carriage returns (the shell eats one at the end of a line) and text that is
 * not UTF-8 as a cast of its bytes, a REAL whose decimal digits a parser might round as an exact product, the smallest integer as a sum.
 */
import { type Cell, MalformedText, type Row } from "../../d1/row-codec.ts";
import { quoted } from "../../d1/schema.ts";

/** One statement with all rows; empty for none. */
export function insertion(table: string, columns: readonly string[], rows: readonly Row[]): string {
  if (rows.length === 0) return "";
  const values = rows.map((row) => `(${row.map(literal).join(",")})`);
  return `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(", ")}) VALUES\n${values.join(",\n")};\n`;
}

const INT64_MIN = -(2n ** 63n);

function literal(cell: Cell): string {
  if (cell === null) return "NULL";
  // Parsed as the negative of a number that is none.
  if (typeof cell === "bigint") return cell === INT64_MIN ? `(${INT64_MIN + 1n}-1)` : String(cell);
  if (typeof cell === "number") return realLiteral(cell);
  if (typeof cell === "string") return textLiteral(cell);
  if (cell instanceof MalformedText) return castText(cell.bytes);
  return `X'${Buffer.from(cell).toString("hex")}'`;
}

function textLiteral(text: string): string {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 32 && code !== NEWLINE && code !== TAB) return castText(Buffer.from(text));
  }
  return `'${text.toWellFormed().replaceAll("'", "''")}'`;
}

const NEWLINE = 10;
const TAB = 9;

function castText(bytes: Uint8Array): string {
  return `CAST(X'${Buffer.from(bytes).toString("hex")}' AS TEXT)`;
}

/** As many digits as every parser reads exactly: both the digits and the power of ten are doubles themselves. */
const SAFE_DIGITS = 15;
const SAFE_POWER = 22;
const STEP = 62;

function realLiteral(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "9e999";
  if (value === Number.NEGATIVE_INFINITY) return "-9e999";
  if (Object.is(value, -0)) return "(-1.0/9e999)";
  const decimal = value.toExponential();
  const [digits = "", power = "0"] = decimal.split("e");
  const places = digits.replace(/^-?\d\.?/, "").length;
  if (places < SAFE_DIGITS && Math.abs(Number(power) - places) <= SAFE_POWER && Math.abs(Number(power)) <= SAFE_POWER)
    return digits.includes(".") ? decimal : decimal.replace("e", ".0e");
  return productLiteral(value);
}

/** A whole number of 53 bits, multiplied or divided by powers of two: every step is exact. */
function productLiteral(value: number): string {
  let whole = value;
  let exponent = 0;
  // Up first, in steps that cannot overflow, so that a subnormal has all of its bits.
  while (!Number.isInteger(whole)) {
    whole *= 2;
    exponent -= 1;
  }
  while (Math.abs(whole) >= 2 ** 53) {
    whole /= 2;
    exponent += 1;
  }
  let text = `${whole}.0`;
  for (let left = Math.abs(exponent); left > 0; left -= STEP)
    text += `${exponent > 0 ? "*" : "/"}${2n ** BigInt(Math.min(left, STEP))}.0`;
  return `(${text})`;
}
