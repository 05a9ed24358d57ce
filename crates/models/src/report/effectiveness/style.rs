/// What this page needs beyond the common style sheets. The ramp `r0` to `r9` goes from the lowest
/// quantile to the highest.
pub(super) const STYLE: &str = r"
h3 { font-size: 0.95rem; margin: 1.5rem 0 0.5rem; font-weight: 650; }
ul { margin: 0.5rem 0; padding-left: 1.2rem; }
a { color: var(--a); text-decoration: none; } a:hover { text-decoration: underline; }
.factor { border-top: 1px solid var(--rule); padding-top: 0.6rem; margin-top: 0.6rem; }
.factor > summary { color: var(--ink); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 1rem; margin-top: 1rem; }
:root { --r0: #b3361b; --r1: #c4552d; --r2: #cf7444; --r3: #d39563; --r4: #c0a98c; --r5: #98a9b8; --r6: #7299cc; --r7: #5385d0; --r8: #3a6fcf; --r9: #2458c4; }
.line.r0 { stroke: var(--r0); } .line.r1 { stroke: var(--r1); } .line.r2 { stroke: var(--r2); } .line.r3 { stroke: var(--r3); } .line.r4 { stroke: var(--r4); }
.line.r5 { stroke: var(--r5); } .line.r6 { stroke: var(--r6); } .line.r7 { stroke: var(--r7); } .line.r8 { stroke: var(--r8); } .line.r9 { stroke: var(--r9); }
.key.r0 { color: var(--r0); } .key.r1 { color: var(--r1); } .key.r2 { color: var(--r2); } .key.r3 { color: var(--r3); } .key.r4 { color: var(--r4); }
.key.r5 { color: var(--r5); } .key.r6 { color: var(--r6); } .key.r7 { color: var(--r7); } .key.r8 { color: var(--r8); } .key.r9 { color: var(--r9); }
";
