/** CSV as RFC 4180 has it. */

/**
 * One record with its line end. A text that a spreadsheet would take for a formula is made harmless with an apostrophe before it:
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvRecord(values: readonly (string | number)[]): string {
  return `${values.map(csvField).join(",")}\r\n`;
}

function csvField(value: string | number): string {
  if (typeof value === "number") return String(value);
  const harmless = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
