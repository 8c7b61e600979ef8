"""Style and script of the page. What the script adds, values at once and sorting, is no content."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fdfdfc; --panel: #f4f5f6; --ink: #1c2024; --soft: #5b6470; --rule: #dfe2e6;
  --accent: 37, 99, 168;
  --s0: #2563a8; --s1: #c2410c; --s2: #15803d; --s3: #7c3aed; --s4: #be185d; --s5: #0f766e;
  --s6: #64748b; --s7: #a16207; --s8: #4b5563;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --panel: #1e2227; --ink: #e6e8eb; --soft: #a0a9b4; --rule: #343a42;
    --accent: 96, 165, 250;
    --s0: #7db5f5; --s1: #fb923c; --s2: #4ade80; --s3: #c4b5fd; --s4: #f472b6; --s5: #2dd4bf;
    --s6: #94a3b8; --s7: #eab308; --s8: #b6bec9;
  }
}
* { box-sizing: border-box; }
body {
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  color: var(--ink); background: var(--paper); margin: 0 auto; max-width: 64rem;
  padding: 2.5rem 1.25rem 4rem; overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.2; font-weight: 650; margin: 0; text-wrap: balance; }
h2 { font-size: 1.15rem; font-weight: 650; margin: 2.75rem 0 .6rem; text-wrap: balance; }
section > h2.run { font-size: 1.45rem; border-top: 1px solid var(--rule); padding-top: 2rem; }
p { margin: .5rem 0; } a { color: var(--s0); text-underline-offset: .15em; }
.under { color: var(--soft); margin-top: .3rem; }
.note { color: var(--soft); font-size: .875rem; max-width: 48rem; }
.verdict {
  border-left: 3px solid var(--s0); background: var(--panel); border-radius: 0 6px 6px 0;
  padding: .8rem 1.1rem; margin: 1.4rem 0;
}
.worth { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 1.4rem 0; padding: 0; }
.worth li { list-style: none; }
.worth b { display: block; font-size: 1.6rem; line-height: 1.2; font-weight: 600; }
.worth span { color: var(--soft); font-size: .875rem; }
.worth b, td, .chart text { font-variant-numeric: tabular-nums; }

figure { margin: 0; }
.views > input { position: absolute; opacity: 0; }
.views > label {
  display: inline-block; font-size: .875rem; color: var(--soft); cursor: pointer;
  padding: .15rem .7rem; border: 1px solid var(--rule); border-radius: 99px;
  margin: 0 .3rem .3rem 0;
}
.views > input:checked + label { color: var(--ink); background: var(--panel); }
.views > input:focus-visible + label { outline: 2px solid var(--s0); }
.views > figure { display: none; margin-top: .6rem; }
.views > .a0:checked ~ .v0:checked ~ .a0.v0, .views > .a0:checked ~ .v1:checked ~ .a0.v1,
.views > .a1:checked ~ .v0:checked ~ .a1.v0, .views > .a1:checked ~ .v1:checked ~ .a1.v1,
.views > .a2:checked ~ .v0:checked ~ .a2.v0, .views > .a2:checked ~ .v1:checked ~ .a2.v1,
.views > .a3:checked ~ .v0:checked ~ .a3.v0, .views > .a3:checked ~ .v1:checked ~ .a3.v1,
.views > .a4:checked ~ .v0:checked ~ .a4.v0, .views > .a4:checked ~ .v1:checked ~ .a4.v1
{ display: block; }
.by { color: var(--soft); font-size: .875rem; margin-right: .5rem; }
.y { color: var(--soft); font-size: .875rem; }

.chart { display: block; width: 100%; height: auto; overflow: visible; }
.chart text { font-size: 13px; fill: var(--soft); text-anchor: middle; }
.chart text.end { text-anchor: end; }
.chart path { fill: none; } .chart .grid { stroke: var(--rule); stroke-width: .75; }
.chart .axis, .chart .tick { stroke: var(--soft); stroke-width: 1; }
.chart .margin { fill: var(--s8); opacity: .16; }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.75; stroke-linejoin: round; }
.chart .band { fill: currentColor; opacity: .16; }
.chart .front { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 2 4; opacity: .7; }
.chart .bar { stroke: currentColor; stroke-width: 1.4; }
.chart .single { fill: currentColor; opacity: .4; }
.chart .reach { fill: transparent; }
.chart .point, .chart .losses { cursor: default; outline: none; }
.chart .mark, .legend .mark { fill: currentColor; stroke: var(--paper); stroke-width: 1.2; }
.point:hover .mark, .point:focus .mark { stroke: var(--ink); stroke-width: 2; }
.rule path { stroke: currentColor; stroke-width: 1.4; stroke-dasharray: 6 4; }
.stroke { stroke: currentColor; stroke-width: 2; fill: none; }
.s0 { color: var(--s0); } .s1 { color: var(--s1); } .s2 { color: var(--s2); }
.s3 { color: var(--s3); } .s4 { color: var(--s4); } .s5 { color: var(--s5); }
.s6 { color: var(--s6); } .s7 { color: var(--s7); } .s8 { color: var(--s8); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .4rem 0; }
.legend li { list-style: none; font-size: .875rem; }
.legend svg { width: 1rem; height: 1rem; vertical-align: -.15em; margin-right: .35rem; }
.legend .steps { display: inline-block; width: 1.2rem; margin: 0 .35rem .25rem 0; }
.legend .steps { border-top: 2px dotted var(--ink); }
.legend .swatch {
  display: inline-block; width: 1rem; height: .7rem; background: currentColor; opacity: .25;
  margin-right: .35rem;
}
#tip {
  position: absolute; z-index: 2; pointer-events: none; white-space: pre-line; max-width: 18rem;
  font-size: .8125rem; line-height: 1.4; padding: .45rem .7rem; border-radius: 6px;
  background: var(--ink); color: var(--paper);
}

.strip { display: flex; align-items: end; gap: 1rem; overflow-x: auto; padding-bottom: .6rem; }
.strip figure { flex: 0 0 auto; width: 11.5rem; }
.grids {
  display: grid; align-items: end; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr));
}
figcaption { font-size: .8125rem; line-height: 1.4; color: var(--soft); margin-bottom: .35rem; }
figcaption b { color: var(--ink); font-weight: 600; }
img { image-rendering: pixelated; width: 100%; display: block; border-radius: 3px; }
.losses-grid {
  display: grid; gap: 1rem 1.4rem; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr));
}

.kept-grid {
  display: grid; gap: .9rem 1.4rem; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr));
  margin: .8rem 0 1.2rem;
}
.kept { display: block; width: 100%; background: var(--panel); border: 1px solid var(--rule); }
.kept path { fill: currentColor; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .84rem; line-height: 1.35; }
th, td { padding: .3rem .55rem; text-align: right; border-bottom: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
td { white-space: nowrap; }
th:first-child, td:first-child { padding-left: 0; }
.l { text-align: left; } tbody tr:hover td { background: var(--panel); }
th button {
  all: unset; cursor: pointer; text-align: inherit;
}
th button:hover { color: var(--ink); }
th button:focus-visible { outline: 2px solid var(--s0); }
th[aria-sort=ascending] button::after { content: " ↑"; }
th[aria-sort=descending] button::after { content: " ↓"; }
.heat td + td + td { background: rgba(var(--accent), var(--share)); text-align: center; }
.plain td { white-space: normal; }
details > summary { cursor: pointer; color: var(--soft); margin: .6rem 0; }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; } h1 { font-size: 1.4rem; }
  .chart:not(.small) text { font-size: 23px; } .chart .often { display: none; }
  .chart:not(.small) .line, .chart:not(.small) .bar, .chart .rule path { stroke-width: 3; }
  .chart circle.mark { r: 8.5px; } .chart path.mark { transform: scale(1.7); }
  .strip figure { width: 9.5rem; }
  .worth { display: grid; grid-template-columns: 1fr 1fr; gap: .8rem; }
  .worth b { font-size: 1.35rem; }
  .grids { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
  .losses-grid { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
}
@media print { .views > input, .views > label, .by { display: none; } body { max-width: none; } }
"""

