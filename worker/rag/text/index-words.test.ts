import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeIndexWords } from "./identifiers.ts";
import { indexTerm, indexWords, WORDS_VERSION } from "./index-words.ts";
import { normaliseText } from "./normalise.ts";
import { anyOf, queryTerms, quoted } from "./query.ts";
import { tokenise } from "./words.ts";

const database = new DatabaseSync(":memory:");
database.exec(`CREATE VIRTUAL TABLE chunks USING fts5 (title, heading, text, words, tokenize = 'porter unicode61 remove_diacritics 2');
  CREATE VIRTUAL TABLE vocabulary USING fts5vocab (chunks, 'row')`);
const put = database.prepare("INSERT INTO chunks (rowid, text, words) VALUES (1, ?, ?)");
const find = database.prepare("SELECT count(*) AS found FROM chunks WHERE chunks MATCH ?");

function store(text: string): void {
  database.exec("DELETE FROM chunks");
  const stored = normaliseText(text);
  put.run(stored, indexWords(stored));
}
const found = (expression: string): boolean => find.get(expression)?.found === 1;

/** Letters and marks of every script that Unicode has, by script. */
const SCRIPTS = [
  "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo",
  "Brahmi Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Coptic Cuneiform",
  "Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic",
  "Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo",
  "Hatran Hebrew Hiragana Imperial_Aramaic Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana",
  "Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu",
  "Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek",
  "Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari",
  "Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic",
  "Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya",
  "Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada",
  "Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa",
  "Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai",
  "Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square",
].flatMap((line) => line.split(" "));

const LETTERS = new Map<string, string[]>();
const MARKS = new Map<string, string[]>();
for (const script of SCRIPTS) {
  const is = new RegExp(`\\p{Script=${script}}`, "u");
  LETTERS.set(script, []);
  MARKS.set(script, []);
  for (let code = 0x41; code < 0x32000; code += 1) {
    if (code >= 0xd800 && code < 0xe000) continue;
    const character = String.fromCodePoint(code);
    if (!is.test(character)) continue;
    // A letter that is nothing but an isolated diacritic is no word.
    if (/\p{L}/u.test(character) && tokenise(character).length > 0) LETTERS.get(script)?.push(character);
    else if (/\p{M}/u.test(character)) MARKS.get(script)?.push(character);
  }
}

const wordOf = (script: string): fc.Arbitrary<string> => {
  const letter = fc.constantFrom(...(LETTERS.get(script) as string[]));
  const mark = fc.constantFrom("", "", "\u0301", "\u0308", ...(MARKS.get(script) as string[]));
  return fc
    .tuple(
      letter,
      fc.array(
        fc.oneof(
          letter,
          fc.tuple(letter, mark).map(([a, b]) => a + b),
        ),
        { maxLength: 6 },
      ),
    )
    .map(([first, rest]) => first + rest.join(""));
};

test.each(SCRIPTS.filter((script) => (LETTERS.get(script) as string[]).length > 0))(
  "a word of %s is found in every text that holds it, by each term of its query",
  (script) => {
    fc.assert(
      fc.property(wordOf(script), fc.array(wordOf(script), { maxLength: 3 }), (word, others) => {
        store([...others, word, "and more."].join(" "));
        const asked = tokenise(word);
        expect(asked.length).toBeGreaterThan(0);
        for (const term of asked) expect(found(quoted(indexTerm(term))), `${word}: ${term}`).toBe(true);
        // In capitals a Greek iota below a letter stands beside it.
        if (word.normalize("NFD").includes("\u0345")) return;
        for (const term of tokenise(word.toUpperCase())) expect(found(quoted(indexTerm(term))), term).toBe(true);
      }),
      // A capital and a letter that has none of its own, which chance brings together once in thousands of words.
      { numRuns: 30, examples: script === "Latin" ? [["ẞı", []]] : [] },
    );
  },
);

test("what a text is tokenised to is what the index holds, whatever the text", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.constantFrom(
      "e-mail",
      "C#",
      "C++",
      ".NET",
      "x²",
      "da\u00ADta",
      "ﬁne",
      "Foo™",
      "㎡",
      "Straße",
      "Ｃ＋＋１７",
      "a&shy;b",
      "½",
      "1,000.5",
      "ΣΟΦΟΣ",
      "İstanbul",
      "don’t",
      "水",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      // Control characters are no part of a text that is kept.
      const text = normaliseText(pieces.join(" "));
      store(text);
      for (const term of tokenise(text)) expect(found(quoted(indexTerm(term))), term).toBe(true);
    }),
    { numRuns: 1_500 },
  );
});

test("a word that FTS5 reads by itself is not stored twice", () => {
  expect(indexWords("Rotate the keys: a café, 3 Schlüssel, “quoted” text — and Москва")).toBe("");
});

test("a spelling of the index is one term of FTS5, and its own stem", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 8 }), (text) => {
      for (const word of tokenise(text)) {
        database.exec("DELETE FROM chunks");
        put.run("", indexTerm(word));
        expect(database.prepare("SELECT count(*) AS terms FROM vocabulary").get()).toEqual({ terms: 1 });
      }
    }),
  );
});

