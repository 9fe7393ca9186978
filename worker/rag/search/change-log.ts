/**
 * A list of changes mentions all that a product ever had, in the words of the day, and tells of none of it how it is: before the page
 * that does, it answers only who asks for changes. Pure; the cues are English.
 */

/** Titles of such lists, folded. Not more: "Changes of state" and "News from Rome" are documents like others. */
const CHANGE_LOG =
  /^(?:the )?(?:change ?log|changes|release (?:notes|history)|what.?s new(?: in .{1,60})?|history of changes)$/;
const ASKS_OF_CHANGES =
  /\b(?:when|since|versions?|releas(?:e|es|ed)|chang(?:e|es|ed|elog)|new|add(?:ed)?|remov(?:e|es|ed)|dropp?(?:ed)?|deprecat(?:e|ed)|fix(?:ed)?|introduced|latest|history|upgrad(?:e|ing)|no longer|still|\d+\.\d+)\b/i;

/** What a chunk of such a list keeps of its score where nothing of the kind is asked for. */
const KEPT_SHARE = 0.9;

/** The share of its score that a chunk keeps, by the title of its document as folded text. */
export function changeLogShare(query: string): (title: string) => number {
  return ASKS_OF_CHANGES.test(query) ? () => 1 : (title) => (CHANGE_LOG.test(title) ? KEPT_SHARE : 1);
}
