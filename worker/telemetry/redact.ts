/**
 * Takes secrets out of what is about to be logged.
 *
 * Log lines are built from ids, numbers and route patterns; this is the second line of defence, and the first one
 * for an error's message and stack, the only way in for foreign text.
 */
const KEY = /prism_([a-z0-9]{4,16})_[a-z0-9]+/gi;
/** `PRISM_BACKUP_KEY`: keys have digits. */
const VARIABLE = /^[A-Z_]+$/;
const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/g;
const BEARER = /(bearer\s+)[\w.~+/=-]+/gi;
/** `JSON.parse` quotes its input, a caller's or a document's text: `…, ..."text"... is not valid JSON`. */
const QUOTED_INPUT = /'.', (?:\.\.\.)?"[\s\S]*"(?:\.\.\.)? is not valid JSON/g;

/** The text without credentials: those in the shapes we issue, and each of `secrets` wherever it occurs. */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  let clean = text
    .replace(KEY, (key, id) => (VARIABLE.test(key) ? key : `prism_${id}_[redacted]`))
    .replace(TOKEN, "[redacted]")
    .replace(BEARER, "$1[redacted]");
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[redacted]");
  return clean;
}

/** An engine's error message without what it quotes from its input. */
export function withoutQuotedInput(message: string): string {
  return message.replace(QUOTED_INPUT, "is not valid JSON");
}
