/** Documents that arrive as files, in forms and raw, through the whole service. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { FILE_BODY_BYTES_MAX } from "../../worker/limits.ts";
import { type Service, startService } from "../../worker/service.fixture.ts";
import { manualOf, sampleFile } from "../bench/sample-files.ts";
import { PATH, type Uploads, uploadsTo } from "./uploads.fixture.ts";

let service: Service;
let upload: Uploads["upload"];
let post: Uploads["post"];
let textsOf: Uploads["textsOf"];
beforeAll(async () => {
  service = await startService();
  ({ upload, post, textsOf } = uploadsTo(service));
});
afterAll(() => service.close());

test("a cell far below in a long table is answered, with the names of its columns", async () => {
  const rows = Array.from({ length: 1_000 }, (_, row) => `Gasket ${row},${3 * row + 1},Shelf ${row % 37}`);
  const metadata = JSON.stringify({ collection: "stock" });
  await upload("Stock.csv", ["Article,Torque in Nm,Place", ...rows].join("\n"), { id: "stock", metadata });
  const { json } = await service.call("POST", "/api/v1/chat", {
    message: "What torque has gasket 900?",
    filter: { collection: "stock" },
  });
  expect(json).toMatchObject({ found: true, grounded: true, citations: [{ document_id: "stock" }] });
  expect(json.citations[0].heading).toBe("| Article | Torque in Nm | Place |");
  expect(json.sources[0].text).toContain("| Gasket 900 | 2701 | Shelf 12 |");
});

test("a raw body with the file's type is the same document as a form, and sent again changes nothing", async () => {
  const page = "<h1>Opening hours</h1><ul><li>Monday 9 to 12</li></ul>";
  const form = await upload("hours.html", page, { url: "https://example.org/hours" });
  expect(form).toMatchObject({ status: 201, json: { id: expect.stringMatching(/^file-[0-9a-f]{32}$/), version: 1 } });
  const query = new URLSearchParams({ url: "https://example.org/hours" });
  const raw = await post(`${PATH}?${query}`, page, { "content-type": "text/html; charset=utf-8" });
  expect(raw).toMatchObject({ status: 200, json: { ...form.json, status: "unchanged" } });
  const { json } = await service.call("GET", `${PATH}/${form.json.id}`);
  expect(json).toMatchObject({
    title: "Opening hours",
    text: "# Opening hours\n\n- Monday 9 to 12\n",
    format: "markdown",
  });
});

test("a file without a heading is called by its name, Markdown and text stay as they are", async () => {
  const titleOf = async (name: string, content: string) => {
    const { json } = await upload(name, content);
    return (await service.call("GET", `${PATH}/${json.id}`)).json;
  };
  expect(await titleOf("Stock 2026.csv", "Part,Count\nBolt,4\n")).toMatchObject({ title: "Stock 2026" });
  expect(await titleOf("note.md", "# A *note*\n")).toMatchObject({ title: "A note", text: "# A *note*\n" });
  expect(await titleOf('Valve 3".txt', "Open.")).toMatchObject({ title: 'Valve 3"' });
  expect(await titleOf("Sp\uFFFDcial.txt", "Open it.")).toMatchObject({ title: "Sp\uFFFDcial" });
  expect(await titleOf("plain.txt", "# no heading\n")).toMatchObject({ format: "text", text: "# no heading\n" });
});

const latin1 = (text: string) => Buffer.from(text, "latin1");

test.each<[string, string, type: string, Uint8Array]>([
  ["an HTML page by its meta", "a.html", "text/html", latin1('<meta charset="latin1"><p>Café Zoë</p>')],
  [
    "Notepad's text, whatever was declared",
    "a.txt",
    "text/plain; charset=latin1",
    Buffer.from("\uFEFFCafé Zoë", "utf16le").swap16(),
  ],
  [
    "a type that says more, in quotes",
    "a.txt",
    'text/plain; title="a; charset=klingon"; charset=latin1',
    latin1("Café Zoë"),
  ],
  ["Markdown, declared", "a.md", 'text/markdown; Charset="ISO-8859-1"', latin1("# Café Zoë")],
])("text is read in the encoding that it says it is in: %s", async (_, name, type, bytes) => {
  expect(await textsOf(name, type, bytes)).toEqual(Array(2).fill(expect.stringContaining("Café Zoë")));
});

test("an Idempotency-Key knows a form again whose boundary is another, and not one with another file", async () => {
  const headers = { "idempotency-key": "form-1" };
  const first = await upload("a.html", "<p>One</p>", {}, headers);
  const again = await upload("a.html", "<p>One</p>", {}, headers);
  expect(again).toMatchObject({ status: 201, json: first.json });
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect((await upload("a.html", "<p>Two</p>", {}, headers)).status).toBe(422);
});

/** A form of one field, and a file. */
const formOf = (field: string, value: string) =>
  [field, 'name="file"; filename="a.md"']
    .map((what, index) => `--b\r\ncontent-disposition: form-data; ${what}\r\n\r\n${index === 0 ? value : "# A"}\r\n`)
    .join("")
    .concat("--b--\r\n");

