/**
 * What kind of thing a question asks for, and whether a sentence holds one: "when" wants a date, "how many" a number,
 * "who" a name. Pure and English only; for other questions, and other languages, it says nothing.
 */

export type AnswerType = "number" | "time" | "version" | "date" | "name" | "other";

const NUMBER_QUESTION =
  /\bhow (?:many|much|long|far|old|often|large|big|tall|high|deep|fast|wide|heavy|small|short|soon)\b|\b(?:what|which)(?! (?:happens|if|does|do|did|should|must|can))(?: \w+){0,3} (?:number|percentage|percent|amount|proportion|fraction|population|size|length|height|width|area|distance|speed|temperature|weight|cost|price|limit|rate|age|port|total|score|maximum|minimum|share|percentile|timeout|threshold|quota|(?:status|exit|return) (?:code|status))\b/;
const VERSION_QUESTION = /\b(?:what|which)(?: \w+){0,2} versions?\b(?! control)/;
/** "How often" and "how long" are also answered without a figure. */
const TIME_QUESTION = /\bhow (?:often|long|soon|old)\b|\b(?:frequency|interval|duration|timeout|retention)\b/;
// "When it rains, what …" asks for something else: only a "when" or "where" before an auxiliary asks.
const DATE_QUESTION =
  /\bwhen (?:is|are|was|were|do|does|did|has|have|had|will)\b|\b(?:what|which)(?: \w+){0,2} (?:year|years|date|day|month|century|decade)\b/;
const NAME_QUESTION =
  /\bwho(?:m|se)?\b|\bwhere (?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should)\b|\bwhich (?!of\b)\p{L}|\bwhat(?: \w+){0,2} (?:person|man|woman|people|leader|king|queen|president|company|organi[sz]ation|institution|university|school|team|party|city|country|nation|state|town|county|region|river|place|location|group|name|\w{3,}(?:er|or|ist|ian))\b|\bnamed?\b/u;

const NUMBER_WORD =
  "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundreds?|thousands?|millions?|billions?|half|third|quarter|once|twice";
// A digit inside a name ("IPv4", "localhost:80", "utf-8") is no number.
const NUMBER = new RegExp(
  `(?<![\\p{L}\\d_./:]|[\\p{L}\\d_]-)\\d|\\b(?:no limit|unlimited|zero|none|never|${NUMBER_WORD})\\b`,
  "iu",
);
const VERSION = /(?<![\p{L}\d.])(?:\p{L}{1,8})?\d+(?:\.\d+)*(?:\.x|\+)?(?![\p{L}\d])/iu;
const DATE =
  /\b\d{3,4}s?\b|\b(?:january|february|march|april|june|july|august|september|october|november|december|century|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\bmay \d/i;
const CAPITALISED = /(?<=[\p{L}\d,;:)"'”’]\s["'“‘(]?)\p{Lu}[\p{L}\d'’-]*/gu;

const TIME_WORD =
  /\b(?:always|each|every|daily|hourly|weekly|monthly|yearly|annually|forever|immediately|instantly|indefinitely|until|continuously)\b/i;

/** In which form some values are written: a time, a size, a share, a code, a port. */
const FORMS: readonly { asked: RegExp; written: RegExp }[] = [
  {
    asked: TIME_QUESTION,
    written: /\d\s?(?:ms|[smhdwy]|(?:milli|micro)?seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b/i,
  },
  {
    asked:
      /\bhow (?:much|big|large)\b.*\b(?:space|memory|ram|storage|disk|file|segment|body|payload|message)s?\b|\b(?:file|body|payload|message|chunk) size\b/,
    written: /\d\s?(?:bytes?|[kmgt]i?b)\b/i,
  },
  { asked: /\b(?:percentage|percent|share|proportion|fraction)\b/, written: /\d\s?(?:%|percent\b|per cent\b)/i },
  { asked: /\b(?:status|exit|return) (?:code|status)\b/, written: /(?<![\p{L}\d.])\d{1,3}(?!\p{L}|\.?\d)/u },
  { asked: /\b(?:what|which) ports?\b/, written: /\bports? \d{2,5}\b|:\d{2,5}\b/i },
];
const COUNTED = /\bhow many (\p{L}{3,})/u;

/** How a sentence writes the value that is asked for; undefined where it may be written in any way. */
export function valueForm(question: string): RegExp | undefined {
  const asked = question.toLowerCase();
  const counted = COUNTED.exec(asked)?.[1]?.replace(/(?:ies|s)$/, "");
  if (counted !== undefined) return new RegExp(`(?:\\d|${NUMBER_WORD})\\s(?:[\\p{L}-]+\\s)?${counted}`, "iu");
  return FORMS.find((form) => form.asked.test(asked))?.written;
}

/** The type that the question's words ask for. */
export function answerType(question: string): AnswerType {
  const asked = question.toLowerCase();
  if (VERSION_QUESTION.test(asked)) return "version";
  if (NUMBER_QUESTION.test(asked)) return TIME_QUESTION.test(asked) ? "time" : "number";
  if (DATE_QUESTION.test(asked)) return "date";
  return NAME_QUESTION.test(asked) ? "name" : "other";
}

/**
 * Whether `sentence` holds something of the type. For names, a capitalised word inside the sentence that the question
 * does not say itself (`said`, lower case). False for type `other`.
 */
export function holdsType(type: AnswerType, sentence: string, said: ReadonlySet<string>): boolean {
  if (type === "number") return NUMBER.test(sentence);
  if (type === "time") return NUMBER.test(sentence) || TIME_WORD.test(sentence);
  if (type === "version") return VERSION.test(sentence);
  if (type === "date") return DATE.test(sentence);
  if (type === "other") return false;
  for (const match of sentence.matchAll(CAPITALISED)) if (!said.has(match[0].toLowerCase())) return true;
  return false;
}
