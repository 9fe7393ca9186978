/** Which files are source code, and what their grammars call declarations. A language without a grammar goes by indentation. */

/** A grammar of `@vscode/tree-sitter-wasm`. */
export type Grammar = "typescript" | "tsx" | "javascript" | "python" | "go" | "rust" | "java";

/** How a declaration's node tells what it declares. `members`: what is inside it is declared as well, below its name. */
export interface DeclarationKind {
  members?: true;
  /** Only where its value is a function: other fields are part of what they belong to. */
  function_only?: true;
  /** The field that holds the name; default `name`. */
  name_field?: string;
  /** The field with the type that a method belongs to. */
  owner_field?: string;
}

const MEMBERS: DeclarationKind = { members: true };
const PLAIN: DeclarationKind = {};

const JAVASCRIPT: Record<string, DeclarationKind> = {
  class_declaration: MEMBERS,
  function_declaration: PLAIN,
  generator_function_declaration: PLAIN,
  method_definition: PLAIN,
  field_definition: { function_only: true, name_field: "property" },
  variable_declarator: PLAIN,
};
const TYPESCRIPT: Record<string, DeclarationKind> = {
  ...JAVASCRIPT,
  abstract_class_declaration: MEMBERS,
  abstract_method_signature: PLAIN,
  function_signature: PLAIN,
  public_field_definition: { function_only: true },
  interface_declaration: PLAIN,
  type_alias_declaration: PLAIN,
  enum_declaration: PLAIN,
  internal_module: MEMBERS,
  module: MEMBERS,
};

/** By the type of the node. */
export const DECLARATIONS: Readonly<Record<Grammar, Readonly<Record<string, DeclarationKind>>>> = {
  javascript: JAVASCRIPT,
  typescript: TYPESCRIPT,
  tsx: TYPESCRIPT,
  python: { class_definition: MEMBERS, function_definition: PLAIN, assignment: { name_field: "left" } },
  go: {
    function_declaration: PLAIN,
    method_declaration: { owner_field: "receiver" },
    type_spec: PLAIN,
    type_alias: PLAIN,
    const_spec: PLAIN,
    var_spec: PLAIN,
  },
  rust: {
    function_item: PLAIN,
    function_signature_item: PLAIN,
    struct_item: PLAIN,
    enum_item: PLAIN,
    union_item: PLAIN,
    type_item: PLAIN,
    const_item: PLAIN,
    static_item: PLAIN,
    macro_definition: PLAIN,
    trait_item: MEMBERS,
    mod_item: MEMBERS,
    impl_item: { members: true, name_field: "type" },
  },
  java: {
    class_declaration: MEMBERS,
    interface_declaration: MEMBERS,
    enum_declaration: MEMBERS,
    record_declaration: MEMBERS,
    annotation_type_declaration: MEMBERS,
    method_declaration: PLAIN,
    constructor_declaration: PLAIN,
    compact_constructor_declaration: PLAIN,
    annotation_type_element_declaration: PLAIN,
    variable_declarator: PLAIN,
    constant_declaration: PLAIN,
  },
};

/** What stands around declarations without being one, looked into for them. */
export const TRANSPARENT: ReadonlySet<string> = new Set([
  ...["export_statement", "ambient_declaration", "lexical_declaration", "variable_declaration", "expression_statement"],
  ...["decorated_definition", "if_statement", "else_clause", "try_statement", "except_clause", "block"],
  ...["type_declaration", "const_declaration", "var_declaration", "var_spec_list"],
  ...["foreign_mod_item", "declaration_list"],
  ...["field_declaration", "enum_body_declarations"],
]);

/** What belongs to the declaration below it. */
export const LEADS: ReadonlySet<string> = new Set([
  ...["comment", "line_comment", "block_comment", "decorator", "attribute_item"],
]);

const GRAMMAR_OF: Readonly<Record<string, Grammar>> = {
  ".ts": "typescript",
  ".mts": "typescript",
  ".cts": "typescript",
  ".tsx": "tsx",
  ".js": "javascript",
  ".mjs": "javascript",
  ".cjs": "javascript",
  ".jsx": "javascript",
  ".py": "python",
  ".pyi": "python",
  ".go": "go",
  ".rs": "rust",
  ".java": "java",
};
export const PARSED_EXTENSIONS: readonly string[] = Object.keys(GRAMMAR_OF);
/** Code all the same; the Worker finds its declarations by indentation. */
const WITHOUT_GRAMMAR: ReadonlySet<string> = new Set(
  ".c .h .cc .cpp .cxx .hpp .cs .rb .php .kt .kts .swift .scala .sh .bash .lua .pl .pm .r .jl .dart .ex .exs .zig .sql".split(
    " ",
  ),
);

/** The grammar for a file's extension (`.ts`, lower case); null for code without one, undefined for what is no code. */
export function grammarOf(extension: string): Grammar | null | undefined {
  return GRAMMAR_OF[extension] ?? (WITHOUT_GRAMMAR.has(extension) ? null : undefined);
}
