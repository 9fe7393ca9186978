/**
 * Everyday words that documentation says in several ways: who asks how to turn a thing off is told how to disable it. English, and only
 * words that say the same whatever a text is about. Only questions are read with them, and what is said otherwise counts for a part
 * (`PARAPHRASE_SHARE`) of what is said as asked. Pure.
 */
import { termOf } from "./terms.ts";

/** What a word that stands for the asked one counts beside it: less than the word itself, and enough to tell it from none. */
export const PARAPHRASE_SHARE = 0.5;

/** So many words lie at most between the first word of a phrase and its last: "turn the coloured output off". */
const PHRASE_GAP_MAX = 3;

/** Words of a line stand for each other; those behind a ">" stand for the phrase before it. */
const LINES = `
delete remove erase drop discard purge
disable deactivate suppress
turn off > disable deactivate
switch off > disable deactivate
shut off > disable
enable activate
turn on > enable activate
switch on > enable activate
get rid > remove delete drop
create add make generate new define
show display print list view
start launch run execute
stop quit exit terminate end
cancel abort interrupt
change modify edit alter adjust
change update set
customize override
rename name
move relocate
copy duplicate clone
limit maximum restrict max quota cap
minimum min least
error failure fail exception
crash fail abort
folder directory
login authenticate authentication
log in > login authenticate authentication
sign in > login authenticate authentication
password passphrase secret credential
schedule cron periodic interval
often interval frequency period every
regularly periodic interval schedule
speed fast performance quick
slow performance speed
allow permit grant accept
forbid deny block prevent reject disallow
refuse reject deny
ignore skip exclude omit
leave out > exclude omit skip
choose select pick specify
setting option configuration parameter preference
settings configure
set up > configure install setup
connect attach join
combine merge join concatenate
split divide separate
check verify validate test
search find lookup
look up > find search lookup
send submit post transmit
receive get fetch retrieve obtain
download fetch retrieve
save store persist keep
keep retain preserve
load read import
wait timeout delay
long timeout duration length
retry again attempt
undo revert restore rollback
backup archive
install setup
upgrade update migrate
old deprecated obsolete legacy earlier
manual documentation guide
example sample
image picture
computer machine host server
account user
permission access right privilege
encrypt encryption cipher
compress compression
big large size
small size
number count amount
several multiple many
automatically automatic default
own custom
replace substitute
convert transform
format style
hide hidden suppress
unique distinct
order sort
warn warning notice
alert notification notify
record log
watch monitor
debug troubleshoot diagnose
fix repair solve
broken corrupt damaged invalid
missing absent
empty blank
parallel concurrent simultaneous
same time > concurrent parallel simultaneous
background daemon
shortcut alias abbreviation binding
key binding > shortcut
argument parameter
flag option switch
method function
comment annotation
space whitespace
website site
web page > site page
address url
link url
mail email
reply response answer
memory ram
disk storage
release version
supported compatible
require need necessary must
suggest recommend
avoid prevent
increase raise
decrease reduce lower
expire expiration lifetime
sync synchronize
inside within
outside external
guess detect infer
type enter
safe secure
protect secure
tell specify
`;

interface Phrase {
  first: string;
  last: string;
  stands_for: string[];
}

const ALIKE = new Map<string, Set<string>>();
const PHRASES: Phrase[] = [];
for (const line of LINES.trim().split("\n")) {
  const [said = [], stands_for] = line.split(" > ").map((words) => words.split(" ").map(termOf));
  const [first = "", last = ""] = said;
  if (stands_for !== undefined) PHRASES.push({ first, last, stands_for });
  else for (const word of said) ALIKE.set(word, new Set([...(ALIKE.get(word) ?? []), ...said]));
}

/** What may stand for each word of a question, by the word's stem, in stems that the question has not. `sequence`: its stems in order. */
export function paraphrases(sequence: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const add = (asked: string, others: Iterable<string>): void => {
    const missing = [...others].filter((other) => !sequence.includes(other));
    if (missing.length > 0) found.set(asked, new Set([...(found.get(asked) ?? []), ...missing]));
  };
  for (const asked of sequence) add(asked, ALIKE.get(asked) ?? []);
  for (const { first, last, stands_for } of PHRASES) {
    const at = sequence.indexOf(first);
    const end = sequence.indexOf(last, at + 1);
    if (at < 0 || end < 0 || end - at > 1 + PHRASE_GAP_MAX) continue;
    for (const asked of [first, last]) add(asked, stands_for);
  }
  return found;
}
