/** Declares an answer of a route: JSON of this schema. */
export function json<T>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}