const EXAMPLES = [
  ["백업 서버는 매일 밤 자정에 시작한다.", "백업"],
  ["백업 서버는 매일 밤 자정에 시작한다.", "서버"],
  ["물은 맑다", "물"],
  ["ещё мой йод", "ЙОД"],
  ["Його їжа", "їжа"],
  ["Η Αθήνα είναι εδώ", "ΑΘΗΝΑ"],
  ["दिल्ली में किताब", "किताब"],
  ["كِتَابٌ جديد", "كتاب"],
  ["データベースは毎日保存されます", "データベース"],
  ["数据库每天自动备份", "备份"],
  ["ฐานข้อมูลถูกสำรองทุกวัน", "ข้อมูล"],
  ["col·legi de Barcelona", "collegi"],
  ["COL·LEGI", "col·legi"],
  ["la paraŀlela", "paral·lela"],
  ["A𐞺ß", "A𐞺SS"],
  ["x² + y²", "x2"],
  ["a data\u00ADbase and a work\u200Bflow", "database"],
  ["a data\u00ADbase and a work\u200Bflow", "workflow"],
  ["Send an e-mail", "email"],
  ["Send an email", "e-mail"],
  ["multi-tenant", "multitenant"],
  ["a multitenant service", "multi-tenant"],
  ["worth 1000000 dollars", "1,000,000"],
  ["worth 1,000,000 dollars", "1000000"],
  ["3.500.000 Lampen", "3500000"],
  ["4\u202F500\u00A0000 câbles", "4500000"],
  ["1’000’000 Franken", "1'000'000"],
  ["MAX = 1_000_000;", "1000000"],
  ["₹10,00,000", "1,000,000"],
  ["written in C#", "csharp"],
  ["runs on .NET", "dotnet"],
  ["ＡＢＣ ｶﾅ", "abc カナ"],
  ["die Straße", "STRASSE"],
  ["IN GROSSEN STRASSEN", "großen Straßen"],
  ["IŞIK", "ışık"],
  ["Łódź", "lodz"],
  ["œuvre", "oeuvre"],
  ["100㎡", "100m2"],
  ["㍿トヨタ", "株式会社"],
  ["ⓗⓔⓛⓛⓞ", "hello"],
  ["⽇本", "日本"],
  ["⻝品と⺠法", "食品"],
  ["Sáŋgáš", "Sangas"],
  ["written in Ｃ＋＋", "C++"],
  ["written in C++17", "C++"],
  ["written in C♯", "C#"],
  ["عام ٢٠٢٤", "2024"],
  ["मई २०२४", "2024"],
  ["ज़रूरत", "जरूरत"],
  ["كتاب", "کتاب"],
  ["ٱلكتاب", "الكتاب"],
  ["زکوٰۃ", "زكوة"],
  ["пʼять", "п'ять"],
  ["Hawaiʻi", "Hawai'i"],
  ["ܐܵܠܵܗܵܐ", "ܐܠܗܐ"],
  ["ꦧꦱꦗꦮꦤꦱꦭꦢ", "ꦗꦮ"],
  ["അവൻ വന്നു", "അവന്\u200D"],
  ["അവന്\u200D വന്നു", "അവൻ"],
  ["হঠাৎ বৃষ্টি", "হঠাত্\u200D"],
  ["น้ำดื่ม", "น\u0E4D\u0E49าดื่ม"],
  ["แม่น้ำ", "เเม่น้ำ"],
  ["ນ້ຳ", "ນ\u0ECD\u0EC9າ"],
  ["װאָס זײַן", "וואס זיין"],
  ["וואס זיין", "װאָס זײַן"],
  ["എന്റെ വീട്", "എൻ്റെ വീട്"],
  ["എൻ്റെ", "എന്റെ"],
  ["എൻറെ", "എന്\u200Dറെ"],
  ["കൗശലം", "കൌശലം"],
  ["ஸ்ரீரங்கம்", "ஶ்ரீரங்கம்"],
  ["カ゛ーテ゛ン", "ガーデン"],
  ["ハ゜ン", "パン"],
  ["bàŋ ɲɛ̀ Ɣana", "ban ne Gana"],
  ["aıƀ", "AIɃ"],
  ["ßɔ", "SSƆ"],
  ["Ǝdí", "ədi"],
  ["ƏDİ", "ǝdi"],
  ["𓀀𓁐𓂀", "𓁐𓂀"],
  ["𒀀𒁀𒂀", "𒁀"],
  ["con&shy;fig&#173;uration and data<wbr>base", "configuration database"],
] as const;
test.each(EXAMPLES)("%s is found by %s", (text, query) => {
  store(text);
  // By one term at least for each of its words: a word may have two spellings.
  for (const word of query.split(" ")) expect(found(anyOf(queryTerms(word))), word).toBe(true);
});

test("C, C# and C++ are three names", () => {
  store("only C here");
  expect(found(quoted("csharp"))).toBe(false);
  expect(tokenise("C#")).toEqual(["c", "csharp"]);
  expect(tokenise("C++")).toEqual(["c", "cplusplus"]);
});

/** Of the words of every letter and mark, of the examples above and of code, as {@link WORDS_VERSION} says. */
const WORDS_FINGERPRINT = "4840ccba1a4aba61";
test("a tokenizer that reads other words has another version, so that stored chunks are read again", () => {
  const letters = SCRIPTS.map((script) => [...(LETTERS.get(script) ?? []), ...(MARKS.get(script) ?? [])].join("a"));
  const words = [
    ...[...letters, ...EXAMPLES.flat()].map((text) => indexWords("", "", normaliseText(text))),
    codeIndexWords(
      "src/key-order.ts",
      "readKeyOrder, Packer.addAll",
      "const max_tokens = parseHTTPHeader(ÄnderungsLog);",
    ),
  ];
  const fingerprint = createHash("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 16);
  expect(`${WORDS_VERSION}: ${fingerprint}`, "raise WORDS_VERSION and write the new fingerprint").toBe(
    `${WORDS_VERSION}: ${WORDS_FINGERPRINT}`,
  );
});
