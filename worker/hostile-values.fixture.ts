/** What somebody sends who means harm, or whose program is broken: values for tests to put into requests. */
import fc from "fast-check";

export const wrongValue = fc.constantFrom<unknown>({ a: { b: 1 } }, [[]], [{}], [null], { $gt: {} });
export const outOfRange = fc.constantFrom(0, -1, 1.5, 1e300, 2 ** 53, 10_000_000);
export const evilText = fc.constantFrom(
  "' OR 1=1 --",
  "'; DROP TABLE documents; --",
  '" OR tenant_term:*',
  "NEAR(weevil grain, 5)",
  "title: weevil",
  "weevil AND NOT grain",
  "weevil*",
  "^weevil",
  "-weevil",
  "{title text} : weevil",
  '"unbalanced',
  "((((",
  "%' UNION SELECT secret_hash FROM api_keys --",
  "json_each(?1)",
  "?1",
  "<script>alert(1)</script>",
  "\u202eabc",
  "👩‍👩‍👧‍👦 नमस्ते 你好",
  "A".repeat(4_000),
  "\t\r\n weevil",
);
export const oddSegment = fc.constantFrom(
  ..."%,%zz,%00,%c0%af,%F0%9F,..%2f..%2fetc,%2e%2e,%20,%0a,{id},:id,*,null,a%5Cb,%25,__proto__,%22,%27%20OR%201=1,%e2%80%ae".split(
    ",",
  ),
  "a".repeat(6_000),
);
export const junkHeaders = fc.dictionary(
  fc.constantFrom(
    ..."traceparent,x-request-id,if-none-match,accept,origin,cookie,range,x-forwarded-for,cf-connecting-ip,cf-ray,x-http-method-override,user-agent,forwarded".split(
      ",",
    ),
  ),
  fc.oneof(
    evilText.map((text) => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 1_000)),
    fc.string({
      unit: fc.integer({ min: 0x21, max: 0xff }).map((code) => String.fromCharCode(code === 0x7f ? 0x80 : code)),
    }),
  ),
  { maxKeys: 3 },
);
export const badCredentials = fc.constantFrom(
  "",
  "Bearer",
  "Bearer ",
  "Bearer x",
  "Basic YTpi",
  "bearer prism_",
  "Bearer prism_000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  `Bearer ${"a".repeat(5_000)}`,
  "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
  "Bearer a b",
  "Bearer \u00e9",
);
