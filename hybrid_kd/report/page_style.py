"""How the HTML page looks: light, one column, figures side by side where there is room."""

CSS = """\
:root { --ink: #1d2329; --soft: #5b6570; --line: #e3e6ea; --paper: #ffffff; --shade: #f6f7f9;
  --blue: #0072b2; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; color: var(--ink); background: var(--paper); line-height: 1.5; overflow-wrap: break-word;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
.kind { margin: 0; color: var(--blue); font-size: .8rem; font-weight: 600; letter-spacing: .08em;
  text-transform: uppercase; }
h1 { margin: .1rem 0 .6rem; font-size: 2.1rem; line-height: 1.15; letter-spacing: -.01em; }
.lead { margin: 0; padding: 0; list-style: none; color: var(--soft); font-size: .95rem; }
nav { margin: 1.2rem 0 0; padding: .7rem 0; border: solid var(--line); border-width: 1px 0; display: flex;
  flex-wrap: wrap; gap: .25rem 1.1rem; font-size: .88rem; }
a { color: var(--blue); text-decoration: none; }
a:hover { text-decoration: underline; }
section { margin: 2.6rem 0; }
h2 { margin: 0 0 .7rem; font-size: 1.35rem; line-height: 1.25; letter-spacing: -.005em; }
h2 small { display: block; margin-top: .15rem; color: var(--soft); font-size: .92rem; font-weight: 400;
  letter-spacing: 0; }
section > p { max-width: 62rem; margin: 0 0 .8rem; }
.caption { margin: 1rem 0 .4rem; color: var(--soft); font-size: .88rem; max-width: 62rem; }
.cards { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); }
.card { padding: .9rem 1rem; border: 1px solid var(--line); border-left: 4px solid #8a939c;
  border-radius: 6px; }
.card h3 { margin: 0 0 .35rem; font-size: 1.02rem; line-height: 1.3; }
.card ul { margin: .55rem 0 0; padding: 0; list-style: none; color: var(--soft); font-size: .86rem; }
.card li + li { margin-top: .25rem; }
.badge { display: inline-block; padding: .08rem .55rem; border-radius: 1rem; font-size: .82rem;
  font-weight: 600; background: #eceff2; color: #454e57; }
.holds { border-left-color: #0072b2; } .holds .badge { background: #dceef9; color: #004f7d; }
.does-not-hold { border-left-color: #d55e00; } .does-not-hold .badge { background: #fde8da; color: #8f3f00; }
.not-run { border-left-style: dashed; } .not-run .badge { background: none; padding-left: 0; }
.panels { display: grid; gap: 1.2rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  justify-items: start; align-items: start; }
figure { margin: 0; width: 100%; }
figure svg { display: block; width: 100%; height: auto; }
svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  sans-serif !important; }
.wide { overflow-x: auto; margin: 0 0 1rem; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .7rem; text-align: right; white-space: nowrap; }
th { background: var(--shade); font-weight: 600; vertical-align: bottom; white-space: normal;
  min-width: 4.5rem; }
td { border-top: 1px solid var(--line); }
.text { text-align: left; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--paper); text-align: left; }
th:first-child { background: var(--shade); }
tbody tr:hover td { background: var(--shade); }
details { margin: .9rem 0 0; }
summary { cursor: pointer; color: var(--blue); font-size: .9rem; margin-bottom: .5rem; }
footer { padding: 1.2rem 1.25rem 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  header, main, footer { padding-left: .9rem; padding-right: .9rem; }
  header { padding-top: 1.4rem; }
  h1 { font-size: 1.7rem; }
  section { margin: 2rem 0; }
  th:first-child, td:first-child { max-width: 9.5rem; white-space: normal; }
}
@media print { nav { display: none; } .card, figure { break-inside: avoid; } }
"""
