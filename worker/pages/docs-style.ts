/** The stylesheet of all pages, light and dark. A file of its own, so that the CSP needs no exception for it. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2330, #e4e8ef);
  --faint: light-dark(#5a6578, #93a0b5);
  --page: light-dark(#fbfcfe, #12161d);
  --panel: light-dark(#ffffff, #191f29);
  --line: light-dark(#dde3ec, #2b3442);
  --code: light-dark(#f1f4f9, #10141b);
  --accent: light-dark(#3451b2, #8fa8ff);
  --get: light-dark(#1a7f4b, #5fd39a);
  --post: light-dark(#3451b2, #8fa8ff);
  --put: light-dark(#8a5a00, #e5b65a);
  --delete: light-dark(#b3261e, #ff8f86);
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 6rem; background: var(--page); color: var(--text);
  font: 16px/1.6 system-ui, sans-serif; }
h1 { font-size: 2rem; letter-spacing: -0.02em; margin: 0 0 0.5rem; }
h2 { margin: 2.5rem 0 0.75rem; border-bottom: 1px solid var(--line); padding-bottom: 0.25rem; }
h4 { margin: 1rem 0 0.25rem; }
small, em { color: var(--faint); font-style: normal; font-weight: normal; font-size: 0.85rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.875em; }
pre code { font-size: inherit; }
:not(pre) > code { background: var(--code); border-radius: 4px; padding: 0.1em 0.35em; overflow-wrap: anywhere; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; overflow-x: auto; }
nav { position: sticky; top: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0.75rem 0;
  background: var(--page); border-bottom: 1px solid var(--line); z-index: 1; }
details { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; margin: 0.5rem 0; padding: 0 1rem;
  overflow-x: auto; scroll-margin-top: 4rem; }
details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: 0.6rem 0; display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: baseline; }
summary::-webkit-details-marker { display: none; }
summary::before { content: "▸"; color: var(--faint); } details[open] > summary::before { content: "▾"; }
summary em { margin-left: auto; }
@media (max-width: 34rem) { nav { position: static; } }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.method { min-width: 4.25rem; font-size: 0.8rem; letter-spacing: 0.04em; color: var(--post); }
.get { color: var(--get); } .put, .patch { color: var(--put); } .delete { color: var(--delete); }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; vertical-align: top; font-weight: normal; border-top: 1px solid var(--line); padding: 0.35rem 0.75rem 0.35rem 0; }
th code { white-space: nowrap; }
dt { margin-top: 1rem; scroll-margin-top: 4rem; } dd { margin: 0.15rem 0 0; }
dt:target, details:target { outline: 2px solid var(--accent); outline-offset: 4px; border-radius: 6px; }
.landing { margin-top: 12vh; } .lead { font-size: 1.25rem; max-width: 40rem; } .links { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; }
`;
