/** The notebook as a page. */

import type { Machine } from "../lib/machine.ts";
import type { Figure, Results } from "../lib/results.ts";
import { formatBytes, formatNumber, formatTime, type Table } from "../lib/table.ts";
import { Html, html, themeButton } from "./html.ts";
import type { Entry, Notebook, Source } from "./notebook.ts";

/** The body of the page. Links to scripts are relative to `results/report/`. */
export function view(notebook: Notebook, written: Date): Html {
  const sources = [
    ...new Set(
      notebook.chapters.flatMap(({ entries }) => entries.flatMap(({ answers }) => answers.map(({ source }) => source))),
    ),
  ];
  const measured = sources.flatMap(({ found }) => found.state === "measured" ? [found.results] : []);
  const entries = notebook.chapters.flatMap(({ entries }) => entries);
  const shown = new Set<Source>();
  return html`
    <a class="skip" href="#main">Skip to the questions</a>
    <header>
      <h1>How fast can TypeScript be?</h1>
      <p class="lead">The questions of <cite>High Performance Python</cite>, answered for TypeScript on Deno with what was measured on one machine.</p>
      ${summary(measured, entries, written)}
    </header>
    <div class="columns">
      <nav aria-label="Chapters">
        <div class="tools">
          <label>Search <input id="search" type="search" autocomplete="off" aria-describedby="hits" placeholder="press / to search"></label>
          <span id="hits" role="status"></span>
          ${themeButton}
        </div>
        <ol>
        ${notebook.chapters.map(({ name, title, entries }) => {
          const answered = entries.filter(isAnswered).length;
          return html`<li><a href="#${name}"><span class="number">${Number(name.slice(2))}</span>${title}</a>
        <span class="count">${answered} of ${entries.length}</span></li>\n`;
        })}
      </ol>
      </nav>
      <main id="main" tabindex="-1">
    ${notebook.chapters.map(({ name, title, entries }) =>
      html`<section id="${name}" class="chapter" aria-labelledby="${name}-title">
  <h2 id="${name}-title">${Number(name.slice(2))} ${title}</h2>
  <p class="command">${command(`deno task ${name}`)}</p>
  ${entries.map((entry, i) => question(`${name}-${i + 1}`, entry, shown))}
</section>\n`
    )}
    <p id="nothing" hidden>No question has all of these words.</p>
      </main>
    </div>
    <footer>
      <p>Written ${written.toISOString().slice(0, 16).replace(
        "T",
        " ",
      )} UTC by <code>deno task report</code>, from the files in <code>results/</code> alone.</p>
    </footer>
  `;
}

/** Whether anything that was measured answers a question. */
export function isAnswered({ answers }: Entry): boolean {
  return answers.some(({ source }) => source.found.state === "measured");
}

function summary(measured: Results[], entries: Entry[], written: Date): Html {
  const machines = new Map<string, Machine>(measured.map(({ machine }) => [JSON.stringify(machine), machine]));
  const days = measured.map(({ measured }) => measured).sort();
  const checks = measured.flatMap(({ checks }) => checks), claims = measured.flatMap(({ claims }) => claims);
  const missing = new Map(measured.flatMap(({ missing }) => missing).map(({ name, remedy }) => [name, remedy]));
  const brief = measured.filter(({ mode }) => mode === "brief").length;
  const failed = checks.filter(({ passed }) => !passed).length;
  return html`<dl class="summary">
    <div><dt>Machine</dt><dd>${
    machines.size === 0
      ? "nothing has been measured here yet: deno task tour"
      : [...machines.values()].map(({ cpu, cores, memory, os, deno, v8, gpu }) =>
        html`<span>${cpu}, ${cores} ${
          cores === 1 ? "core" : "cores"
        }, ${memory} GiB, ${os}; Deno ${deno}, V8 ${v8}; GPU: ${gpu ?? "none"}</span>`
      )
  }</dd></div>
    <div><dt>Measured</dt><dd>${
    days.length === 0 ? "-" : `${minute(days[0])} to ${minute(days.at(-1)!)}`
  }, the page written ${minute(written.toISOString())} UTC</dd></div>
    <div><dt>Questions</dt><dd>${entries.filter(isAnswered).length} of ${entries.length} answered</dd></div>
    <div><dt>Checks</dt><dd>${checks.length - failed} of ${checks.length} passed</dd></div>
    <div><dt>Claims</dt><dd>${claims.filter(({ held }) => held).length} held, ${
    claims.filter(({ held }) => !held).length
  } did not hold</dd></div>
    ${
    missing.size > 0 && html`
      <div>
        <dt>Missing</dt>
        <dd>${[...missing].map(([name, remedy]) => html`<span>${name}: <code>${remedy}</code></span>`)}</dd>
      </div>
    `
  }
  </dl>
  ${machines.size > 1 && warning(`These results come from ${machines.size} machines: compare nothing across them.`)}
  ${
    brief > 0 && warning(
      `${brief} of the ${measured.length} results are of brief runs, which check everything and measure nothing that counts.`,
    )
  }`;
}

function minute(date: string): string {
  return date.slice(0, 16).replace("T", " ");
}

function warning(text: string): Html {
  return html`<p class="warning" role="note">${text}</p>`;
}

function question(id: string, entry: Entry, shown: Set<Source>): Html {
  return html`<article id="${id}" aria-labelledby="${id}-title">
  <h3 id="${id}-title"><a href="#${id}">${entry.question}</a></h3>
  ${entry.answers.map(({ source, figures }) => answer(source, figures, shown))}
</article>\n`;
}

