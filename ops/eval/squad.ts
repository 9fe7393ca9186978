/** Reads questions with known answers in SQuAD's layout. Questions without an answer are left out. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { misuse } from "../command/errors.ts";

const SquadFile = z.object({
  data: z.array(
    z.object({
      title: z.string(),
      paragraphs: z.array(
        z.object({
          context: z.string(),
          qas: z.array(z.object({ question: z.string(), answers: z.array(z.object({ text: z.string() })) })),
        }),
      ),
    }),
  ),
});

export interface SquadParagraph {
  /** Unique in the file. */
  id: string;
  /** Title of its article, underscores read as spaces. */
  title: string;
  text: string;
}

interface SquadSet {
  paragraphs: SquadParagraph[];
  /** `article` is the title of the article whose paragraph holds the answer. */
  questions: { question: string; article: string; answers: string[] }[];
}

/** @throws OpsError when the file cannot be read or is of another layout. */
export async function readSquad(path: string): Promise<SquadSet> {
  let file: z.infer<typeof SquadFile>;
  try {
    file = SquadFile.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const cause = error instanceof z.ZodError ? z.prettifyError(error).replaceAll("\n", " ") : String(error);
    throw misuse(
      {
        op: "read data set",
        subject: path,
        cause,
        hint: "give a JSON file in SQuAD's layout: {data: [{title, paragraphs}]}",
      },
      error,
    );
  }
  const set: SquadSet = { paragraphs: [], questions: [] };
  for (const [article, { title, paragraphs }] of file.data.entries()) {
    for (const [index, { context, qas }] of paragraphs.entries()) {
      const named = title.replaceAll("_", " ");
      set.paragraphs.push({ id: `article-${article}-${index}`, title: named, text: context });
      for (const { question, answers } of qas) {
        if (answers.length > 0)
          set.questions.push({ question, article: named, answers: answers.map(({ text }) => text) });
      }
    }
  }
  return set;
}
