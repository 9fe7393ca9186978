/** What only the status page needs of the stylesheet. */
export const STATUS_STYLE = `
:root { --up: var(--get); --degraded: light-dark(#8a5a00, #e5b65a); --down: light-dark(#b3261e, #ff8f86);
  --maintenance: var(--accent); --unknown: var(--faint); }
.crumb { margin: 0; color: var(--faint); }
.overall { display: flex; gap: 0.5rem; align-items: baseline; margin-top: 0.25rem; }
.age { color: var(--faint); margin: 0; }
.age strong { color: var(--degraded); }
.state-up .mark, .state-up.state { color: var(--up); } .state-degraded .mark, .state-degraded.state { color: var(--degraded); }
.state-down .mark, .state-down.state { color: var(--down); } .state-unknown .mark, .state-unknown.state { color: var(--unknown); }
.state-maintenance .mark, .state-maintenance.state { color: var(--maintenance); }
.component, .incident { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.9rem 1rem;
  margin: 0.75rem 0; scroll-margin-top: 1rem; }
.component h3, .incident h3 { margin: 0; font-size: 1.05rem; }
.component h3 small { display: block; }
.line { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.25rem 1.5rem; align-items: baseline; }
.line p { margin: 0; } .state { font-weight: 600; white-space: nowrap; }
.history { display: block; width: 100%; height: 34px; margin-top: 0.75rem; }
.scale { display: flex; justify-content: space-between; margin: 0.15rem 0 0.6rem; color: var(--faint); font-size: 0.8rem; }
.level-none { fill: var(--line); background: var(--line); } .level-up { fill: var(--up); background: var(--up); }
.level-degraded { fill: light-dark(#b27700, #e5b65a); background: light-dark(#b27700, #e5b65a); }
.level-partial { fill: light-dark(#c2410c, #ff9d5c); background: light-dark(#c2410c, #ff9d5c); }
.level-down { fill: var(--down); background: var(--down); } .level-maintenance { fill: var(--maintenance); background: var(--maintenance); }
rect:hover { opacity: 0.6; }
.figures { display: grid; grid-template-columns: repeat(4, auto); gap: 0.25rem 1.25rem; margin: 0; }
.figures dt { margin: 0; color: var(--faint); font-size: 0.8rem; } .figures dd { font-variant-numeric: tabular-nums; }
.latency { display: flex; align-items: center; gap: 0.5rem; white-space: nowrap; }
.spark { width: 120px; height: 28px; } .spark path { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linecap: round; }
.component details { border: 0; margin: 0.5rem 0 0; padding: 0; } .component details[open] { padding: 0; }
.component summary { padding: 0; color: var(--faint); font-size: 0.85rem; }
.component ul { margin: 0.25rem 0 0; padding-left: 1.25rem; font-size: 0.9rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; color: var(--faint); font-size: 0.85rem; }
.legend span { display: inline-flex; align-items: center; gap: 0.4rem; }
.swatch { width: 0.6rem; height: 0.8rem; border-radius: 2px; display: inline-block; }
.incident.open { border-left: 4px solid var(--degraded); } .incident.maintenance.open { border-left-color: var(--maintenance); }
.about { margin: 0.15rem 0 0; color: var(--faint); font-size: 0.9rem; }
.text { margin: 0.15rem 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.timeline { list-style: none; margin: 0.75rem 0 0; padding: 0; }
.timeline li { border-left: 2px solid var(--line); padding: 0 0 0.75rem 0.9rem; } .timeline li:last-child { padding-bottom: 0; }
.timeline p { margin: 0; } .timeline time { color: var(--faint); font-size: 0.85rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); color: var(--faint); font-size: 0.85rem; max-width: 48rem; }
footer a { margin-right: 1rem; }
@media print {
  :root { color-scheme: light; }
  body { padding: 0; max-width: none; } nav { position: static; }
  .component, .incident, details { break-inside: avoid; } rect, .swatch { print-color-adjust: exact; }
}
`;
