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

/** Between semicolons, words stand for each other; those behind a ">" stand for the phrase before it. */
const ENTRIES = `
delete remove erase drop discard purge; disable deactivate suppress; turn off > disable deactivate; switch off > disable deactivate;
shut off > disable; enable activate; turn on > enable activate; switch on > enable activate; get rid > remove delete drop;
create add make generate new define; show display print list view; start launch run execute; stop quit exit terminate end;
cancel abort interrupt; change modify edit alter adjust; change update set; customize override; rename name; move relocate;
copy duplicate clone; limit maximum restrict max quota cap; minimum min least; error failure fail exception; crash fail abort;
folder directory; login authenticate authentication; log in > login authenticate authentication;
sign in > login authenticate authentication; password passphrase secret credential; schedule cron periodic interval;
often interval frequency period every; regularly periodic interval schedule; speed fast performance quick; slow performance speed;
allow permit grant accept; forbid deny block prevent reject disallow; refuse reject deny; ignore skip exclude omit;
leave out > exclude omit skip; choose select pick specify; setting option configuration parameter preference; settings configure;
set up > configure install setup; connect attach join; combine merge join concatenate; split divide separate;
check verify validate test; search find lookup; look up > find search lookup; send submit post transmit;
receive get fetch retrieve obtain; download fetch retrieve; save store persist keep; keep retain preserve; load read import;
wait timeout delay; long timeout duration length; retry again attempt; undo revert restore rollback; backup archive; install setup;
upgrade update migrate; old deprecated obsolete legacy earlier; manual documentation guide; example sample; image picture;
computer machine host server; account user; permission access right privilege; encrypt encryption cipher; compress compression;
big large size; small size; number count amount; several multiple many; automatically automatic default; own custom;
replace substitute; convert transform; format style; hide hidden suppress; unique distinct; order sort; warn warning notice;
alert notification notify; record log; watch monitor; debug troubleshoot diagnose; fix repair solve; broken corrupt damaged invalid;
missing absent; empty blank; parallel concurrent simultaneous; same time > concurrent parallel simultaneous; background daemon;
shortcut alias abbreviation binding; key binding > shortcut; argument parameter; flag option switch; method function;
comment annotation; space whitespace; website site; web page > site page; address url; link url; mail email; reply response answer;
memory ram; disk storage; release version; supported compatible; require need necessary must; suggest recommend; avoid prevent;
increase raise; decrease reduce lower; expire expiration lifetime; sync synchronize; inside within; outside external;
guess detect infer; type enter; safe secure; protect secure; tell specify; bump increment increase; traffic request;
bandwidth rate throughput; forward redirect; malformed invalid; gone disconnect close; go away > disconnect close delete;
goes away > disconnect close; went away > disconnect close; gone away > disconnect close drop; throw away > delete prune discard drop;
throws away > discard drop; out box > default; say nothing > default unspecified; says nothing > default unspecified;
nothing set > default unset; not set > default unset unspecified; not specify > default unspecified; not choose > default unspecified;
unless otherwise > default; none chosen > default unspecified; by itself > automatic default; on own > automatic standalone;
stuck hang block stale freeze; hang block freeze stall; leave behind > stale remaining; left behind > stale remaining;
blow up > error raise exception throw; throw raise; piece stream chunk; late delay; slow down > throttle delay limit;
give up > timeout abort; gives up > timeout abort; gave up > timeout abort; try again > retry; tried again > retry;
tries again > retry; at once > immediately concurrent simultaneous; same machine > local; config configuration; repo repository;
env environment; db database; app application; auth authentication; param parameter; params parameters; arg argument; args arguments;
dir directory; dirs directories; doc documentation; docs documentation; admin administrator; info information; lib library;
id identifier; ids identifiers; dep dependency; deps dependencies; perf performance; sync synchronous; async asynchronous;
prod production; dev development; attribute property field; handler callback listener hook; page view; begin start initiate;
finish complete end; happen occur; lose lost loss; grow increase scale; shrink decrease reduce;
speed up > fast performance optimize accelerate; share reuse; hand over > pass; pass provide supply; put place insert add;
emit send fire trigger; fire trigger invoke call; call invoke execute; wrap surround decorate; extend inherit subclass;
react respond handle; treat handle process; catch handle intercept; clean cleanup clear purge; clear reset empty;
reload refresh restart; restart reboot; pause suspend; resume continue; proceed continue; force enforce; enforce require;
measure metric; cut truncate trim; trim strip; escape quote; decode deserialize parse; encode serialize; dump export output;
embed include inline; contain hold include; depend rely require; fall back > default fallback; falls back > default fallback;
mark flag label tag; colour color; mirror replicate copy; publish deploy upload; push upload; pull fetch download; translate localize;
expose serve publish; listen bind; sign signature; isolate sandbox separate; hash digest checksum; browser client; visitor user client;
customer user client; token credential key; certificate tls ssl; https tls ssl; domain host hostname; thread worker process;
program application executable command; binary executable; terminal console shell; task job; batch bulk; text string;
list array sequence; dictionary map object; row record entry; item element entry; column field; theme style template layout;
plugin extension addon; module package library; requirement dependency; platform system; operating system > platform; mac macos osx;
path location directory; place location; language locale; encoding charset; latency delay; outage downtime failure;
bug issue defect problem; reason cause; risk danger security; advantage benefit; drawback disadvantage limitation caveat;
downside drawback limitation caveat; restriction limitation; cost price; up date > latest current update; at most > maximum limit;
at least > minimum; by hand > manual; from scratch > new; take long > slow duration timeout; takes long > slow duration timeout;
too long > timeout limit exceed; too big > limit maximum exceed large; too large > limit maximum exceed;
too many > limit maximum exceed; more than one > multiple several; one by one > sequential; make sure > ensure verify guarantee;
find out > determine check detect; work out > determine calculate; carry out > run execute perform; comes from > source origin;
write down > record log; read only > readonly immutable; clean up > remove cleanup delete; opt out > disable; opt in > enable;
log out > logout; sign out > logout; sign up > register; back up > backup; roll back > rollback revert; shut down > shutdown stop;
time out > timeout; hide mask redact; sensitive password secret; readable pretty; mistake error typo; typo spelling; wait buffer queue;
memory buffer; unless change > default; unless choose > default unspecified; unless say > default unspecified; say anything > default unspecified; unless set > default unspecified; unchanged default; ship bundle publish;
spread distribute balance; upstream backend origin; guard protect; rule policy; expensive cost slow; reachable listen address;
unreachable refused connection; container docker; master primary; slave secondary replica; secondary replica; leader primary;
follower replica; repeat retry; twice duplicate; silent quiet; detailed verbose; detail verbose; answer respond
`;

const ALIKE = new Map<string, Set<string>>();
/** By the first word of each. */
const PHRASES = new Map<string, { last: string; stands_for: string[] }[]>();
for (const entry of ENTRIES.trim().split(/;\s*/)) {
  const [said = [], stands_for] = entry.split(" > ").map((words) => words.split(" ").map(termOf));
  const [first = "", last = ""] = said;
  if (stands_for !== undefined) PHRASES.set(first, [...(PHRASES.get(first) ?? []), { last, stands_for }]);
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
  for (const first of new Set(sequence)) {
    const at = sequence.indexOf(first);
    for (const { last, stands_for } of PHRASES.get(first) ?? []) {
      const end = sequence.indexOf(last, at + 1);
      if (end < 0 || end - at > 1 + PHRASE_GAP_MAX) continue;
      for (const asked of [first, last]) add(asked, stands_for);
    }
  }
  return found;
}
