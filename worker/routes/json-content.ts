/** Declares an answer of a route: JSON of this schema. */
export function json<T>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** Declares the body of a request: JSON of this schema. */
export function jsonRequest<T>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}
