/** The notebook as a reader meets it: in a real Chromium, opened from the file, at a desk, on a phone, in the dark. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { pathToFileURL } from "node:url";
import { hasCommand } from "../lib/command.ts";
import { type Results, resultsFormat } from "../lib/results.ts";
import { table } from "../lib/table.ts";
import { chapters } from "../questions.ts";
import { buildReport } from "./report.ts";

const lacking = await hasCommand("chromium") ? "" : " (needs Chromium: apt-get install chromium)";
const questions = chapters.flatMap(({ questions }) => questions);

const results: Results = {
  format: resultsFormat,
  topic: "norm",
  question: "Why?",
  answer: "A typed array is 4.5x as fast here.",
  machine: {
    cpu: "A processor",
    cores: 2,
    memory: 4,
    os: "linux 6 x86_64",
    deno: "2.9.6",
    v8: "15",
    gpu: null,
  },
  measured: new Date().toISOString(),
  mode: "quick",
  figures: [{ name: "loop", size: 10, value: 2e-6, unit: "s per call", samples: 5, spread: 0.04 }],
  checks: [{ claim: "all agree", passed: true, evidence: "0" }],
  claims: [],
  missing: [],
  tables: [table(["name", ...Array.from({ length: 12 }, (_, i) => `column ${i}`)], [["loop", ..."abcdefghijkl"]])],
  charts: [{ file: "norm.svg", title: "Norms" }],
};
const chart = `<svg xmlns="http://www.w3.org/2000/svg" width="752" height="477" viewBox="0 0 752 477">` +
  `<rect width="752" height="477" fill="white"/></svg>`;

/** Opens the page and hands it to the test, which fails too if the page complains or asks for anything from outside. */
async function open(
  browser: Browser,
  file: string,
  options: BrowserContextOptions,
  test: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const complaints: string[] = [];
  try {
    const page = await context.newPage();
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== file && !request.url().startsWith("data:")) complaints.push(`request: ${request.url()}`);
    });
    await page.goto(file);
    await test(page);
    assertEquals(complaints, []);
  } finally {
    await context.close();
  }
}

const visible = (page: Page) => page.locator("article:visible").count();

