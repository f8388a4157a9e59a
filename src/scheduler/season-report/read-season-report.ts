import { getSite } from '../../catalog/find-site.js'
import { listSiteTiles } from '../../db/catalog/site-tiles.js'
import { databaseNow } from '../../db/report/database-now.js'
import { selectProducts } from '../../db/catalog/products.js'
import { listStandings, type StandingRow } from '../../db/why/list-standings.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { ProcessingError } from '../../domain/errors.js'
import { REPEAT_DAYS, unseenDays } from '../../domain/expected-days.js'
import { NOTHING_TO_CORRECT } from '../../domain/nothing-to-correct.js'
import type { ProductGap } from '../../domain/step-params.js'
import { standingOf, type Standing } from '../why/why-acquisition.js'

/** What became of the acquisitions of one tile and day; `cloudy`: also what was too cloudy to be fetched or corrected; `missing`: by the repeat cycle there should be one, and none is known. */
export type DayState =
  | 'corrected'
  | 'cloudy'
  | 'in progress'
  | 'coming'
  | 'not asked for'
  | 'failed'
  | 'broken'
  | 'left out'
  | 'missing'

export interface SeasonDay {
  /** Sensing, UTC, YYYY-MM-DD. */
  readonly day: string
  /** Of several acquisitions the one that has come furthest. */
  readonly state: DayState
  /** One line for each acquisition. */
  readonly notes: readonly string[]
}

export interface SeasonComposite {
  readonly name: string
  readonly tile: string
  /** Synthesis, YYYY-MM-DD. */
  readonly day: string
  /** Dates of its window that it was made without; empty: it is complete. */
  readonly gaps: readonly ProductGap[]
  /** Null: made of what there is now. */
  readonly staleReason: string | null
}

export interface SeasonReport {
  readonly site: string
  readonly season: { readonly name: string; readonly startsOn: string; readonly endsOn: string }
  readonly madeAt: Date
  /** Enabled tiles of the site and its sub-sites, each with its days in order. */
  readonly tiles: readonly {
    readonly satellite: 's2' | 'landsat'
    readonly tile: string
    readonly days: readonly SeasonDay[]
  }[]
  /** Products of many dates whose synthesis lies in the season, by tile and day. */
  readonly composites: readonly SeasonComposite[]
  /** Acquisitions in each state; of `missing`, days. */
  readonly counts: Readonly<Record<DayState, number>>
}

/** From the best to the worst: what several acquisitions of a day come to. */
export const DAY_STATES: readonly DayState[] = [
  'corrected',
  'cloudy',
  'in progress',
  'coming',
  'not asked for',
  'failed',
  'broken',
  'left out',
  'missing',
]

/** Cloud cover by the product's own metadata above which a corrected day is shown as cloudy, percent. */
const CLOUDY_PERCENT = 50

/** Acquisitions of a season at most. */
const MOST = 100_000

/** Where a season stands, tile by tile and day by day. Throws NOT_FOUND. */
export async function readSeasonReport(db: Queryable, slug: string, name: string): Promise<SeasonReport> {
  const site = await getSite(db, slug)
  const season = site.seasons.find((each) => each.name === name)
  if (season === undefined)
    throw new ProcessingError(
      'NOT_FOUND',
      `Site '${slug}' has no season '${name}'; it has ${site.seasons.map((each) => each.name).join(', ') || 'none'}.`,
    )
  const { startsOn, endsOn } = season
  const rows = await listStandings(db, { siteId: site.id, from: startsOn, to: endsOn, limit: MOST })
  const counts = Object.fromEntries(DAY_STATES.map((state) => [state, 0])) as Record<DayState, number>
  const enabled = (await listSiteTiles(db, site.id)).filter((row) => row.enabled)
  const names = [...new Set(enabled.map(({ satellite, tile }) => `${satellite} ${tile}`))].sort()
  const tiles = names.map((key) => {
    const [satellite, tile] = key.split(' ') as ['s2' | 'landsat', string]
    const own = rows.filter((row) => row.satellite === satellite && row.tile === tile)
    const days = daysOf(own, satellite)
    for (const row of own) {
      const state = stateOf(row)
      if (state !== null) counts[state] += 1
    }
    counts.missing += days.filter(({ state }) => state === 'missing').length
    return { satellite, tile, days }
  })
  const made = await selectProducts(db, { siteId: site.id, level: 'L3A', limit: MOST })
  const composites = made
    .map(({ name, tile, sensedAt, gaps, staleReason }): SeasonComposite => {
      return { name, tile, day: sensedAt.toISOString().slice(0, 10), gaps, staleReason }
    })
    .filter(({ day }) => day >= startsOn && day <= endsOn)
    .sort((a, b) => (a.tile === b.tile ? (a.day < b.day ? -1 : 1) : a.tile < b.tile ? -1 : 1))
  const madeAt = await databaseNow(db)
  return { site: slug, season: { name, startsOn, endsOn }, madeAt, tiles, composites, counts }
}

/** Null: superseded, another version of the scene stands for it. */
function stateOf(row: StandingRow): DayState | null {
  const standing = standingOf(row)
  switch (standing) {
    case 'corrected':
      return (row.cloudPercent ?? 0) > CLOUDY_PERCENT ? 'cloudy' : 'corrected'
    case 'runs':
    case 'waits':
      return 'in progress'
    case 'on its way':
      return 'coming'
    case 'failed':
      if (row.errorCode === 'TOO_CLOUDY') return 'cloudy'
      return NOTHING_TO_CORRECT.some((code) => code === row.errorCode) ? 'left out' : 'failed'
    case 'cancelled':
      return 'failed'
    case 'ignored':
      return row.reasonCode === 'FILTER_CLOUD' ? 'cloudy' : 'left out'
    case 'superseded':
      return null
    case 'broken':
    case 'not asked for':
      return standing
  }
}

function daysOf(rows: readonly StandingRow[], satellite: 's2' | 'landsat'): SeasonDay[] {
  const byDay = new Map<string, { state: DayState; notes: string[] }>()
  const tracks = new Map<string, string[]>()
  for (const row of rows) {
    const day = row.sensedAt?.toISOString().slice(0, 10)
    const state = stateOf(row)
    if (day === undefined) continue
    const track = `${row.platform ?? '?'} orbit ${row.relativeOrbit ?? '?'}`
    tracks.set(track, [...(tracks.get(track) ?? []), day])
    if (state === null) continue
    const known = byDay.get(day)
    const best =
      known !== undefined && DAY_STATES.indexOf(known.state) < DAY_STATES.indexOf(state) ? known.state : state
    byDay.set(day, { state: best, notes: [...(known?.notes ?? []), noteOf(row, state)] })
  }
  for (const [track, seen] of tracks)
    for (const day of unseenDays(seen, REPEAT_DAYS[satellite]))
      if (!byDay.has(day))
        byDay.set(day, {
          state: 'missing',
          notes: [`${track} came by, no acquisition is known`],
        })
  return [...byDay]
    .map(([day, { state, notes }]) => ({ day, state, notes }))
    .sort((a, b) => (a.day < b.day ? -1 : 1))
}

function noteOf(row: StandingRow, state: DayState): string {
  const standing = standingOf(row)
  const of = (...those: readonly Standing[]) => those.includes(standing)
  const why = of('failed', 'cancelled') ? row.errorCode : of('broken', 'ignored') ? row.reasonCode : null
  const cloud = row.cloudPercent === null ? '' : `, ${Math.round(row.cloudPercent)} % cloud`
  return `acquisition ${row.acquisitionId}: ${state}${why === null ? '' : ` (${why})`}${cloud}`
}
