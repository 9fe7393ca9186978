import fc from "fast-check";
import { expect, test } from "vitest";
import { documentBody } from "../../worker/schemas/documents.ts";
import type { Grammar } from "./languages.ts";
import { declarationsOf, outlineOf } from "./outline.ts";

const SOURCES: Record<Exclude<Grammar, "tsx" | "javascript">, string> = {
  typescript: `import { x } from "x";

/** About A. */
@sealed
export abstract class A<T> extends B {
  private n = 1;
  /** Runs. */
  run = (): void => {};
  abstract m(): void;
  private hidden(): void {}
}
export const [first, second] = pair, { third } = object;
function local() {}
namespace N {
  export type Inner = 1;
}
app.listen(80);
export interface I { field: 1 }
`,
  python: `import x

# About A
@dec
class A(B):
    '''doc'''
    X = 1
    def f(self):
        y = 1
    @property
    async def _g(self): pass

LIMIT: int = 3
a.b = 1
try:
    import q
except ImportError:
    def q(): pass
`,
  go: `package a

// Close closes.
func (r *Recv) Close() error { return nil }
func generic[T any]() {}
type (
	S struct { A int }
	// About B
	B string
)
const X, y = 1, 2
`,
  rust: `use a::b;
/// doc
#[derive(Debug)]
pub struct S<T> { a: T }
impl<T> Tr for S<T> {
    /// m
    pub fn m(&self) {}
    fn n() {}
}
mod x { pub fn y() {} }
macro_rules! mm { () => {} }
pub trait Tr { fn z(); }
`,
  java: `package p;
/** doc */
@Ann
public class A<T> {
  public static final int X = 1, Y = 2;
  A() {}
  /** m */
  public void m() {}
  private void hidden() {}
  static class In { void n() {} }
  public enum E { P; void z() {} }
}
`,
};

test.each<[Exclude<Grammar, "tsx" | "javascript">, string[]]>([
  [
    "typescript",
    [
      ...["3-5 A+", "7-8 A.run+", "9 A.m+", "10 A.hidden", "12 first+", "12 second+", "12 third+", "13 local"],
      ...["14 N", "15 N.Inner+", "18 I+"],
    ],
  ],
  ["python", ["3-5 A+", "7 A.X+", "8 A.f+", "10-11 A._g", "13 LIMIT+", "15-18 q+"]],
  ["go", ["3-4 Recv.Close+", "5 generic", "6-7 S+", "8-9 B+", "11 X+", "11 y+"]],
  ["rust", ["2-4 S+", "5 impl S<T>", "6-7 S.m+", "8 S.n+", "10 x", "10 x.y+", "11 mm", "12 Tr+", "12 Tr.z+"]],
  [
    "java",
    [
      ...["2-4 A+", "5 A.X+", "5 A.Y+", "6 A.A+", "7-8 A.m+", "9 A.hidden", "10 A.In+", "10 A.In.n+"],
      ...["11 A.E+", "11 A.E.z+"],
    ],
  ],
])("the declarations of %s begin at their comments, decorators and attributes", async (grammar, expected) => {
  const read = await declarationsOf(SOURCES[grammar], grammar);
  const shown = read?.declarations.map(({ symbol, line, from_line, is_public }) => {
    const lines = from_line === line ? `${line}` : `${from_line}-${line}`;
    return `${lines} ${symbol}${is_public ? "+" : ""}`;
  });
  expect(shown).toEqual(expected);
});

test("what follows declarations at the top level belongs to none of them", async () => {
  const outline = await outlineOf(SOURCES.typescript, "typescript");
  expect(outline).toContainEqual({ line: 17, symbol: "" });
  expect(outline).toContainEqual({ line: 12, symbol: "first, second, third" });
});

test("code that nests without end goes by indentation, and the next file is parsed again", async () => {
  expect(await outlineOf("[{".repeat(3_000), "go")).toBeUndefined();
  expect(await outlineOf("func F() {}\n", "go")).toEqual([{ line: 1, symbol: "F" }]);
});

test("broken code, and what is no code at all, gives an outline that the service takes", async () => {
  const grammars: Grammar[] = ["typescript", "tsx", "javascript", "python", "go", "rust", "java"];
  const mangled = fc
    .tuple(
      fc.constantFrom(...Object.values(SOURCES)),
      fc.nat(400),
      fc.nat(60),
      fc.string({ unit: "binary", maxLength: 20 }),
    )
    .map(([source, at, length, other]) => source.slice(0, at) + other + source.slice(at + length));
  const deep = fc
    .tuple(fc.constantFrom("class A {", "(", "mod x {", "[{"), fc.nat(3_000))
    .map(([open, times]) => open.repeat(times));
  const anything = fc.oneof({ weight: 4, arbitrary: mangled }, fc.string({ unit: "binary", maxLength: 300 }), deep);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...grammars), anything, async (grammar, source) => {
      const text = source.toWellFormed().replaceAll("\0", "");
      const outline = await outlineOf(text, grammar);
      const taken = documentBody.safeParse({ text, format: "code", outline });
      expect(taken.error?.issues ?? []).toEqual([]);
      expect(outline?.at(-1)?.line ?? 1).toBeLessThanOrEqual(text.split("\n").length);
    }),
    { numRuns: 50 },
  );
});
