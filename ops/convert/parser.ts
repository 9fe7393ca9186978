/** What a parser of one kind of file is. */

/** The file's text as Markdown. @throws Refused, or whatever its library throws at what it cannot read. */
export type Parser = (bytes: Uint8Array) => string | Promise<string>;

/** What a parser refuses by its own rule, completing "the file …". */
export class Refused extends Error {}
