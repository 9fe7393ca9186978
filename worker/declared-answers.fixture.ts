/** Holds what the service answers against what `/openapi.json` declares: the schema of its route, method, status and type. */
import { z } from "zod";
import { errorShape } from "./security/error-shapes.ts";

interface Content {
  schema?: object;
}
interface Described {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, Content> }> }>>;
  components: { schemas: Record<string, object> };
}

/** A validator of JSON for a schema of the document. */
export function validatorOf(document: Pick<Described, "components">, schema: object): z.ZodType {
  // JSON Schema has its definitions in itself, OpenAPI beside it: those that are meant, since each costs time.
  const $defs: Record<string, object> = {};
  const collect = (part: object): void => {
    for (const [, name = ""] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const definition = document.components.schemas[name];
      if (definition === undefined || name in $defs) continue;
      $defs[name] = definition;
      collect(definition);
    }
  };
  collect(schema);
  const text = JSON.stringify({ ...schema, $defs });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}

export class DeclaredAnswers {
  readonly #document: Described;
  readonly #paths: { path: string; pattern: RegExp }[];
  readonly #validators = new Map<string, z.ZodType>();

  constructor(document: Described) {
    this.#document = document;
    // What is written out comes before what has a parameter in its place.
    const paths = Object.keys(document.paths).sort((a, b) => a.split("{").length - b.split("{").length);
    this.#paths = paths.map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`) }));
  }

  /** @throws Error for JSON that the route does not declare. */
  check(method: string, target: string, status: number, content_type: string, json: unknown): void {
    const [type = ""] = content_type.split(";");
    const pathname = target.split(/[?#]/)[0] ?? "";
    const path = this.#paths.find(({ pattern }) => pattern.test(pathname))?.path ?? "";
    const operation = this.#document.paths[path]?.[method.toLowerCase()];
    const declared = operation?.responses[status]?.content?.[type]?.schema;
    // A refusal has the shape of its path, whether a route lists it or not.
    const refusal = errorShape(pathname);
    const name = `${method} ${path || pathname} ${status} ${type}`;
    if (declared === undefined && !(status >= 400 && type === refusal.media_type))
      throw new Error(`${name}: /openapi.json declares no such answer`);
    const validator =
      declared === undefined ? refusal.schema : (this.#validators.get(name) ?? validatorOf(this.#document, declared));
    this.#validators.set(name, validator);
    const { error } = validator.safeParse(json);
    if (error) throw new Error(`${name} is not as /openapi.json declares it: ${z.prettifyError(error)}`);
  }
}
