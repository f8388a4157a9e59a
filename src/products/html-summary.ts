import { escapeMarkup } from './escape-markup.js'

/** One product as the summary shows it. */
export interface SummaryProduct {
  readonly name: string
  /** Small print below the name, for example tile and date. */
  readonly caption?: string
  /** Path of the picture relative to the page, forward slashes, or a `data:image/` URI; none: an empty frame. */
  readonly quicklook?: string
  /** Path of the product's folder relative to the page. */
  readonly folder?: string
}

/** A cell: a number is shown with `digits` of its column, null as a dash. */
export type SummaryCell = string | number | null

export interface SummaryTable {
  readonly title: string
  /** What the numbers mean, in a sentence. */
  readonly note?: string
  readonly columns: readonly { readonly label: string; readonly unit?: string; readonly digits?: number }[]
  readonly rows: readonly (readonly SummaryCell[])[]
}

/** A drawing, as SVG text of this program: it is put into the page as it is. */
export interface SummaryFigure {
  readonly title: string
  readonly note?: string
  readonly svg: string
}

export interface Summary {
  readonly title: string
  /** One or two sentences below the title. */
  readonly lead?: string
  /** Label and value, shown in one row: number of products, wall time, ... */
  readonly facts?: readonly (readonly [label: string, value: string])[]
  /** Absent: no gallery. */
  readonly products?: readonly SummaryProduct[]
  readonly figures?: readonly SummaryFigure[]
  /** For example: products with their parameters, errors against the truth by band. */
  readonly tables: readonly SummaryTable[]
  /** Last line, for example program version and time. */
  readonly footer?: string
}

/** A relative path, its parts percent-encoded, or a picture's data URI as it is; undefined for what could lead or run elsewhere. */
function safeLink(path: string): string | undefined {
  if (/^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/=]+$/.test(path)) return path
  if (path === '' || path.startsWith('/') || /^[a-z][a-z0-9+.-]*:/i.test(path)) return undefined
  return path.split('/').map(encodeURIComponent).join('/')
}

/**
 * One self-contained HTML page: style inline, no script, nothing fetched but the pictures beside it. Light or dark as the reader's
 * system is. All text is escaped; a quicklook or folder that is no relative path is left out. Pure.
 */
export function renderSummary(summary: Summary): string {
  const { title, lead, facts = [], products, figures = [], tables, footer } = summary
  const parts = [
    `<header><h1>${escapeMarkup(title)}</h1>${lead === undefined ? '' : `<p>${escapeMarkup(lead)}</p>`}</header>`,
    facts.length === 0
      ? ''
      : `<dl class="facts">${facts.map(([k, v]) => `<div><dt>${escapeMarkup(k)}</dt><dd>${escapeMarkup(v)}</dd></div>`).join('')}</dl>`,
    products === undefined
      ? ''
      : products.length === 0
        ? '<p class="empty">No products were made.</p>'
        : `<section><h2>Products</h2><div class="gallery">${products.map(productHtml).join('\n')}</div></section>`,
    ...figures.map(figureHtml),
    ...tables.map(tableHtml),
    footer === undefined ? '' : `<footer>${escapeMarkup(footer)}</footer>`,
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${parts.filter((part) => part !== '').join('\n')}
</main>
</body>
</html>
`
}

function productHtml({ name, caption, quicklook, folder }: SummaryProduct): string {
  const source = quicklook === undefined ? undefined : safeLink(quicklook)
  const target = folder === undefined ? undefined : safeLink(folder)
  const picture =
    source === undefined
      ? '<div class="frame none">no picture</div>'
      : `<div class="frame"><img src="${escapeMarkup(source)}" alt="True-colour picture of ${escapeMarkup(name)}" loading="lazy"></div>`
  const label =
    target === undefined ? escapeMarkup(name) : `<a href="${escapeMarkup(target)}">${escapeMarkup(name)}</a>`
  const small = caption === undefined ? '' : `<span>${escapeMarkup(caption)}</span>`
  return `<figure>${picture}<figcaption>${label}${small}</figcaption></figure>`
}

const figureHtml = ({ title, note, svg }: SummaryFigure): string =>
  `<section><h2>${escapeMarkup(title)}</h2>${note === undefined ? '' : `<p>${escapeMarkup(note)}</p>`}<div class="scroll">${svg}</div></section>`

function tableHtml({ title, note, columns, rows }: SummaryTable): string {
  const isNumeric = columns.map((_, i) => rows.some((row) => typeof row[i] === 'number'))
  const cls = (i: number): string => (isNumeric[i] === true ? ' class="n"' : '')
  const head = columns.map(
    ({ label, unit }, i) =>
      `<th scope="col"${cls(i)}>${escapeMarkup(label)}${unit === undefined ? '' : ` <small>${escapeMarkup(unit)}</small>`}</th>`,
  )
  const body = rows.map(
    (row) =>
      `<tr>${columns.map(({ digits }, i) => `<td${cls(i)}>${cellHtml(row[i] ?? null, digits)}</td>`).join('')}</tr>`,
  )
  return `<section><h2>${escapeMarkup(title)}</h2>${note === undefined ? '' : `<p>${escapeMarkup(note)}</p>`}
<div class="scroll"><table><thead><tr>${head.join('')}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div></section>`
}

function cellHtml(cell: SummaryCell, digits: number | undefined): string {
  if (cell === null || (typeof cell === 'number' && !Number.isFinite(cell)))
    return '<span class="none">&ndash;</span>'
  if (typeof cell === 'string') return escapeMarkup(cell)
  return (digits === undefined ? String(cell) : cell.toFixed(digits)).replace('-', '&minus;')
}

const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--text:#1d2421;--soft:#5c6762;--line:#dfe4e1;--panel:#f4f6f5;--link:#17633f}
@media (prefers-color-scheme:dark){:root{--bg:#141816;--text:#e4e9e6;--soft:#98a39d;--line:#2e3531;--panel:#1c211e;--link:#7fcaa1}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:70rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem;text-wrap:balance}
h2{font-size:1.1rem;margin:2.5rem 0 .6rem}
p{margin:0 0 .8rem;color:var(--soft);max-width:44rem}
a{color:var(--link)}
.facts{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1.5rem 0 0;padding:1rem 0;border-block:1px solid var(--line)}
.facts dt{font-size:.8rem;color:var(--soft)}
.facts dd{margin:0;font-weight:600;font-variant-numeric:tabular-nums}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(19rem,100%),1fr));gap:1.25rem}
figure{margin:0;min-width:0}
.frame{aspect-ratio:1;background:var(--panel);border:1px solid var(--line);border-radius:4px;overflow:hidden;display:grid;place-items:center}
.frame img{width:100%;height:100%;object-fit:contain;display:block}
figcaption{font-size:.85rem;padding-top:.45rem;overflow-wrap:anywhere}
figcaption span{display:block;color:var(--soft)}
.scroll{overflow-x:auto}
.scroll svg{width:100%;min-width:44rem;height:auto;display:block}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;min-width:100%}
th,td{padding:.4rem .9rem .4rem 0;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
th{font-weight:600;vertical-align:bottom}
th small{font-weight:400;color:var(--soft)}
.n{text-align:right}
.none,.empty{color:var(--soft)}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--soft)}
`
