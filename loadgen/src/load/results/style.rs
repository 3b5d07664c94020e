//! The style of all pages: light and dark by what the reader's system prefers, legible on paper, nothing fetched.

/// The colours by name: light, and dark where that is preferred.
pub(super) const PALETTE: &str = ":root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--card:#f6f8fa;--dim:#57606a;--rule:#d0d7de;--good:#116329;--bad:#a40e26;--good-bg:#e6f4ea;--bad-bg:#fde8ea;
--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;--c4:#bf3989;--c5:#6e7781}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--card:#161b22;--dim:#9aa4af;--rule:#30363d;--good:#56d364;--bad:#ff8b82;--good-bg:#10261a;--bad-bg:#2d1417;
--c0:#58a6ff;--c1:#f0883e;--c2:#56d364;--c3:#bc8cff;--c4:#ff7bba;--c5:#8b949e}}";

/// What stands on a page.
pub(super) const STYLE: &str = "@media print{:root{--fg:#000;--bg:#fff;--card:#fff;--dim:#444;--rule:#bbb;--good:#116329;--bad:#a40e26;--good-bg:#fff;--bad-bg:#fff}figure,table,section{break-inside:avoid}}
*{box-sizing:border-box}body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:66rem;margin:0 auto;padding:1rem 1rem 4rem}
h1{font-size:1.3rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--rule);padding-bottom:.2rem}h3{font-size:1rem;margin:1.6rem 0 .4rem}
.good,.bad{border-left:.5rem solid;border-radius:.3rem;padding:.8rem 1rem;margin:.8rem 0}.good{border-color:var(--good);background:var(--good-bg)}.bad{border-color:var(--bad);background:var(--bad-bg)}
.verdict{font-size:1.15rem;font-weight:600;margin:0}.good .verdict b{color:var(--good)}.bad .verdict b{color:var(--bad)}section ul{margin:.4rem 0 0;padding-left:1.2rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:.6rem;margin:1rem 0}.tile{background:var(--card);border:1px solid var(--rule);border-radius:.4rem;padding:.5rem .6rem}
.tile span{display:block;color:var(--dim);font-size:.82rem}.tile b{font-size:1.15rem;white-space:nowrap;font-variant-numeric:tabular-nums}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem 1.4rem}
.wide{overflow-x:auto}table{border-collapse:collapse;margin:.4rem 0;font-variant-numeric:tabular-nums}td,th{padding:.25rem .8rem;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top}
td{white-space:nowrap}td:first-child,th:first-child{text-align:left;padding-left:0}td:first-child,td.text,th.text{text-align:left;white-space:normal}th{font-weight:600;color:var(--dim)}
figure{margin:.4rem 0;min-width:0;max-width:36rem}figcaption{font-weight:600}.note{display:block;font-weight:400;color:var(--dim);font-size:.88rem}figure>svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--dim)}svg text.name{fill:var(--fg)}svg text.gap{fill:var(--bad)}.grid{stroke:var(--rule);stroke-width:1}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.dashed{stroke-dasharray:4 3}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}.l4{stroke:var(--c4)}.l5{stroke:var(--c5)}
.f0{fill:var(--c0)}.f1{fill:var(--c1)}.f2{fill:var(--c2)}.f3{fill:var(--c3)}.f4{fill:var(--c4)}.f5{fill:var(--c5)}.whisker{stroke:var(--fg);stroke-width:1.4;fill:none}
.held{fill:var(--good)}.lost{stroke:var(--bad);stroke-width:2.4;fill:none}.life{stroke:var(--dim);stroke-width:1.5}.arrow{stroke:var(--fg);stroke-width:1.4;fill:none}.head{fill:var(--fg)}.after{stroke:var(--bad);stroke-width:3}
.key{font-weight:400;margin-left:.7rem;font-size:.88rem;white-space:nowrap}.swatch{width:18px;height:10px;margin-right:.3rem;vertical-align:middle}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--card);border:1px solid var(--rule);border-radius:.4rem;padding:.6rem .8rem;font-size:.86rem}.no{color:var(--dim)}
@media(max-width:40rem){td,th{padding:.25rem .45rem}body{padding:.6rem .6rem 3rem}svg text{font-size:15px}}";
