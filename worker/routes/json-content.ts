/** Declares an answer of a route: JSON of this schema. */
export function json<T>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

/** Declares the body of a request: JSON of this schema. */
export function jsonRequest<T>(schema: T) {
  return { required: true, content: { "application/json": { schema } } };
}

/** As `jsonRequest`, where no field need be given: the body may be absent, and the router then hands on `{}` unread by the schema. */
export function optionalJsonRequest<T>(schema: T) {
  return { ...jsonRequest(schema), required: false };
}
