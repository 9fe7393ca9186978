/**
 * `/dashboard` and `/ask`: shells without data, for anybody. Their scripts ask for a key, which they keep in a variable of the tab
 * ([why](../../docs/decisions/0014-pages-without-sessions.md)), and fetch what the key may see.
 */
import { html } from "hono/html";
import { frame, type Html } from "./frame.ts";

export const DASHBOARD_SCRIPT_PATH = "/dashboard/script.js";
export const ASK_SCRIPT_PATH = "/ask/script.js";

const NO_SCRIPT = html`<noscript><p class="missing">This page needs JavaScript. <a href="/status">The status page</a> does not.</p></noscript>`;

/** A key is typed or pasted; no browser is to offer to keep it. */
function keyForm(label: string, button: string): Html {
  return html`<form id="unlock" autocomplete="off"><label for="key">${label}</label>
<div class="row"><input id="key" type="password" autocomplete="off" spellcheck="false" autocapitalize="off" required placeholder="prism_…">
<button>${button}</button></div>
<p class="hint">It stays in this tab's memory and is gone when the tab is closed or reloaded.</p>
<p id="refusal" class="refusal" role="alert"></p></form>`;
}

export function dashboardPage(): Html {
  const periods = ["1h", "24h", "7d", "30d"].map(
    (period) => html`<option${period === "24h" ? html` selected` : ""}>${period}</option>`,
  );
  return frame(
    "PRISM dashboard",
    html`<header><p class="crumb"><a href="/">PRISM</a> dashboard</p><h1 id="title" tabindex="-1">Dashboard</h1></header>
<main>${NO_SCRIPT}${keyForm("A key with the scope admin", "Open")}
<div id="board" hidden><div class="bar"><label>Period <select id="period">${periods}</select></label>
<span id="age" role="status"></span><button id="refresh" type="button">Refresh</button><button id="lock" type="button">Forget the key</button></div>
<div id="panels"></div></div></main>`,
    html`<script src="${DASHBOARD_SCRIPT_PATH}" defer></script>`,
  );
}

export function askPage(): Html {
  return frame(
    "Ask PRISM",
    html`<header><p class="crumb"><a href="/">PRISM</a> ask</p><h1 id="title" tabindex="-1">Ask</h1></header>
<main>${NO_SCRIPT}${keyForm("A key with the scope chat", "Use it")}
<div id="board" hidden><div id="earlier"></div><form id="question-form"><label for="question">Your question</label>
<textarea id="question" rows="3" maxlength="4000" required></textarea>
<div class="row"><button id="send">Ask</button><button id="stop" type="button" hidden>Stop</button><button id="anew" type="button" hidden>New conversation</button><button id="lock" type="button">Forget the key</button></div>
</form><p id="news" class="hint" role="status"></p>
<section id="answer" hidden><h2>Answer</h2><p id="meant" class="hint"></p><div id="text" class="answer"></div><p id="usage" class="hint"></p>
<h2>Passages</h2><div id="sources"></div></section></div></main>`,
    html`<script src="${ASK_SCRIPT_PATH}" defer></script>`,
  );
}
