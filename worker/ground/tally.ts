/** Sums by name. What is counted by a label has it behind a slash: `colo/FRA`. */
export type Tally = Record<string, number>;

/** Adds `more` to `sum`, name by name. */
export function addTally(sum: Tally, more: Tally): void {
  for (const [name, value] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + value;
}

/** The sums of a tally that have this label, by what stands behind the slash. */
export function labelled(tally: Tally, label: string): [string, number][] {
  const prefix = `${label}/`;
  return Object.entries(tally).flatMap(([name, value]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] satisfies [string, number]] : [],
  );
}

/** Null: of nothing there is no share. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
