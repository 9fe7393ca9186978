/**
 * Words that say what is asked for ("the name of", "what type") or how ("during", "most", "possibly") rather than about what: that a
 * sentence holds them tells little. Pure.
 */
import { termOf } from "../text/terms.ts";

const FAINT: ReadonlySet<string> = new Set(
  `name named call called term word phrase type kind sort form example number amount year date day time person people place thing
   use used known know describe described consider considered happen happened refer referred compare differ difference explain
   find get help let look mean purpose reason see tell try versus want way wish above across after again against all almost along
   already always among another anyone anything around became because become before below between both cannot down during each
   either else ever every few first further however instead itself just like made make many more most much neither nor off often
   once one only other others out over own per perhaps rather same since something still such though through together too toward
   towards under until up upon very via while within without yet new two able actually afterwards ahead allowed anywhere apart
   assume beforehand besides bring brought came certain certainly cleanly come correctly directly easily easy enough entire everywhere
   exactly except expect expected found gave give given go goes gone good went immediately keep kept knew later lead least less lot
   matter maybe meant myself nicely nowhere ourselves particular particularly please possible possibly properly put quickly said
   real really say seem simple simply solely somehow someone somewhere sometimes suddenly sure take taken took themselves thereby
   turn usual usually whatever whenever wherever whole wonder wrong yourself yourselves`
    .split(/\s+/)
    .map(termOf),
);

/** By a word's stem. */
export function isFaint(term: string): boolean {
  return FAINT.has(term);
}
