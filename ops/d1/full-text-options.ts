/** What a `CREATE VIRTUAL TABLE … USING fts5 (…)` says of where its text is. Pure. */

/** An option of `USING fts5 (…)`, without its quotes; undefined when it is not given. */
export function optionOf(sql: string, option: "content" | "content_rowid"): string | undefined {
  const shape = new RegExp(`[(,]\\s*${option}\\s*=\\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^\\s,)]*))`, "i");
  const [, single, double, bare] = shape.exec(sql) ?? [];
  return single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? bare;
}