Deno.test({
  name: `the notebook works in a browser: navigation, search, copying, light and dark, on a phone, on paper${lacking}`,
  ignore: lacking !== "",
  async fn(t) {
    const folder = await Deno.makeTempDir();
    const executablePath = new TextDecoder().decode(
      (await new Deno.Command("sh", { args: ["-c", "command -v chromium"] }).output()).stdout,
    ).trim();
    // As root, as on a build machine, Chromium has no sandbox of its own; it only opens a file that we wrote.
    const browser = await chromium.launch({ executablePath, args: Deno.uid() === 0 ? ["--no-sandbox"] : [] });
    try {
      await Deno.mkdir(`${folder}/ch06`);
      await Deno.writeTextFile(`${folder}/ch06/norm.json`, JSON.stringify(results));
      await Deno.writeTextFile(`${folder}/ch06/norm.svg`, chart);
      const { text } = await buildReport(pathToFileURL(`${folder}/`));
      await Deno.writeTextFile(`${folder}/index.html`, text);
      const file = pathToFileURL(`${folder}/index.html`).href;

      await t.step(
        "all questions stand there, and a chapter's link leads to it",
        () =>
          open(browser, file, {}, async (page) => {
            assertEquals(await visible(page), questions.length);
            await page.click("nav a[href='#ch06']");
            assertEquals(new URL(page.url()).hash, "#ch06");
            const box = await page.locator("#ch06").boundingBox();
            assert(box && box.y >= 0 && box.y < 100, `the chapter lies at ${box?.y}`);
          }),
      );

      await t.step(
        "a search leaves the questions with all its words, from the keyboard alone, and Escape ends it",
        () =>
          open(browser, file, {}, async (page) => {
            await page.keyboard.press("/");
            await page.keyboard.type("typed array FAST here");
            assertEquals(await visible(page), 1);
            assertEquals(await page.locator("#hits").textContent(), `1 of ${questions.length} questions`);
            assertEquals(await page.locator(".chapter:visible").count(), 1);
            await page.keyboard.type(" nowhere");
            assertEquals(await visible(page), 0);
            assert(await page.locator("#nothing").isVisible());
            await page.keyboard.press("Escape");
            assertEquals(await visible(page), questions.length);
          }),
      );

      await t.step("a link to a chapter that the search hides shows it", () =>
        open(browser, file, {}, async (page) => {
          await page.fill("#search", "nowhere to be found");
          await page.click("nav a[href='#ch12']");
          assertEquals(await visible(page), questions.length);
        }));

      await t.step(
        "a command is copied",
        () =>
          open(browser, file, { permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
            await page.locator("#ch06 > .command .copy").click();
            assertEquals(await page.locator("#ch06 > .command .copy").textContent(), "Copied");
            assertEquals(await page.evaluate("navigator.clipboard.readText()"), "deno task ch06");
          }),
      );

      await t.step(
        "where the clipboard is closed, the command is marked instead",
        () =>
          open(browser, file, {}, async (page) => {
            await page.evaluate(
              "Object.defineProperty(navigator, 'clipboard', { value: { writeText: () => Promise.reject(new Error()) } })",
            );
            await page.locator("#ch06 > .command .copy").click();
            assertEquals(await page.evaluate("getSelection().toString()"), "deno task ch06");
          }),
      );

      await t.step(
        "it is dark where the system is, and as the reader chose after a reload",
        () =>
          open(browser, file, { colorScheme: "dark" }, async (page) => {
            const back = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
            assertEquals(await back(), "rgb(22, 24, 26)");
            await page.click("#theme");
            assertEquals(await back(), "rgb(255, 255, 255)");
            await page.reload();
            assertEquals(await back(), "rgb(255, 255, 255)");
            assertEquals(await page.locator("#theme").getAttribute("aria-pressed"), "false");
          }),
      );

      await t.step(
        "on a phone nothing is wider than the page, except what scrolls by itself",
        () =>
          open(browser, file, { viewport: { width: 360, height: 640 }, hasTouch: true }, async (page) => {
            for (const details of await page.locator("#ch06 details").all()) await details.locator("summary").click();
            assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360);
            const scrolls =
              "[...document.querySelectorAll('.wide')].some((table) => table.scrollWidth > table.clientWidth)";
            assert(await page.evaluate(scrolls), "no table is wider than the phone");
          }),
      );

      await t.step(
        "everything that can be used has a name and can be reached by Tab; headings go down one by one",
        () =>
          open(browser, file, {}, async (page) => {
            const nameless = await page.evaluate(`[...document.querySelectorAll("a, button, input, summary, figure")]
            .filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length)).length`);
            assertEquals(nameless, 0);
            await page.keyboard.press("Tab");
            assertMatch(await page.evaluate("document.activeElement.textContent"), /^Skip to the questions$/);
            await page.keyboard.press("Enter");
            assertEquals(await page.evaluate("document.activeElement.id"), "main");
            const levels = await page.evaluate<number[]>(
              `[...document.querySelectorAll("h1, h2, h3")].map((h) => Number(h.tagName[1]))`,
            );
            assert(
              levels.every((level, i) => i === 0 ? level === 1 : level <= levels[i - 1] + 1),
              "a level is left out",
            );
            const ids = await page.evaluate<string[]>(`[...document.querySelectorAll("[id]")].map(({ id }) => id)`);
            assertEquals(ids.length, new Set(ids).size, "an id stands there twice");
          }),
      );

      await t.step(
        "on paper everything is unfolded and the buttons are gone",
        () =>
          open(browser, file, {}, async (page) => {
            await page.emulateMedia({ media: "print" });
            await page.evaluate("dispatchEvent(new Event('beforeprint'))");
            assertEquals(await page.locator("details:not([open])").count(), 0);
            assertEquals(await page.locator(".copy:visible").count(), 0);
            await page.evaluate("dispatchEvent(new Event('afterprint'))");
            assert(await page.locator("details:not([open])").count() > 0);
          }),
      );
    } finally {
      await browser.close();
      await Deno.remove(folder, { recursive: true });
    }
  },
});
