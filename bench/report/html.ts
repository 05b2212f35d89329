/** HTML by template: what is put in is text, and escaped, unless it is HTML already. */

import style from "./page.css" with { type: "text" };
import theme from "./theme.js" with { type: "text" };

export class Html {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

type Part = Html | string | number | false | undefined | Part[];

/** The tag of a template; lists are joined, `false` and `undefined` leave nothing. */
export function html(strings: TemplateStringsArray, ...parts: Part[]): Html {
  return new Html(strings.reduce((text, string, i) => text + render(parts[i - 1]) + string));
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (Array.isArray(part)) return part.map(render).join("");
  return String(part).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** What chooses between light and dark. */
export const themeButton = html`<button id="theme" type="button" aria-pressed="false">Dark</button>`;

/** A page that needs nothing beside itself: its style and its script are in it, and no address is asked for anything. */
export function page({ title, script = "", body }: { title: string; script?: string; body: Html }): string {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
        <link rel="icon" href="data:,">
        <title>${title}</title>
        <style>${new Html(style)}</style>
      </head>
      <body>
        ${body}
        <script type="module">${new Html(theme)}</script>
    <script type="module">${new Html(script)}</script>
          </body>
    </html>
  `.text;
}