SCRIPT = """
(() => {
  const tip = document.createElement('div');
  tip.id = 'tip'; tip.hidden = true; document.body.append(tip);
  function show(text, box) {
    tip.textContent = text; tip.hidden = false;
    const wide = document.documentElement.clientWidth;
    const left = Math.min(Math.max(box.left + box.width / 2 - tip.offsetWidth / 2, 4),
                          wide - tip.offsetWidth - 4);
    const above = box.top - tip.offsetHeight - 8;
    tip.style.left = left + scrollX + 'px';
    tip.style.top = (above < 0 ? box.bottom + 8 : above) + scrollY + 'px';
  }
  const hide = () => { tip.hidden = true; };
  addEventListener('keydown', event => { if (event.key === 'Escape') hide(); });

  // Points and rules: their title, at once and for the keyboard too.
  for (const item of document.querySelectorAll('.chart .point, .chart .rule')) {
    const title = item.querySelector('title');
    const text = title.textContent;
    title.remove();
    const at = () => show(text, (item.querySelector('.mark') || item).getBoundingClientRect());
    item.addEventListener('pointerenter', at); item.addEventListener('focus', at);
    item.addEventListener('pointerleave', hide); item.addEventListener('blur', hide);
  }
  // The chart's own title would cover them; its label says the same.
  for (const title of document.querySelectorAll('.chart > title')) title.remove();

  // Losses: the values at the step that is pointed at.
  for (const chart of document.querySelectorAll('.chart.small')) {
    const axes = chart.dataset.axes.split(' ').map(Number);
    const [left, right, low, high, start, end, from, to] = axes;
    const lines = [...chart.querySelectorAll('polyline')].map(line => [line.dataset.name,
      line.getAttribute('points').split(' ').map(pair => pair.split(',').map(Number))]);
    chart.addEventListener('pointermove', event => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) * chart.viewBox.baseVal.width / box.width;
      const rows = lines.map(([name, points]) => {
        const near = points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
        const value = low + (near[1] - start) / (end - start) * (high - low);
        const step = from + (near[0] - left) / (right - left) * (to - from);
        return [step, name + ' ' + value.toPrecision(3)];
      });
      if (!rows.length) return;
      show(['step ' + Math.round(rows[0][0]), ...rows.map(row => row[1])].join('\\n'),
           {left: event.clientX, width: 0, top: box.top, bottom: box.bottom});
    });
    chart.addEventListener('pointerleave', hide);
  }

  // Tables are sorted by a click on a title: numbers as numbers, what has none last.
  // Dates are texts.
  const number = text => {
    const found = text.replace(/,/g, '').match(/^[-+]?[\\d.]+(e[-+]?\\d+)?(?=( ?%)?( to .*)?$)/i);
    return found ? parseFloat(found[0]) : NaN;
  };
  const key = cell => cell.dataset.key ?? cell.textContent;
  for (const table of document.querySelectorAll('table.sorts')) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement('button');
      button.type = 'button'; button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener('click', () => {
        const up = head.getAttribute('aria-sort') !== 'ascending';
        for (const other of heads) other.removeAttribute('aria-sort');
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        const rows = [...table.tBodies[0].rows].map(row => [key(row.cells[column]), row]);
        const numeric = rows.some(([text]) => !isNaN(number(text)));
        rows.sort(([a], [b]) => {
          if (!numeric) return up ? a.localeCompare(b) : b.localeCompare(a);
          const [x, y] = [number(a), number(b)];
          if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
          return up ? x - y : y - x;
        });
        table.tBodies[0].append(...rows.map(([, row]) => row));
      });
    });
  }
})();
"""
