/**
 * What kind of thing a question asks for, and whether a sentence holds one: "when" wants a date, "how many" a number,
 * "who" a name. Pure and English only; for other questions, and other languages, it says nothing.
 */

export type AnswerType = "number" | "time" | "version" | "date" | "identifier" | "name" | "other";

/** Asks for a way to do something. */
export const HOW_TO = /^\s*how (?:do|does|can|could|should|would|to)\b/i;
const NUMBER_QUESTION =
  /\bhow (?:many|much|long|far|old|often|large|big|tall|high|deep|fast|wide|heavy|small|short|soon)\b|\bwhat is the (?:largest|biggest|longest|smallest|shortest|highest|lowest|maximum|minimum)\b|\b(?:what|which)(?! (?:happens|if|does|do|did|should|must|can|units?))(?: \w+){0,3} (?:number|percentage|percent|amount|proportion|fraction|population|size|length|height|width|area|distance|speed|temperature|weight|cost|price|limit|rate|age|port|total|score|maximum|minimum|share|percentile|timeout|threshold|quota|(?:status|exit|return) (?:code|status))\b/;
const VERSION_QUESTION = /\b(?:what|which)(?: \w+){0,2} versions?\b(?! control)/;
/** "How often" and "how long" are also answered without a figure. */
const TIME_QUESTION = /\bhow (?:often|long|soon|old)\b|\b(?:frequency|interval|duration|timeout|retention)\b/;
// "When it rains, what …" asks for something else: only a "when" or "where" before an auxiliary asks.
const DATE_QUESTION =
  /\bwhen (?:is|are|was|were|do|does|did|has|have|had|will)\b|\b(?:what|which)(?: \w+){0,2} (?:year|years|date|day|month|century|decade)\b/;
const NAME_QUESTION =
  /\bwho(?:m|se)?\b|\bwhere (?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should)\b|\bwhich (?!of\b)\p{L}|\bwhat(?: \w+){0,2} (?:person|man|woman|people|leader|king|queen|president|company|organi[sz]ation|institution|university|school|team|party|city|country|nation|state|town|county|region|river|place|location|group|name|\w{3,}(?:er|or|ist|ian))\b|\bnamed?\b/u;

