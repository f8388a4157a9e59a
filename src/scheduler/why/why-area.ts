import { listStandings, type StandingRow } from '../../db/why/list-standings.js'
import { listTileSites, type TileSite } from '../../db/why/list-tile-sites.js'
import type { SiteRow } from '../../db/catalog/sites.js'
import { listSiteTiles } from '../../db/catalog/site-tiles.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { viewSchedules, type ScheduleView } from '../schedules/manage.js'
import { openWaitingRoom, type AskingHost, type WaitingRoom } from '../why-waiting.js'
import { explain, type Explanation } from './explanation.js'
import { commonReason, standingOf, whyAcquisition } from './why-acquisition.js'

/** Acquisitions that one answer looks at, oldest first. */
const LOOKED_AT = 100_000
/** Names told in a group. */
const SHOWN_NAMES = 3

/** A tile: which sites have it, and where its acquisitions stand. */
export async function whyTile(db: Queryable, tile: string, host: AskingHost): Promise<Explanation> {
  const rows = await listStandings(db, { tile, limit: LOOKED_AT })
  const sites = await listTileSites(db, [tile])
  const reasons = sites.map(
    ({ slug, enabled, paused }) =>
      `site ${slug} ${enabled ? 'has it enabled' : 'has it disabled in its tile filter'}${paused ? ' and is paused' : ''}`,
  )
  if (sites.length === 0) reasons.push('no site has it')
  return explain(`tile ${tile}`, summary(rows), {
    reasons,
    next: rows.length === 0 ? ['tilth ingest FOLDER, where its acquisitions lie'] : [],
    parts: await groups(db, rows, sites, openWaitingRoom(db, host)),
  })
}

/** A site with its sub-sites: what keeps its acquisitions from being corrected. */
export async function whySite(db: Queryable, site: SiteRow, host: AskingHost): Promise<Explanation> {
  const rows = await listStandings(db, { siteId: site.id, limit: LOOKED_AT })
  const tiles = await listSiteTiles(db, site.id)
  const names = [...new Set(rows.flatMap(({ tile }) => (tile === null ? [] : [tile])))]
  const sites = await listTileSites(db, names)
  const reasons: string[] = []
  if (site.paused) reasons.push('it is paused: nothing of it starts')
  if (site.seasons.length === 0) reasons.push('it has no season')
  const empty = tiles.filter(({ enabled, tile }) => enabled && !names.includes(tile)).map(({ tile }) => tile)
  if (empty.length > 0)
    reasons.push(
      `no acquisition of ${empty.slice(0, 10).join(', ')}${empty.length > 10 ? ` and ${empty.length - 10} more tiles` : ''}`,
    )
  const off = tiles.filter(({ enabled }) => !enabled).map(({ tile }) => tile)
  if (off.length > 0) reasons.push(`its tile filter leaves out ${off.slice(0, 10).join(', ')}`)
  const schedules = await viewSchedules(db, { site: site.slug })
  const held = [...new Set(schedules.flatMap((row) => (row.seasonIsPaused ? [row.season] : [])))]
  for (const season of held) reasons.push(`season ${season} is paused: nothing that is asked for it starts`)
  reasons.push(...scheduleReasons(schedules))
  return explain(`site ${site.slug}`, summary(rows), {
    reasons,
    next: [
      ...(site.paused ? [`tilth resume site ${site.slug}`] : []),
      ...held.map((season) => `tilth resume season ${site.slug}/${season}`),
      ...(empty.length > 0 ? ['tilth ingest FOLDER, where their acquisitions lie'] : []),
    ],
    parts: await groups(db, rows, sites, openWaitingRoom(db, host)),
  })
}

/** Schedules of a site that are paused, wait for inputs or cannot run; a pause of the whole site or season is told already. */
function scheduleReasons(schedules: readonly ScheduleView[]): string[] {
  return schedules.flatMap(({ name, season, paused, errorCode, note, waitsFor, due }) => {
    const which = `schedule ${name} of ${season}`
    if (paused) return [`${which} is paused${due.length > 0 ? `, due since ${due[0] ?? ''}` : ''}`]
    if (errorCode !== null) return [`${which} cannot run: ${errorCode}: ${note ?? ''}`]
    return waitsFor.length > 0 ? [`${which} ${note ?? 'waits'}; the first: ${waitsFor[0] ?? ''}`] : []
  })
}

function summary(rows: readonly StandingRow[]): string {
  if (rows.length === 0) return 'has no acquisition'
  const corrected = rows.filter((row) => standingOf(row) === 'corrected').length
  const expected = rows.filter((row) => row.state === 'present').length
  return corrected === expected && expected === rows.length
    ? `is complete: all ${rows.length} acquisitions are corrected`
    : `has ${corrected} of ${expected} present acquisitions corrected, of ${rows.length} known`
}

/** What is not corrected, in groups of the same reason, the largest first; one of each group is explained in full. */
async function groups(
  db: Queryable,
  rows: readonly StandingRow[],
  sites: readonly TileSite[],
  room: WaitingRoom,
): Promise<Explanation[]> {
  const byReason = new Map<string, StandingRow[]>()
  for (const row of rows) {
    if (standingOf(row) === 'corrected') continue
    const key = commonReason(row)
    byReason.set(key, [...(byReason.get(key) ?? []), row])
  }
  const ordered = [...byReason].sort(([, a], [, b]) => b.length - a.length)
  const parts: Explanation[] = []
  for (const [reason, members] of ordered) {
    const [first] = members
    if (first === undefined) continue
    const example = await whyAcquisition(db, first, sites, room)
    if (members.length === 1) {
      parts.push(example)
      continue
    }
    const names = members.slice(0, SHOWN_NAMES).map(({ acquisitionId }) => String(acquisitionId))
    const more = members.length - names.length
    parts.push(
      explain(`${members.length} acquisitions`, reason, {
        reasons: [`acquisitions ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}; the first:`],
        parts: [example],
      }),
    )
  }
  return parts
}
