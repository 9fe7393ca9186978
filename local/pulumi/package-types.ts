/**
 * The types of `@pulumi/cloudflare`, read from its declaration files: what each resource takes and shows.
 *
 * TypeScript 7 has no parser to call in this process, and the package ships no schema. Its declarations come from one
 * generator and use a dozen forms, which this reads; anything else is an error, never a guess.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export type Type =
  | { kind: "string" | "number" | "boolean" | "any" }
  | { kind: "array" | "map"; of: Type }
  | { kind: "object"; side: "inputs" | "outputs"; name: string };

interface Property {
  type: Type;
  required: boolean;
  /** The only texts that the provider takes, as far as its documentation lists them; of a list, for its elements. */
  values: readonly string[];
}
export type Shape = ReadonlyMap<string, Property>;

export interface ResourceTypes {
  /** What a program may declare. */
  inputs: Shape;
  /** What the resource shows once it exists. */
  outputs: Shape;
  /** Always shown, so that what the program leaves out is Cloudflare's choice and no difference. */
  always_shown: ReadonlySet<string>;
}

/** One file's interfaces, each read when it is first asked for. */
class Declarations {
  readonly #sources = new Map<string, string>();
  readonly #shapes = new Map<string, Shape>();

  constructor(file: string) {
    // Of a comment only the values count that it says are available: they are those that the provider checks for.
    const text = readFileSync(file, "utf8").replaceAll(/\/\*\*[\s\S]*?\*\//g, (comment) => {
      const [, values] = /Available values: ((?:"[^"\n]*"(?:, )?)+)/.exec(comment) ?? [];
      return values === undefined ? "" : `@ ${values};`;
    });
    for (const [, name = "", body = ""] of text.matchAll(/^export interface (\w+) \{\n([\s\S]*?)^\}/gm))
      this.#sources.set(name, body);
  }

  names(): string[] {
    return [...this.#sources.keys()];
  }

  shape(name: string): Shape {
    let shape = this.#shapes.get(name);
    if (shape) return shape;
    const source = this.#sources.get(name);
    if (source === undefined) throw new Error(`the declarations of @pulumi/cloudflare have no interface ${name}`);
    shape = new Reader(source, name).members();
    this.#shapes.set(name, shape);
    return shape;
  }
}

export class PackageTypes {
  readonly version: string;
  /** `<module>:<type>` as in a token → file without its ending. */
  readonly #files = new Map<string, string>();
  readonly #nested: Record<"inputs" | "outputs", Declarations>;

  constructor(root = dirname(fileURLToPath(import.meta.resolve("@pulumi/cloudflare/package.json")))) {
    this.version = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;
    this.#nested = {
      inputs: new Declarations(join(root, "types/input.d.ts")),
      outputs: new Declarations(join(root, "types/output.d.ts")),
    };
    for (const file of readdirSync(root))
      if (file.endsWith(".d.ts")) this.#files.set(file.slice(0, -".d.ts".length).toLowerCase(), join(root, file));
  }

  /** `token` as in an URN, e.g. `cloudflare:index/worker:Worker`. @throws when the package has no such resource. */
  resource(token: string): ResourceTypes {
    const [, module = "", name = ""] = /^cloudflare:index\/(\w+):(\w+)$/.exec(token) ?? [];
    const file = this.#files.get(module.toLowerCase());
    const declarations = file === undefined ? undefined : new Declarations(file);
    if (!declarations?.names().includes(`${name}Args`))
      throw new Error(`@pulumi/cloudflare ${this.version} has no resource type ${token}`);
    const members = readFileSync(file ?? "", "utf8").matchAll(/^ {4}readonly (\w+): pulumi\.Output<(.+)>;$/gm);
    return {
      inputs: declarations.shape(`${name}Args`),
      outputs: declarations.shape(`${name}State`),
      always_shown: new Set(
        [...members].flatMap(([, member = "", type]) => (type?.endsWith("undefined") ? [] : [member])),
      ),
    };
  }

  /** Tokens of every resource, from the code, since file names spell some of them differently. */
  tokens(): string[] {
    return [...this.#files.values()].flatMap((file) => {
      const code = readFileSync(file.replace(/\.d\.ts$/, ".js"), "utf8");
      const [, token] = /static __pulumiType = '(cloudflare:[^']+)'/.exec(code) ?? [];
      return token === undefined ? [] : [token];
    });
  }

  nested({ side, name }: { side: "inputs" | "outputs"; name: string }): Shape {
    return this.#nested[side].shape(name);
  }
}

/** Reads the members of one interface, token by token. */
class Reader {
  readonly #tokens: string[];
  readonly #of: string;
  #at = 0;

  constructor(source: string, of: string) {
    this.#of = of;
    this.#tokens = source.match(/"[^"]*"|'[^']*'|[\w$]+|[^\s\w]/g) ?? [];
  }

  members(): Shape {
    const shape = new Map<string, Property>();
    while (this.#at < this.#tokens.length) {
      const values = this.#take("@") ? this.#values() : [];
      this.#take("readonly");
      const name = this.#next();
      const required = !this.#take("?");
      this.#expect(":");
      shape.set(name, { required, type: this.#type(), values });
      this.#expect(";");
    }
    return shape;
  }

  #values(): string[] {
    const values = [];
    do values.push(this.#next().slice(1, -1));
    while (this.#take(","));
    this.#expect(";");
    return values;
  }

  /** A union counts as its one member that is not `undefined`, and as a string when it lists strings. */
  #type(): Type {
    const members = [this.#postfix()];
    while (this.#take("|")) members.push(this.#postfix());
    const kinds = members.filter((member) => member !== null);
    const [first] = kinds;
    if (!first) throw this.#unread("a union of nothing");
    if (kinds.some(({ kind }) => kind !== first.kind)) throw this.#unread("a union of different kinds");
    return first;
  }

  #postfix(): Type | null {
    let type = this.#primary();
    while (this.#take("[")) {
      this.#expect("]");
      if (type === null) throw this.#unread("an array of undefined");
      type = { kind: "array", of: type };
    }
    return type;
  }

  /** Null is `undefined`. */
  #primary(): Type | null {
    if (this.#take("{")) {
      this.#expect("[", "key", ":", "string", "]", ":");
      const of = this.#type();
      this.#expect(";", "}");
      return { kind: "map", of };
    }
    const word = this.#next();
    if (/^["']/.test(word)) return { kind: "string" };
    switch (word) {
      case "undefined":
        return null;
      case "string":
      case "number":
      case "boolean":
      case "any":
        return { kind: word };
      case "inputs":
      case "outputs":
        this.#expect(".");
        return { kind: "object", side: word, name: this.#next() };
      case "pulumi": {
        this.#expect(".", "Input", "<");
        const type = this.#type();
        this.#expect(">");
        return type;
      }
      default:
        throw this.#unread(word);
    }
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#unread("the end");
    return token;
  }
  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }
  #expect(...tokens: string[]): void {
    for (const token of tokens) {
      const found = this.#next();
      if (found !== token) throw this.#unread(`${found} instead of ${token}`);
    }
  }
  #unread(what: string): Error {
    return new Error(`cannot read the type of ${this.#of} at token ${this.#at}: ${what}`);
  }
}
