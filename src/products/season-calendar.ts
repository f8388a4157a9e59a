import { escapeMarkup } from './escape-markup.js'

/** A square of the calendar. */
export interface CalendarCell {
  /** YYYY-MM-DD. */
  readonly day: string
  /** One of the kinds of the legend. */
  readonly kind: string
  /** Shown while the mouse is over it. */
  readonly title: string
}

export interface CalendarRow {
  readonly label: string
  readonly cells: readonly CalendarCell[]
}

/** A kind of cell with its colour, as CSS, and what the legend says. */
export interface CalendarKind {
  readonly kind: string
  readonly fill: string
  readonly text: string
  /** A frame without filling. */
  readonly isHollow?: boolean
}

const LABEL = 130
const WIDTH = 1100
const PLOT = WIDTH - LABEL - 12
const ROW = 20
const CELL = 14
const TOP = 62
const DAY_MS = 86_400_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const n = (value: number): string => String(Math.round(value * 100) / 100)

/**
 * A calendar as SVG text: one row a tile, days from left to right between two days (YYYY-MM-DD, both included), a line at each month. Colours carry on both
 * light and dark ground, text takes the colour of what is around. Labels and titles are escaped. Pure.
 */
export function renderCalendar(
  rows: readonly CalendarRow[],
  from: string,
  to: string,
  kinds: readonly CalendarKind[],
): string {
  const start = Date.parse(`${from}T00:00:00Z`) / DAY_MS
  const days = Math.max(1, Date.parse(`${to}T00:00:00Z`) / DAY_MS - start + 1)
  const x = (day: string) => LABEL + ((Date.parse(`${day}T00:00:00Z`) / DAY_MS - start) / days) * PLOT
  const height = TOP + rows.length * ROW + 8
  // As wide as the closest two in a row allow.
  const wide = Math.max(2, Math.min(CELL, (PLOT / days) * closest(rows) * 0.85))
  const months = monthsBetween(from, to).map(
    (month) =>
      `<path d="M${n(x(month))} 44V${height - 6}" stroke="currentColor" stroke-opacity=".15"/>` +
      `<text x="${n(x(month) + 3)}" y="54">${MONTHS[Number(month.slice(5, 7)) - 1] ?? ''} ${month.slice(0, 4)}</text>`,
  )
  const byKind = new Map(kinds.map((kind) => [kind.kind, kind]))
  const lines = rows.map(({ label, cells }, i) => {
    const y = TOP + i * ROW
    const text = `<text x="${LABEL - 8}" y="${y + CELL - 3}" text-anchor="end">${escapeMarkup(label)}</text>`
    const squares = cells.map(({ day, kind, title }) =>
      square(n(x(day)), y, n(wide), byKind.get(kind), title),
    )
    return text + squares.join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Calendar of a season" font-family="system-ui,sans-serif" font-size="11" fill="currentColor">
${legend(kinds)}
${months.join('\n')}
${lines.join('\n')}
</svg>`
}

function square(x: string, y: number, width: string, kind: CalendarKind | undefined, title: string): string {
  const look =
    kind === undefined
      ? 'fill="currentColor"'
      : kind.isHollow === true
        ? `fill="none" stroke="${kind.fill}" stroke-width="1.5"`
        : `fill="${kind.fill}"`
  return `<rect x="${x}" y="${y}" width="${width}" height="${CELL}" ${look}><title>${escapeMarkup(title)}</title></rect>`
}

/** Days between the closest two cells of a row, at least 1. */
function closest(rows: readonly CalendarRow[]): number {
  const gaps = rows.flatMap(({ cells }) => {
    const days = cells.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / DAY_MS).sort((a, b) => a - b)
    return days.slice(1).map((day, i) => day - (days[i] ?? day))
  })
  return gaps.reduce((least, gap) => Math.min(least, Math.max(1, gap)), 30)
}

/** First days of the months, and the first day itself. */
function monthsBetween(from: string, to: string): string[] {
  const months = [from]
  for (let [year, month] = from.split('-').map(Number) as [number, number]; ;) {
    month += 1
    if (month > 12) [year, month] = [year + 1, 1]
    const first = `${year}-${String(month).padStart(2, '0')}-01`
    if (first > to) return months
    months.push(first)
  }
}

function legend(kinds: readonly CalendarKind[]): string {
  let at = 8
  return kinds
    .map((kind) => {
      const item = `${square(n(at), 8, '12', kind, kind.text)}<text x="${n(at + 16)}" y="19">${escapeMarkup(kind.text)}</text>`
      at += 30 + kind.text.length * 5.9
      return item
    })
    .join('')
}