test("what is no file, no form or no field is refused with what to do, and writes nothing", async () => {
  const before = (await service.call("GET", PATH)).json;
  const docx = await sampleFile(".docx", manualOf(1));
  const form = "multipart/form-data";
  const encoded = (encoding: string, content: string) =>
    `--b\r\ncontent-disposition: form-data; name="file"; filename="a.md"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}\r\n--b--\r\n`;
  const refusals: [ReturnType<typeof post>, number, RegExp][] = [
    [upload("slides.pptx", await sampleFile(".pptx", manualOf(1))), 415, /ops index update/],
    [upload("book.epub", "PK"), 415, /ops index update/],
    [upload("slides.odp", "PK"), 415, /ops index update/],
    [upload("letter.txt", "{\\rtf1 Dear reader}"), 422, /is RTF, which is not converted/],
    [upload("movie.mp4", "x"), 415, /PDF, HTML or Markdown/],
    [post(PATH, "x", { "content-type": "image/png" }), 415, /Content-Type/],
    [upload("a.pdf", docx), 422, /does not begin as one/],
    [upload("a.docx", docx.slice(0, 3_000)), 422, /damaged/],
    [upload("a.html", "<script>1</script>"), 422, /holds no text/],
    [upload("a.html", "<p>x</p>", { metadata: "{" }), 400, /`metadata`: must be JSON/],
    [upload("a.html", "<p>x</p>", { metadata: '{"collection":1}' }), 400, /must be a string/],
    [
      upload("a.html", "<p>x</p>", { metadata: '{"a":1,"a":2}' }),
      400,
      /^`metadata` was refused: the key "a" is given twice/,
    ],
    [upload("a.html", "<p>x</p>", { metadata: '{"__proto__":1}' }), 400, /"__proto__" is not taken/],
    [upload("a.html", "<p>x</p>", { metadata: `[${"[],".repeat(1_000_000)}[]]` }), 400, /more than \d+ items/],
    [upload("a.html", "<p>x</p>", { text: "y" }), 400, /`text`: unknown field/],
    [post(`${PATH}?text=y`, "<p>x</p>", { "content-type": "text/html" }), 400, /`text`: unknown field/],
    [post(`${PATH}?id=a&id=b`, "<p>x</p>", { "content-type": "text/html" }), 400, /each field once, not `id` again/],
    [upload("a.html", "<p>x</p>", { constructor: "y" }), 400, /`constructor`: unknown field/],
    [upload("a.html", "<p>x</p>", {}, { type: "constructor" }), 415, /PDF, HTML or Markdown/],
    [post(PATH, "x", { "content-type": "constructor" }), 415, /Content-Type/],
    [post(PATH, "x", { "content-type": "application/msword" }), 415, /application\/pdf.*wordprocessingml/],
    [post(PATH, "x", { "content-type": "text/plain; charset=klingon" }), 415, /`charset`/],
    [upload("a.txt", new Uint8Array([0xe9]), {}, { type: "text/plain;charset=klingon" }), 415, /`charset`/],
    [post(PATH, new Uint8Array([0xe9]), { "content-type": "text/plain" }), 422, /neither a `charset`/],
    [post(PATH, new Uint8Array([0xe9]), { "content-type": "text/plain; charset=utf-8" }), 422, /not UTF-8 text/],
    [post(PATH, new Uint8Array([0x61, 0]), { "content-type": "text/plain; charset=latin1" }), 422, /not UTF-8 text/],
    [post(PATH, new URLSearchParams({ a: "b" }), {}), 415, /Content-Type/],
    [post(PATH, "nothing", { "content-type": form }), 400, /boundary/],
    [
      post(PATH, '--b\r\ncontent-disposition: form-data; name="id"\r\n\r\nx\r\n--b--\r\n', {
        "content-type": `${form}; boundary=b`,
      }),
      400,
      /no file/,
    ],
    [
      post(PATH, latin1(formOf('name="title"', "Caf\xe9")), { "content-type": `${form}; boundary=b` }),
      400,
      /not UTF-8/,
    ],
    [
      post(PATH, encoded("base64", "IyBIZWxsbw=="), { "content-type": `${form}; boundary=b` }),
      400,
      /Content-Transfer-Encoding/,
    ],
    [
      post(PATH, encoded("quoted-printable", "# Caf=C3=A9"), { "content-type": `${form}; boundary="b"` }),
      400,
      /Content-Transfer-Encoding/,
    ],
    [post(PATH, "<p>x</p>", { "content-type": "text/html", "content-encoding": "gzip" }), 415, /Content-Encoding/],
    [upload("a.html", new Uint8Array(FILE_BODY_BYTES_MAX)), 413, /bytes at most/],
  ];
  for (const [refusal, status, reason] of refusals) {
    const { status: given, json } = await refusal;
    expect({ given, detail: json.detail }).toEqual({ given: status, detail: expect.stringMatching(reason) });
  }
  expect((await service.call("GET", PATH)).json).toEqual(before);
  const as_it_stands = await post(PATH, encoded("8bit", "# Unencoded"), { "content-type": `${form}; boundary=b` });
  expect(as_it_stands.status).toBe(201);
});

test("who may not write may not send files", async () => {
  const authorization = `Bearer ${await service.key({ scopes: ["read"] })}`;
  expect((await upload("a.html", "<p>x</p>", {}, { authorization })).status).toBe(403);
});

test("while models are closed to callers a file waits, and Markdown is taken", async () => {
  await service.call("PUT", "/api/v1/mode", { mode: "degraded", reason: "models are slow" });
  await expect.poll(async () => (await upload("a.html", "<p>Degraded</p>")).status, { timeout: 40_000 }).toBe(503);
  expect((await upload("a.md", "# Degraded\n")).status).toBe(201);
}, 60_000);
