/**
 * What kind of thing a question asks for, and whether a sentence holds one: "when" wants a date, "how many" a number,
 * "who" a name. Pure and English only; for other questions, and other languages, it says nothing.
 */

export type AnswerType = "number" | "date" | "name" | "other";

const NUMBER_QUESTION =
  /\bhow (?:many|much|long|far|old|often|large|big|tall|high|deep|fast|wide|heavy|small|short|soon)\b|\b(?:what|which)(?: \w+){0,3} (?:number|percentage|percent|amount|proportion|fraction|population|size|length|height|width|area|distance|speed|temperature|weight|cost|price|limit|rate|age|port|total|score|maximum|minimum)\b/;
// "When it rains, what …" asks for something else: only a "when" or "where" before an auxiliary asks.
const DATE_QUESTION =
  /\bwhen (?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|must|may|might)\b|\b(?:what|which)(?: \w+){0,2} (?:year|years|date|day|month|century|decade)\b/;
const NAME_QUESTION =
  /\bwho(?:m|se)?\b|\bwhere (?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should)\b|\bwhich (?!of\b)\p{L}|\bwhat(?: \w+){0,2} (?:person|man|woman|people|leader|king|queen|president|company|organi[sz]ation|institution|university|school|team|party|city|country|nation|state|town|county|region|river|place|location|group|name|\w{3,}(?:er|or|ist|ian))\b|\bnamed?\b/u;

const NUMBER =
  /\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundreds?|thousands?|millions?|billions?|half|third|quarter|once|twice|none|never)\b/i;
const DATE =
  /\b\d{3,4}s?\b|\b(?:january|february|march|april|june|july|august|september|october|november|december|century|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\bmay \d/i;
const CAPITALISED = /(?<=[\p{L}\d,;:)"'”’]\s["'“‘(]?)\p{Lu}[\p{L}\d'’-]*/gu;

/** The type that the question's words ask for. */
export function answerType(question: string): AnswerType {
  const asked = question.toLowerCase();
  if (NUMBER_QUESTION.test(asked)) return "number";
  if (DATE_QUESTION.test(asked)) return "date";
  return NAME_QUESTION.test(asked) ? "name" : "other";
}

/**
 * Whether `sentence` holds something of the type. For names, a capitalised word inside the sentence that the question
 * does not say itself (`said`, lower case). False for type `other`.
 */
export function holdsType(type: AnswerType, sentence: string, said: ReadonlySet<string>): boolean {
  if (type === "number") return NUMBER.test(sentence);
  if (type === "date") return DATE.test(sentence);
  if (type === "other") return false;
  for (const match of sentence.matchAll(CAPITALISED)) if (!said.has(match[0].toLowerCase())) return true;
  return false;
}
