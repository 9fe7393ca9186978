/** What the dashboard and the question page need of the stylesheet. */
export const APP_STYLE = `
:root { --series-0: light-dark(#3451b2, #8fa8ff); --series-1: light-dark(#c2410c, #ff9d5c); }
[hidden] { display: none !important; }
h1:focus { outline: none; }
form label { display: block; font-weight: 600; margin-bottom: 0.25rem; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 0.5rem; }
input, textarea, select, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid light-dark(#8693a8, #5d6b80);
  border-radius: 8px; padding: 0.45rem 0.75rem; }
.row input { flex: 1 1 16rem; min-width: 0; } textarea { width: 100%; resize: vertical; }
button { cursor: pointer; } button:disabled { opacity: 0.5; cursor: default; }
form button:first-of-type { background: var(--accent); border-color: var(--accent); color: light-dark(#fff, #10141b); }
input:focus-visible, textarea:focus-visible, select:focus-visible, button:focus-visible, .scroll:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
.hint, .missing, .nothing { color: var(--faint); font-size: 0.9rem; margin: 0.4rem 0 0; }
.refusal { color: var(--delete); margin: 0.4rem 0 0; font-weight: 600; } .refusal:empty { display: none; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; } .bar span { color: var(--faint); margin-right: auto; }
#panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; margin-top: 1rem; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem 1rem; min-width: 0; }
.panel h2 { margin: 0 0 0.5rem; font-size: 1rem; border: 0; padding: 0; }
.tiles, .quotas, .queue { grid-column: 1 / -1; }
.tiles dl, .queue dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 0.75rem 1.25rem; margin: 0; }
.tile dt, .queue dt { margin: 0; color: var(--faint); font-size: 0.85rem; }
.tile dd { font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile dd.more { font-size: 0.8rem; color: var(--faint); line-height: 1.4; }
.tile.good dd:nth-child(2) { color: var(--get); } .tile.bad dd:nth-child(2) { color: var(--delete); }
.chart { width: 100%; height: auto; display: block; overflow: visible; } .chart text { font-size: 11px; fill: var(--faint); }
.chart .grid { stroke: var(--line); } .chart .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.bar.series-0, i.series-0 { fill: var(--series-0); background: var(--series-0); } .bar.series-1, i.series-1 { fill: var(--series-1); background: var(--series-1); }
.line.series-0 { stroke: var(--series-0); } .line.series-1 { stroke: var(--series-1); stroke-dasharray: 5 3; }
.tip { fill: transparent; } .tip:hover { fill: light-dark(#1c233014, #e4e8ef1f); opacity: 1; }
.panel .legend { margin: 0 0 0.35rem; }
.panel ul { list-style: none; margin: 0; padding: 0; } .panel li { border-left: 3px solid var(--line); padding: 0.1rem 0 0.1rem 0.75rem; margin-top: 0.5rem; }
.panel li small { display: block; }
.severity-critical { border-left-color: var(--down) !important; } .severity-warning { border-left-color: var(--degraded) !important; }
.scroll { overflow-x: auto; } .quotas td, .quotas th { white-space: nowrap; } .quotas thead th { color: var(--faint); font-size: 0.8rem; border: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; } .quotas thead th:nth-child(3), .quotas thead th:nth-child(4) { text-align: right; }
.meter { width: 8rem; height: 8px; border-radius: 4px; } .meter .ground { fill: var(--line); } .meter .fill { fill: var(--get); }
.quota-warning .fill, .quota-high .fill { fill: var(--degraded); } .quota-critical .fill { fill: var(--down); }
.quota-warning td:nth-child(5), .quota-high td:nth-child(5), .quota-critical td:nth-child(5) { font-weight: 700; }
.answer { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 1.05rem; }
.cite { font-size: 0.75rem; line-height: 1; padding: 0.2rem 0.4rem; margin: 0 0.15rem; border-radius: 6px; vertical-align: 0.15em; color: var(--accent);
  min-width: 1.5rem; min-height: 1.5rem; }
mark { background: light-dark(#fff1b8, #4d4215); color: inherit; border-radius: 3px; }
@media (max-width: 34rem) { .chart text { font-size: 17px; } .quotas td:nth-child(2), .quotas thead th:nth-child(2) { display: none; } }
@media print { #panels { grid-template-columns: 1fr 1fr; } form, .bar button, .bar label { display: none; } .panel { break-inside: avoid; } }
`;
