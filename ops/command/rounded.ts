/** Rounded for a report: more digits than the sample supports only look exact. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
