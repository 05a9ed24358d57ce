/// The style sheet of every page.
pub const STYLE: &str = r"
:root { color-scheme: light dark; --page: #fbfaf8; --card: #ffffff; --ink: #1d1f23; --soft: #636871; --rule: #e4e1db; --a: #2f5fd0; --b: #c2571a; --c: #2f8f5b; --bar: #9db4ea; --warn: #a35b00; --error: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --page: #14161a; --card: #1b1e23; --ink: #e6e7ea; --soft: #9aa0aa; --rule: #2d3138; --a: #85a8ff; --b: #f09a5f; --c: #6fcf97; --bar: #41558a; --warn: #f0b35f; --error: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 1rem; margin-bottom: 1.75rem; }
h1 { font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 0.35rem; font-weight: 650; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; letter-spacing: -0.005em; margin: 2.5rem 0 0.75rem; font-weight: 650; }
p { margin: 0.25rem 0; }
.soft, figcaption, footer { color: var(--soft); }
.mono, code, pre { font-family: ui-monospace, 'SF Mono', Menlo, Consolas, monospace; font-size: 0.86em; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: 0.5rem; }
.figures div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 0.7rem 0.75rem; }
.figures dt { color: var(--soft); font-size: 0.82rem; }
.figures dd { margin: 0.1rem 0 0; font-size: 1.2rem; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures small { font-size: 0.8rem; font-weight: 400; color: var(--soft); }
dl { margin: 0; }
.scroll { overflow-x: auto; } .scroll + .scroll { margin-top: 1.5rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 0.82rem; border-bottom: 1px solid var(--ink); padding: 0.3rem 0.9rem 0.3rem 0; white-space: nowrap; }
td { border-bottom: 1px solid var(--rule); padding: 0.35rem 0.9rem 0.35rem 0; vertical-align: top; overflow-wrap: break-word; }
td .mono { overflow-wrap: break-word; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number, td.number { padding-right: 0.4rem; padding-left: 0.9rem; } .number:first-child { width: 1%; } .number + :not(.number) { padding-left: 0.9rem; }
figure { container-type: inline-size; margin: 0 0 1.25rem; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 0.9rem 1rem 0.5rem; }
figcaption { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; font-size: 0.85rem; margin-bottom: 0.4rem; }
figcaption span:first-child { color: var(--ink); font-weight: 600; margin-right: auto; }
.key::before { content: ''; display: inline-block; width: 1rem; height: 0; border-top: 3px solid currentColor; vertical-align: 0.25em; margin-right: 0.4rem; }
.key.a { color: var(--a); } .key.b { color: var(--b); } .key.c { color: var(--c); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; font-variant-numeric: tabular-nums; }
svg .note { fill: var(--ink); }
@container (max-width: 32rem) { svg { overflow: visible; } svg text { font-size: 18px; } svg .between { display: none; } }
svg path { fill: none; }
.grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .mark { stroke: var(--soft); stroke-dasharray: 3 3; }
.line { stroke-width: 1.8; stroke-linejoin: round; } .line.a { stroke: var(--a); } .line.b { stroke: var(--b); } .line.c { stroke: var(--c); }
.dot.a { fill: var(--a); } .dot.b { fill: var(--b); } .dot.c { fill: var(--c); }
.bars { stroke: var(--bar); }
.track { min-width: 6rem; height: 0.7rem; margin-top: 0.4rem; } .track rect { fill: var(--a); }
.warning { color: var(--warn); font-weight: 600; } .error { color: var(--error); font-weight: 600; }
details { margin-top: 0.75rem; } summary { cursor: pointer; color: var(--soft); }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 0.9rem 1rem; white-space: pre-wrap; }
footer { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: 0.75rem; font-size: 0.85rem; }
@media print { main { padding: 0; } figure { break-inside: avoid; } }
";
