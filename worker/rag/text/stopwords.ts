/**
 * Words that carry grammar and no topic. Dropping them from a query saves most of its cost: a stopword's posting
 * list is as long as the index, and its idf is near zero, so the ranking hardly changes.
 *
 * The list is closed-class English (articles, pronouns, prepositions, auxiliaries, conjunctions, question words) in
 * the spirit of the Snowball list; it deliberately holds no verbs, nouns or adjectives with a meaning of their own.
 * Single letters are the remains of `don't`, `I'm`, `we'll` after tokenising.
 */
const WORDS = `
a about also am an and any are as at be been being but by can could d did do does doing done for from had has have
having he her him his how i if in into is it its ll m may me might must my no not of on or our s shall she should so
some such t than that the their them then there these they this those to us ve was we were what when where which who
whom whose why will with would you your
`;

export const STOPWORDS: ReadonlySet<string> = new Set(WORDS.split(/\s+/).filter((word) => word !== ""));
