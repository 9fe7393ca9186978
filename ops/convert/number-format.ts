/**
 * Numbers of a workbook as its sheets show them: percentages, currencies, thousands, times. Dates are written in the order of ISO 8601
 * whatever theirs is, as far as they are shown: `3/4/26` is another day in every country. Format: ECMA-376, part 1, 18.8.30.
 */
import { dateFromSerial, format, getFormatDateInfo, getFormatFromId, isTextFormat, isValidFormat } from "numfmt";
import { allOf, childrenOf, parseXml } from "./xml.ts";

/** A number as text; undefined for one that is shown as it is, or by no format that can be read. `style` is that of its cell. */
export type ShowNumber = (value: number, style: number) => string | undefined;

/** Days between the two days with which workbooks begin to count. */
const DAYS_TO_1904 = 1_462;
/** The last day that Excel knows: 9999-12-31. */
const SERIAL_MAX = 2_958_465;

/** What the styles of a workbook say of numbers. */
export function numberFormats(read: (name: string) => Buffer | undefined): ShowNumber {
  const workbook = read("xl/workbook.xml")?.toString("utf8") ?? "";
  const first = /<(?:\w+:)?workbookPr\s[^>]*\bdate1904="(?:1|true)"/.test(workbook) ? DAYS_TO_1904 : 0;
  const formats = patternsOf(read("xl/styles.xml")).map(
    (pattern) => pattern && { pattern, shown: getFormatDateInfo(pattern) },
  );
  return (value, style) => {
    const known = formats[style];
    if (!known || !Number.isFinite(value)) return undefined;
    const { pattern, shown } = known;
    if (!shown.year && !shown.month && !shown.day) return format(pattern, value).trim();
    const serial = value + first;
    return serial < 0 || serial > SERIAL_MAX ? String(value) : isoDate(dateFromSerial(serial), shown);
  };
}

/** By the number of a cell's style; undefined where it changes nothing. */
function patternsOf(styles: Buffer | undefined): (string | undefined)[] {
  if (styles === undefined) return [];
  const xml = parseXml(styles, "xl/styles.xml");
  const inside = (list: string, name: string) => allOf(xml, list).flatMap((found) => childrenOf(found, name));
  const own = new Map(
    inside("numFmts", "numFmt").map(({ attributes: { numFmtId, formatCode } }) => [numFmtId, formatCode]),
  );
  return inside("cellXfs", "xf").map(({ attributes: { numFmtId } }) => {
    const pattern = own.get(numFmtId) ?? getFormatFromId(Number(numFmtId ?? 0));
    return /^general$/i.test(pattern) || isTextFormat(pattern) || !isValidFormat(pattern) ? undefined : pattern;
  });
}

function isoDate(
  [year, ...parts]: readonly number[],
  shown: { month: boolean; day: boolean; hours: boolean; seconds: boolean },
): string {
  const [month, day, hour, minute, second] = parts.map((part) => String(part).padStart(2, "0"));
  const date = shown.day ? `${year}-${month}-${day}` : shown.month ? `${year}-${month}` : String(year);
  return shown.hours ? `${date} ${hour}:${minute}${shown.seconds ? `:${second}` : ""}` : date;
}
