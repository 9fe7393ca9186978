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
  /** Ends of words that hold a pronoun: "devolverlos". */
  enclitic?: RegExp;
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
    grammar: words(
      `a an of to in on at by for with from into onto about as than if else too still again please tell me my i we us
       you your be been being not no any some all each every just only much many long often far old soon well get
       while during before after because times let s t re ve ll d m`,
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
       wird werden hat haben gibt`,
    ),
    definite: words("der die den dem des"),
    grammar: words(
      `ein eine einen einem einer eines zu zum zur in im an am auf bei beim für fur mit von vom nach aus über uber unter
       als ob wenn nicht kein keine keinen man ich mir mich wir uns du dir sich denn noch schon nur sehr viel viele vielen lange
       oft bitte alle alles jede jeder jedes werde wurde wurden lassen lässt lasst sich während wahrend nach vor bis`,
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
       cuánto cuanto cuánta cuanta cuántos cuantos cuántas cuantas es son hay puede puedo pueden se debe debo`,
    ),
    definite: words("el la los las"),
    enclitic: /(?:[aei]r|ndo)(?:l[oa]s?|les?)$/,
    grammar: words(
      `un una unos unas de del a al en con por para sin sobre desde hasta si no ni ya muy más mas me mi nos yo tú tu
       está esta están estan ser fue era ha han tiene tienen cada todo todos toda todas mucho muchos tiempo veces pasa`,
    ),
  },
];
