import { assert, assertEquals } from "@std/assert";
import { chapters } from "./questions.ts";
import { readNotebook, resultsOf } from "./report/notebook.ts";
import { pick } from "./report/view.ts";
import { root, scripts } from "./scripts.ts";

const { compares } = await scripts();
const answers = chapters.flatMap(({ name, questions }) =>
  questions.flatMap(({ answers }) => answers.map((answer) => ({ chapter: name, ...answer })))
);

Deno.test("the book's 69 questions are here, each once and each with an answer", () => {
  const counts = Object.fromEntries(chapters.map(({ name, questions }) => [name, questions.length]));
  // As the book lists them, chapter by chapter.
  assertEquals(counts, {
    ...{ ch01: 5, ch02: 6, ch03: 6, ch04: 5, ch05: 4, ch06: 7 },
    ...{ ch07: 6, ch08: 6, ch09: 6, ch10: 8, ch11: 5, ch12: 5 },
  });
  const questions = chapters.flatMap(({ questions }) => questions);
  assertEquals(new Set(questions.map(({ question }) => question)).size, 69);
  for (const { question, answers } of questions) assert(answers.length > 0, `nothing answers «${question}»`);
});

Deno.test("what answers a question is a compare of the same chapter, and every compare answers one", () => {
  const paths = compares.map(({ path }) => path);
  for (const { chapter, compare } of answers) {
    assert(paths.includes(compare) && compare.startsWith(`${chapter}/`), `${compare} in ${chapter}`);
  }
  const tied = new Set(answers.map(({ compare }) => compare));
  assertEquals(paths.filter((path) => !tied.has(path)), [], "answer no question");
});

Deno.test("no two compares write the same results", () => {
  const names = compares.map(resultsOf);
  assertEquals(names.filter((name, i) => names.indexOf(name) !== i), []);
});

Deno.test("every question is asked in its chapter's README", async () => {
  for (const { name, questions } of chapters) {
    const text = (await Deno.readTextFile(new URL(`${name}/README.md`, root))).replaceAll(/\s+/g, " ");
    for (const { question } of questions) assert(text.includes(question), `${name}/README.md lacks: ${question}`);
  }
});

const notebook = await readNotebook(chapters);
const measured = notebook.chapters.flatMap(({ entries }) => entries.flatMap(({ answers }) => answers)).filter((
  { source: { found } },
) => found.state === "measured");

Deno.test({
  name: "every figure that a question is tied to is among what its compare measures (needs results: deno task tour)",
  ignore: measured.length === 0,
  fn() {
    for (const { source: { path, found }, figures } of measured) {
      assert(figures.length > 0, `no figure of ${path} is tied to a question`);
      if (found.state !== "measured") continue;
      // What needs a part that this machine lacks was not measured.
      const lacking = found.results.missing.length > 0;
      for (const name of figures) assert(lacking || pick(found.results, name), `${path} measures no «${name}»`);
    }
  },
});
