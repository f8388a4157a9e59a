import { secondText } from '../../domain/calendar-day.js'
import { renderSummary } from '../../products/html-summary.js'
import { renderCalendar, type CalendarKind } from '../../products/season-calendar.js'
import { DAY_STATES, type SeasonReport } from '../../scheduler/season-report/read-season-report.js'

const KINDS: readonly CalendarKind[] = [
  { kind: 'corrected', fill: '#3f8f5f', text: 'corrected' },
  { kind: 'cloudy', fill: '#9fb8c9', text: 'cloudy' },
  { kind: 'in progress', fill: '#4a90c4', text: 'in progress' },
  { kind: 'coming', fill: '#e8c468', text: 'coming' },
  { kind: 'not asked for', fill: '#c9ced3', text: 'not asked for' },
  { kind: 'failed', fill: '#c0463c', text: 'failed' },
  { kind: 'broken', fill: '#7a3e8c', text: 'broken' },
  { kind: 'left out', fill: '#8d8d8d', text: 'left out', isHollow: true },
  { kind: 'missing', fill: '#c0463c', text: 'missing', isHollow: true },
]

/** One page: the calendar, what each tile has, and every day that lacks something. Pure. */
export function renderSeasonReport(report: SeasonReport): string {
  const { site, season, madeAt, tiles, composites, counts } = report
  const rows = tiles.map(({ tile, days }) => ({
    label: tile,
    cells: days.map(({ day, state, notes }) => ({
      day,
      kind: state,
      title: `${tile} ${day}\n${notes.join('\n')}`,
    })),
  }))
  const lacking = tiles.flatMap(({ tile, days }) =>
    days
      .filter(({ state }) => state === 'failed' || state === 'broken' || state === 'missing')
      .map(({ day, state, notes }) => [tile, day, state, notes.join('; ')]),
  )
  return renderSummary({
    title: `Season ${season.name} of ${site}`,
    lead: `${season.startsOn} to ${season.endsOn}, as of ${secondText(madeAt)} UTC.`,
    facts: DAY_STATES.filter((state) => counts[state] > 0).map(
      (state) => [state, String(counts[state])] as const,
    ),
    figures: [
      {
        title: 'Tile by tile, day by day',
        note: 'One square a day of sensing; of several acquisitions the one that has come furthest. Missing: by the repeat cycle of its orbit the platform came by, and no acquisition is known. Point at a square for its story.',
        svg: renderCalendar(rows, season.startsOn, season.endsOn, KINDS),
      },
    ],
    tables: [
      {
        title: 'Tiles',
        columns: [{ label: 'Tile' }, ...DAY_STATES.map((state) => ({ label: state, digits: 0 }))],
        note: 'Days in each state.',
        rows: tiles.map(({ tile, days }) => [
          tile,
          ...DAY_STATES.map((state) => days.filter((day) => day.state === state).length),
        ]),
      },
      {
        title: 'What is lacking',
        note: '`tilth why` tells more of each acquisition.',
        columns: [{ label: 'Tile' }, { label: 'Day' }, { label: 'State' }, { label: 'Why' }],
        rows: lacking,
      },
      {
        title: 'Composites',
        note: 'A partial one is made again by itself when the date that it was made without is there.',
        columns: [
          { label: 'Tile' },
          { label: 'Day' },
          { label: 'Product' },
          { label: 'State' },
          { label: 'Why' },
        ],
        rows: composites.map(({ name, tile, day, gaps, staleReason }) => [
          tile,
          day,
          name,
          staleReason !== null ? 'stale' : gaps.length > 0 ? 'partial' : 'complete',
          [
            ...(staleReason === null ? [] : [staleReason]),
            ...gaps.map(
              (gap) => `without acquisition ${gap.acquisition_id} of ${gap.day}, which then ${gap.why}`,
            ),
          ].join('; '),
        ]),
      },
    ],
    footer:
      'Cloudy: more than half of the scene by the metadata that it was delivered with, or too cloudy to be fetched or corrected.',
  })
}