function answer(source: Source, names: string[], shown: Set<Source>): Html {
  const { found, results, run } = source, id = results.replace("/", "-in-");
  if (found.state !== "measured") {
    return html`
      <div class="answer missing">
        <p><strong>${found.state === "missing"
          ? "Not measured here."
          : `Its results cannot be read: ${found.why}.`}</strong> To measure it:</p>
        <p class="command">${command(run)}</p>
      </div>
    `;
  }
  const first = !shown.has(source);
  shown.add(source);
  return html`<div class="answer">
  <p class="sentence">${found.results.answer}</p>
  ${found.warnings.map((text) => warning(`Take it with care: ${text}.`))}
  ${figureTable(found.results, names)}
  ${first ? details(id, source, found.results) : html`<p>Its charts and tables stand <a href="#${id}">above</a>.</p>`}
</div>`;
}

function details(id: string, { path, run, charts, techniques }: Source, results: Results): Html {
  const { checks, claims, missing, tables } = results;
  const held = claims.filter(({ held }) => held).length, passed = checks.filter(({ passed }) => passed).length;
  return html`<div id="${id}">
  ${
    charts.map(({ title, svg }) =>
      svg === null
        ? warning(`The chart «${title}» is not there, or not whole.`)
        : html`<figure role="img" aria-label="${title}" tabindex="0">${new Html(svg)}</figure>`
    )
  }
  <details><summary>Tables</summary>${
    tables.map((table) => typeof table === "string" ? html`<p>${table}</p>` : tableOf(table))
  }</details>
  <details${
    checks.some(({ passed }) => !passed) && html`
      open
    `
  }><summary>${passed} of ${checks.length} ${
    checks.length === 1 ? "check" : "checks"
  } passed; ${held} of ${claims.length} ${claims.length === 1 ? "claim" : "claims"} held</summary>
    <ul class="claims">
    ${checks.map(({ claim, passed, evidence }) => verdict(passed ? "passed" : "failed", claim, evidence))}
    ${claims.map(({ claim, held, evidence }) => verdict(held ? "held" : "did not hold", claim, evidence))}
    ${missing.map(({ name, remedy }) => verdict("not run", `what needs ${name}`, remedy))}
    </ul>
  </details>
  <details><summary>Scripts</summary>
    <p>The comparison: <a href="../../${path}">${path}</a></p>
    <p class="command">${command(run)}</p>
    <ul class="scripts">${
    techniques.map(({ path, title, run }) =>
      html`<li><a href="../../${path}">${path}</a>: ${title} <span class="command">${command(run)}</span></li>`
    )
  }</ul>
  </details>
  <p class="when">${results.mode} mode, ${minute(results.measured)} UTC</p>
</div>`;
}

function verdict(kind: string, claim: string, evidence: string): Html {
  return html`<li><span class="verdict ${kind.replaceAll(" ", "-")}">${kind}</span> ${claim}${
    evidence !== "" && html`: <span class="evidence">${evidence}</span>`
  }</li>\n`;
}

function command(text: string): Html {
  return html`<code>${text}</code><button type="button" class="copy" aria-label="Copy the command ${text}">Copy</button>`;
}

/** A table, which scrolls by itself where it is too wide. */
export function tableOf({ columns, rows }: Table): Html {
  return html`
    <div class="wide" role="region" aria-label="${columns[0].head || "table"}" tabindex="0">
      <table>
        <thead>
          <tr>${columns.map(({ head, align }) => html`<th scope="col" class="${align}">${head}</th>`)}</tr>
        </thead>
        <tbody>${rows.map((row) =>
          html`<tr>${
            row.map((cell, i) =>
              i === 0
                ? html`<th scope="row">${plain(cell)}</th>`
                : html`<td class="${columns[i]?.align ?? "left"}">${plain(cell)}</td>`
            )
          }</tr>\n`
        )}</tbody>
      </table>
    </div>
  `;
}

/** Without what colours a terminal. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, "");
}

function figureTable(results: Results, names: string[]): Html {
  const figures = names.flatMap((name) => pick(results, name) ?? []);
  if (figures.length === 0) return html``;
  const [{ unit, value: base }] = figures;
  return tableOf({
    columns: [
      { head: "figure", align: "left" },
      { head: "measured", align: "right" },
      { head: "±", align: "right" },
      { head: "over the first", align: "right" },
    ],
    rows: figures.map((figure) => [
      figure.name,
      formatFigure(figure),
      figure.samples > 1 && Number.isFinite(figure.spread) ? `${Math.round(100 * figure.spread)} %` : "",
      figure.unit === unit && base ? formatNumber(figure.value / base) : "",
    ]),
  });
}

/** The figure of a name; of several, one of the first unit and the largest size. */
export function pick({ figures }: Pick<Results, "figures">, name: string): Figure | undefined {
  const named = figures.filter((figure) => figure.name === name);
  return named.filter(({ unit }) => unit === named[0].unit).toSorted((a, b) => b.size - a.size)[0];
}

/** A figure in the unit that reads best. */
export function formatFigure({ value, unit }: Figure): string {
  if (value === null || !Number.isFinite(value)) return "not measured";
  const per = unit.match(/^(s|bytes|B) (per .*|there and back)$/), base = per?.[1] ?? unit;
  if (base === "s") return [formatTime(value), per?.[2]].filter(Boolean).join(" ");
  if (base === "bytes" || base === "B") {
    return [value < 1024 ? `${formatNumber(value)} bytes` : formatBytes(value), per?.[2]].filter(Boolean).join(" ");
  }
  return `${formatNumber(value)} ${unit}`.trim();
}