/** "Which option", "what command": what documentation writes as code. */
const IDENTIFIER_QUESTION =
  /\b(?:what|which)(?: is the name of(?: the| an?)?)?(?: [\w.'/-]+){0,3}? (?:api|argument|attribute|branch|callback|class|command|directive|director(?:y|ie)|endpoint|environment variable|error|event|exception|extension|field|file|flag|folder|format|function|header|hook|keyword|label|librar(?:y|ie)|method|mode|module|option|package|parameter|path|plugin|prefix|propert(?:y|ie)|rule|script|separator|setting|suffix|switch|tag|tool|value|variable)(?:e?s)?\b/;

/** "One" that stands for a thing ("one that is", "the one", "one of") counts nothing. */
const ONE =
  "(?<!\\b(?:an?other|any|each|every|no|that|the|this|which) )one(?! (?:another|can|is|may|must|of|or more|should|that|which|who)\\b)";
const NUMBER_WORD = `${ONE}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundreds?|thousands?|millions?|billions?|half|third|quarter|once|twice`;
// A digit inside a name ("IPv4", "localhost:80", "utf-8") is no number.
const NUMBER = new RegExp(
  `(?<![\\p{L}\\d_./:]|[\\p{L}\\d_]-)\\d|\\b(?:no limit|unlimited|zero|none|never|${NUMBER_WORD})\\b`,
  "iu",
);
/** "Defaults to the number of cores" tells a number without a digit. */
const COUNT = /\b(?:to|is|are|equals?|than|by) (?:twice |half )?(?:the )?(?:number|amount|count) of\b/i;
const VERSION = /(?<![\p{L}\d.])(?:\p{L}{1,8})?\d+(?:\.\d+)*(?:\.x|\+)?(?![\p{L}\d])/iu;
// A version tells when, too. Three or four digits of an address, an issue or a size are no year.
const DATE =
  /\b(?:version|release|v)\s?\d+(?:\.\d+)+|(?<![\w#$./-])\d{3,4}s?\b(?![%/]|\.\d|\s?(?:[kmgt]i?b|bytes|ms|px)\b)|\b(?:january|february|march|april|june|july|august|september|october|november|december|century|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\bmay \d/i;
/**
 * A name as code writes it: between backticks, --option, snake_case, camelCase, CamelCase, call(), .ending. Wider than what a question
 * is read for (`question.ts`), where every word taken for a name must be in a text: here one more hint is all that it gives.
 */
const CODE_NAME =
  /`[^`\n]{1,80}`|(?<![\w-])--?[a-z][\w-]*|\b(?:[a-z]\w*_\w+|[a-z]+\d*[A-Z]\w*|[A-Z][a-z\d]+[A-Z]\w*|[A-Z]{2,}_\w+|[\w.]+\(\))|(?<![\w.])\.[a-z]\w+/g;
const CAPITALISED = /(?<=[\p{L}\d,;:)"'”’]\s["'“‘(]?)\p{Lu}[\p{L}\d'’-]*/gu;

const TIME_WORD =
  /\b(?:always|each|every|daily|hourly|weekly|monthly|yearly|annually|forever|immediately|instantly|indefinitely|until|continuously)\b/i;

/** A limit is told so. */
export const LIMIT_TOLD =
  /\b(?:limit(?:ed|s)?|max(?:imum|imal)?|min(?:imum|imal)?|at (?:most|least)|up to|(?:no|not|cannot be) (?:more|less|larger|longer|fewer)|exceeds?|(?:or|and) (?:above|below|higher|lower|later|newer))\b/i;

/** Asks for money: what is told of other costs is no answer. */
const MONEY_QUESTION =
  /\bhow much (?:do|does|is|are|would)\b.*\bcosts?\b|\bwhat (?:do|does|would)\b.*\bcost\b|\b(?:prices?|fees?)\b/;

const CONTACT = String.raw`\b(?:what|which)(?:'s| is| are)?(?: the| its| their| \w+'s)?(?: \w+)? `;
/** Asks whereby somebody is reached: what is told of letters and calls is no answer. */
const MAIL_QUESTION = new RegExp(String.raw`${CONTACT}e-?mail address\b(?! (?:used\b|for\?))`);
const PHONE_QUESTION = new RegExp(String.raw`${CONTACT}(?:tele)?phone number\b(?! (?:used\b|for\?))`);

/** Asks for what is written in its form wherever it stands: a price, an address of e-mail, a telephone number. */
export function asksOneForm(question: string): boolean {
  const asked = question.toLowerCase();
  return [MONEY_QUESTION, MAIL_QUESTION, PHONE_QUESTION].some((form) => form.test(asked));
}

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
  {
    asked: MONEY_QUESTION,
    written: /[$€£]\s?\d|\d\s?(?:[$€£]|USD|EUR|dollars?|euros?|cents?|pounds?)(?!\w)|\bfree\b|\bno (?:charge|fee)\b/i,
  },
  { asked: MAIL_QUESTION, written: /[\w.+-]@[\w-]+\.\w/ },
  { asked: PHONE_QUESTION, written: /(?<![\w.])\+?\(?\d[\d ()/-]{4,}\d/ },
  { asked: /\b(?:percentage|percent|share|proportion|fraction)\b/, written: /\d\s?(?:%|percent\b|per cent\b)/i },
  { asked: /\b(?:status|exit|return) (?:code|status)\b/, written: /(?<![\p{L}\d.])\d{1,3}(?!\p{L}|\.?\d)/u },
  {
    asked:
      /\b(?:how (?:big|large|long|many|much|deep|wide|far) (?:can|may|could)|largest|biggest|longest|smallest|shortest|highest|lowest|maximum|minimum|at most|at least)\b/,
    written: LIMIT_TOLD,
  },
  {
    asked:
      /\bwhere\b.{0,100}\b(?:stored?|kept|keep|saved?|located?|live|found|find|put|placed|written|write|cached|installed|look)\b/,
    written: /(?:^|[\s`"'(=])(?:~|\.{1,2}|[$%<][\w<]+[%>]?|[a-z]:)?[/\\][\w.$<%-]|\b(?:director(?:y|ies)|folder)\b/i,
  },
  { asked: /\b(?:what|which) ports?\b/, written: /\bports? \d{2,5}\b|:\d{2,5}\b/i },
];

/** What somebody does who wants no default. */
const SETTING = "(?:say|set|change|choose|specify|configure|pass|give|changed|chosen|specified|configured)";
/** Asks what holds where nothing is set. */
export const DEFAULT = new RegExp(
  [
    String.raw`\bdefaults?\b|\bout of the box\b`,
    String.raw`\bunless(?: \w+){0,3} ${SETTING}\b`,
    String.raw`\b(?:if|when) (?:I|you|we) (?:do not|don['’]t) ${SETTING}\b`,
    String.raw`\b(?:if|when) (?:I|you|we) ${SETTING} (?:nothing|none)\b`,
  ].join("|"),
  "i",
);
/** A default is told so: "Default: 5", "defaults to 5", "the default is 5", "5 by default", or in a column of its own. */
export const DEFAULT_TOLD =
  /\bdefaults?\b(?:\W{0,3}\w+){0,3}?\W{0,3}(?:[:=|]|\b(?:to|is|are|of)\b)|\bdefaults? [`"'\d]|\bby default\b|\(default\)/i;

const COUNTED = /\bhow many (\p{L}{3,})/u;

/** How a sentence writes the value that is asked for; undefined where it may be written in any way. */
export function valueForm(question: string): RegExp | undefined {
  const asked = question.toLowerCase();
  const counted = COUNTED.exec(asked)?.[1]?.replace(/(?:ies|s)$/, "");
  if (counted !== undefined) return new RegExp(`(?:\\d|${NUMBER_WORD})\\s(?:[\\p{L}-]+\\s)?${counted}`, "iu");
  return FORMS.find((form) => form.asked.test(asked))?.written ?? (DEFAULT.test(asked) ? DEFAULT_TOLD : undefined);
}

/** The type that the question's words ask for. */
export function answerType(question: string): AnswerType {
  const asked = question.toLowerCase();
  // "How do I see which file is used?" asks for a way, whatever it speaks of.
  if (HOW_TO.test(asked)) return "other";
  if (VERSION_QUESTION.test(asked)) return "version";
  if (NUMBER_QUESTION.test(asked)) return TIME_QUESTION.test(asked) ? "time" : "number";
  if (DATE_QUESTION.test(asked)) return "date";
  if (IDENTIFIER_QUESTION.test(asked)) return "identifier";
  return NAME_QUESTION.test(asked) ? "name" : "other";
}

/**
 * Whether `sentence` holds something of the type. For names, a capitalised word inside the sentence that the question
 * does not say itself (`said`, lower case); for identifiers also a name in code. False for type `other`.
 */
export function holdsType(type: AnswerType, sentence: string, said: ReadonlySet<string>): boolean {
  if (type === "number") return NUMBER.test(sentence) || COUNT.test(sentence);
  if (type === "time") return NUMBER.test(sentence) || TIME_WORD.test(sentence);
  if (type === "version") return VERSION.test(sentence);
  if (type === "date") return DATE.test(sentence);
  if (type === "other") return false;
  if (type === "identifier" && namesUnsaid(sentence, said)) return true;
  for (const match of sentence.matchAll(CAPITALISED)) if (!said.has(match[0].toLowerCase())) return true;
  return false;
}

function namesUnsaid(sentence: string, said: ReadonlySet<string>): boolean {
  for (const [name] of sentence.matchAll(CODE_NAME)) {
    if (
      name
        .toLowerCase()
        .match(/[\p{L}\d]+/gu)
        ?.some((word) => !said.has(word))
    )
      return true;
  }
  return false;
}
