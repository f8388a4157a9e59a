import { escapeMarkup } from './escape-markup.js'

/** What a bar shows, which fixes its colour. */
export type BarKind =
  'blocked' | 'queued' | 'backoff' | 'succeeded' | 'failed' | 'given back' | 'cancelled' | 'runs'

export interface GanttBar {
  readonly kind: BarKind
  /** Seconds from the left end of the axis. */
  readonly fromS: number
  readonly toS: number
  /** Shown while the mouse is over it. */
  readonly title: string
}

export interface GanttRow {
  readonly label: string
  readonly bars: readonly GanttBar[]
}

const FILL: Readonly<Record<BarKind, string>> = {
  blocked: '#c9ced3',
  queued: '#e8c468',
  backoff: '#d98f4e',
  succeeded: '#3f8f5f',
  failed: '#c0463c',
  'given back': '#7c8fae',
  cancelled: '#8d7f99',
  runs: '#4a90c4',
}
const LEGEND: readonly (readonly [BarKind, string])[] = [
  ['blocked', 'waits for another step'],
  ['queued', 'waits for a place'],
  ['backoff', 'waits to try again'],
  ['succeeded', 'succeeded'],
  ['failed', 'failed'],
  ['given back', 'given back'],
  ['cancelled', 'cancelled'],
  ['runs', 'runs'],
]
const WIDTH = 1100
const LABEL = 210
const ROW = 18
const BAR = 12
const TOP = 96
const PLOT = WIDTH - LABEL - 12

const n = (value: number): string => String(Math.round(value * 100) / 100)

/**
 * A Gantt chart as SVG text, `endS` seconds wide: above, how many attempts run at once; below, one row after the other. Colours carry
 * on both light and dark ground, text takes the colour of what is around. Labels and titles are escaped. Pure.
 */
export function renderGantt(rows: readonly GanttRow[], endS: number): string {
  const span = Math.max(endS, 1e-3)
  const x = (seconds: number) => LABEL + (Math.min(Math.max(seconds, 0), span) / span) * PLOT
  const height = TOP + rows.length * ROW + 26
  const step = tickStep(span)
  const ticks = Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step)
  const grid = ticks.map(
    (t) =>
      `<path d="M${n(x(t))} 40V${height - 22}" stroke="currentColor" stroke-opacity=".12"/>` +
      `<text x="${n(x(t))}" y="${height - 8}" text-anchor="middle">${tickLabel(t)}</text>`,
  )
  const lines = rows.map(({ label, bars }, i) => {
    const y = TOP + i * ROW
    const text = `<text x="${LABEL - 8}" y="${y + BAR - 2}" text-anchor="end">${escapeMarkup(shorten(label))}<title>${escapeMarkup(label)}</title></text>`
    return text + bars.map((bar) => barSvg(bar, x, y)).join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Gantt chart" font-family="system-ui,sans-serif" font-size="11" fill="currentColor">
${legendSvg()}
${grid.join('\n')}
${loadSvg(rows, x)}
${lines.join('\n')}
</svg>`
}

function barSvg({ kind, fromS, toS, title }: GanttBar, x: (s: number) => number, y: number): string {
  const isWaiting = kind === 'blocked' || kind === 'queued' || kind === 'backoff'
  const width = Math.max(x(toS) - x(fromS), isWaiting ? 0.4 : 1.2)
  const [top, tall] = isWaiting ? [y + 4, BAR - 8] : [y, BAR]
  return `<rect x="${n(x(fromS))}" y="${top}" width="${n(width)}" height="${tall}" fill="${FILL[kind]}"><title>${escapeMarkup(title)}</title></rect>`
}

function legendSvg(): string {
  let at = 8
  return LEGEND.map(([kind, text]) => {
    const item = `<rect x="${at}" y="8" width="12" height="10" fill="${FILL[kind]}"/><text x="${at + 16}" y="17">${text}</text>`
    at += 30 + text.length * 6.2
    return item
  }).join('')
}

/** Steps of the number of attempts that run at once. */
function loadSvg(rows: readonly GanttRow[], x: (s: number) => number): string {
  const isRun = ({ kind }: GanttBar) => kind !== 'blocked' && kind !== 'queued' && kind !== 'backoff'
  const runs = rows.flatMap(({ bars }) => bars.filter(isRun))
  const changes = runs
    .flatMap(({ fromS, toS }) => [
      { at: fromS, by: 1 },
      { at: toS, by: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.by - b.by)
  let running = 0
  const levels = changes.map(({ at, by }) => ({ at, running: (running += by) }))
  const most = Math.max(1, ...levels.map((level) => level.running))
  const y = (count: number) => 84 - (count / most) * 40
  let path = ''
  for (const level of levels) path += `H${n(x(level.at))}V${n(y(level.running))}`
  const first = levels[0]
  return first === undefined
    ? ''
    : `<path d="M${n(x(first.at))} 84${path}V84Z" fill="${FILL.runs}" fill-opacity=".35"/>` +
        `<text x="${LABEL - 8}" y="68" text-anchor="end">running at once, at most ${most}</text>`
}

/** About eight ticks, at round times. */
function tickStep(span: number): number {
  const rounds = [
    ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200],
    86_400,
  ]
  const wanted = span / 8
  return rounds.find((round) => round >= wanted) ?? Math.ceil(wanted / 86_400) * 86_400
}

function tickLabel(t: number): string {
  if (t >= 86_400 && t % 86_400 === 0) return `${t / 86_400} d`
  if (t >= 3600) return `${n(t / 3600)} h`
  if (t < 60) return `${n(t)} s`
  return t % 60 === 0 ? `${t / 60} min` : `${Math.floor(t / 60)}:${String(t % 60).padStart(2, '0')} min`
}

const shorten = (label: string): string => (label.length > 34 ? `${label.slice(0, 33)}…` : label)
