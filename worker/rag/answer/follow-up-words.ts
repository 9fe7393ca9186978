/**
 * Words by which a question leans on what was said before, for languages that were measured (`ops eval conversations`). A question of
 * another language is told by its length and by what it repeats.
 */

export interface FollowUpWords {
  /** Begin a question that goes on: "and on the free plan?". */
  leads: ReadonlySet<string>;
  /** Stand for something named elsewhere. */
  pronouns: ReadonlySet<string>;
  /** Ask: a question with one has a form of its own. */
  asking: ReadonlySet<string>;
  /** Present what comes as known: "the limit". */
  definite: ReadonlySet<string>;
  /** Those of them stand for what they present where it is missing: "Wie heiß sind die?". */
  definite_alone?: true;
  /** Begin a clause that another one must carry: "when it is full". Before a word that asks they do not: "when is it full". */
  clauses: ReadonlySet<string>;
  /** Ends of words that hold a pronoun: "devolverlos". */
  enclitic?: RegExp;
  /** Begin a part of a question: where nothing asks, and a whole question would have to, it is not more than that. */
  prepositions?: ReadonlySet<string>;
  /** All others that carry grammar and no topic. */
  grammar: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const FOLLOW_UP_WORDS: readonly FollowUpWords[] = [
  {
    leads: words("and but or so also then otherwise same plus ok okay"),
    pronouns: words(
      `it its itself they them their theirs this these those that there he him his she her hers former latter both
       one ones another others same such`,
    ),
    asking: words(
      `what which who whom whose when where why how is are was were do does did can could may might must should shall
       will would has have had`,
    ),
    definite: words("the"),
    clauses: words("when if while unless because once although"),
    prepositions: words("of to in on at by for with without from into onto about as between"),
    grammar: words(
      `a an than else too still again please tell me my i we us
       you your be been being not no any some all each every just only much many long often far old soon well get
       while during before after because times let need needs s t re ve ll d m`,
    ),
  },
  {
    leads: words("und aber oder also dann auch sonst ebenso ok"),
    pronouns: words(
      `er sie es ihn ihm ihr ihnen sein seine seinen seinem seiner seines ihre ihren ihrem ihrer ihres dies diese diesen
       diesem dieser dieses jene jener jenes dort da davon damit dazu dafür dafur daran darin dabei danach dagegen darauf
       darüber daruber dessen deren denen derselbe dieselbe dasselbe solche beide das`,
    ),
    asking: words(
      `was wer wen wem wessen wann wo wohin woher warum wieso weshalb wie welche welcher welches welchen welchem wofür
       wofur womit wodurch worin wozu ist sind war kann können konnen darf dürfen durfen muss müssen mussen soll sollte
       wird werden hat haben gibt brauche braucht brauchen`,
    ),
    definite: words("der die den dem des"),
    definite_alone: true,
    clauses: words("wenn falls sobald solange bevor nachdem weil obwohl"),
    prepositions: words(
      "zu zum zur in im an am auf bei beim für fur mit ohne von vom nach aus über uber unter zwischen",
    ),
    grammar: words(
      `ein eine einen einem einer eines ab fest her hin los statt teil weg als ob nicht kein keine keinen man ich mir
       mich wir uns du dir sich denn noch schon nur sehr viel viele vielen lange oft bitte alle alles jede jeder jedes
       werde wurde wurden lassen lässt lasst während wahrend vor bis`,
    ),
  },
  {
    leads: words("y e pero o entonces también tambien además ademas igual ok"),
    pronouns: words(
      `él ella ello ellos ellas eso esto ese esa esos esas este esta estos estas aquel aquello su sus suyo le les ahí ahi
       allí alli ambos mismo misma lo`,
    ),
    asking: words(
      `qué que quién quien quiénes quienes cuándo cuando dónde donde adónde adonde cómo como cuál cual cuáles cuales
       cuánto cuanto cuánta cuanta cuántos cuantos cuántas cuantas es son hay puede puedo pueden se debe debo
       hace falta necesito necesita conviene`,
    ),
    definite: words("el la los las"),
    clauses: words("si mientras porque aunque"),
    enclitic: /(?:[aei]r|ndo)(?:l[oa]s?|les?)$/,
    grammar: words(
      `un una unos unas de del a al en con por para sin sobre desde hasta si no ni ya muy más mas me mi nos yo tú tu
       está esta están estan ser fue era ha han tiene tienen cada todo todos toda todas mucho muchos tiempo veces pasa`,
    ),
  },
];
