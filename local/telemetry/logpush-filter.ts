/** The `filter` of a Logpush job: which records it pushes. https://developers.cloudflare.com/logs/logpush/logpush-job/filters/ */
import { z } from "zod";

type RecordTest = (record: Record<string, unknown>) => boolean;

const OPERATORS = {
  eq: (found, value) => found === value,
  "!eq": (found, value) => found !== value,
  lt: (found, value) => Number(found) < Number(value),
  leq: (found, value) => Number(found) <= Number(value),
  gt: (found, value) => Number(found) > Number(value),
  geq: (found, value) => Number(found) >= Number(value),
  startsWith: (found, value) => String(found).startsWith(String(value)),
  "!startsWith": (found, value) => !String(found).startsWith(String(value)),
  endsWith: (found, value) => String(found).endsWith(String(value)),
  "!endsWith": (found, value) => !String(found).endsWith(String(value)),
  contains: (found, value) => String(found).includes(String(value)),
  "!contains": (found, value) => !String(found).includes(String(value)),
  in: (found, value) => Array.isArray(value) && value.includes(found),
  "!in": (found, value) => Array.isArray(value) && !value.includes(found),
} as const satisfies Record<string, (found: unknown, value: unknown) => boolean>;

type Where = { and: Where[] } | { or: Where[] } | { key: string; operator: keyof typeof OPERATORS; value: unknown };
const where: z.ZodType<Where> = z.lazy(() =>
  z.union([
    z.strictObject({ and: z.array(where).min(1) }),
    z.strictObject({ or: z.array(where).min(1) }),
    z.strictObject({
      key: z.string().min(1),
      operator: z.enum(Object.keys(OPERATORS) as [keyof typeof OPERATORS, ...(keyof typeof OPERATORS)[]]),
      value: z.unknown(),
    }),
  ]),
);
const filterText = z.strictObject({ where });

/** @throws ZodError or SyntaxError for a text that is no filter. */
export function recordFilter(text: string): RecordTest {
  return testOf(filterText.parse(JSON.parse(text)).where);
}

function testOf(condition: Where): RecordTest {
  if ("and" in condition) {
    const all = condition.and.map(testOf);
    return (record) => all.every((test) => test(record));
  }
  if ("or" in condition) {
    const any = condition.or.map(testOf);
    return (record) => any.some((test) => test(record));
  }
  const { key, operator, value } = condition;
  return (record) => OPERATORS[operator](record[key], value);
}
