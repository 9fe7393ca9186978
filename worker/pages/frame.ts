/** What every page has around its body. */
import { html } from "hono/html";

export type Html = ReturnType<typeof html>;

/** Where the one stylesheet is. */
export const STYLE_PATH = "/docs/style.css";

/** A whole page. `head`: what only this one needs, e.g. its script or its feed. */
export function frame(title: string, body: Html, head: Html | string = ""): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${STYLE_PATH}">
${head}
</head>
<body>${body}</body>
</html>`;
}
