/**
 * English words that are spelt in two ways: "licence" and "license", "behaviour" and "behavior", "organise" and "organize". Who asks
 * in one spelling looks for the other too. Pure.
 *
 * Words are compared by their American spelling; the index holds them as they were written, so it is asked for both. The rules need not know words: what becomes of "promise" is another string, but the same on both sides, and no
 * two words fall together.
 */
const OUR = "behavi|col|fav|flav|harb|hon|hum|lab|neighb|arm|endeav|parl|sav|tum|vig|vap|rum|od|rig|glam";
const OUR_ENDINGS = "s?|ed|ing|al|able|ful|less|ites?|ers?";
const ISE_ENDINGS = "e[sd]?|ing|ers?|ations?|able";

/** British, American, and the way back; each of the whole word. */
const PAIRS: readonly { british: RegExp; american: RegExp; toAmerican: string; toBritish: string }[] = [
  {
    british: new RegExp(`^(\\w*(?:${OUR}))our(${OUR_ENDINGS})$`),
    american: new RegExp(`^(\\w*(?:${OUR}))or(${OUR_ENDINGS})$`),
    toAmerican: "$1or$2",
    toBritish: "$1our$2",
  },
  {
    british: new RegExp(`^(\\w{3,})is(${ISE_ENDINGS})$`),
    american: new RegExp(`^(\\w{3,})iz(${ISE_ENDINGS})$`),
    toAmerican: "$1iz$2",
    toBritish: "$1is$2",
  },
  {
    british: /^(\w{2,})ys(e[sd]?|ing|ers?)$/,
    american: /^(\w{2,})yz(e[sd]?|ing|ers?)$/,
    toAmerican: "$1yz$2",
    toBritish: "$1ys$2",
  },
  {
    british: /^(lic|def|off|pret)enc(e[sd]?|ing)$/,
    american: /^(lic|def|off|pret)ens(e[sd]?|ing)$/,
    toAmerican: "$1ens$2",
    toBritish: "$1enc$2",
  },
  {
    british: /^(cent|lit|fib|theat|calib|(?:\w+)?met)re(s?)$/,
    american: /^(cent|lit|fib|theat|calib|(?:\w+)?met)er(s?)$/,
    toAmerican: "$1er$2",
    toBritish: "$1re$2",
  },
  {
    british: /^(catal|dial|anal|monol|prol)ogue(s?)$/,
    american: /^(catal|dial|anal|monol|prol)og(s?)$/,
    toAmerican: "$1og$2",
    toBritish: "$1ogue$2",
  },
  {
    british: /^(judg|acknowledg)ement(s?)$/,
    american: /^(judg|acknowledg)ment(s?)$/,
    toAmerican: "$1ment$2",
    toBritish: "$1ement$2",
  },
  { british: /^programme(s?)$/, american: /^program(s?)$/, toAmerican: "program$1", toBritish: "programme$1" },
  { british: /^artefact(s?)$/, american: /^artifact(s?)$/, toAmerican: "artifact$1", toBritish: "artefact$1" },
];

/** The other spelling of a folded word; undefined for one that has a single one. */
export function otherSpelling(word: string): string | undefined {
  for (const { british, american, toAmerican, toBritish } of PAIRS) {
    if (british.test(word)) return word.replace(british, toAmerican);
    if (american.test(word)) return word.replace(american, toBritish);
  }
  return undefined;
}

/** A folded word as Americans spell it. */
export function americanSpelling(word: string): string {
  const pair = PAIRS.find(({ british }) => british.test(word));
  return pair === undefined ? word : word.replace(pair.british, pair.toAmerican);
}
