import type { StandingRow } from '../../db/why/list-standings.js'
import type { TileSite } from '../../db/why/list-tile-sites.js'
import { offersOf } from '../../db/sources/offers-of.js'
import { listSteps } from '../../db/jobs/list-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import type { WaitingRoom } from '../why-waiting.js'
import { explain, remedyOf, type Explanation } from './explanation.js'
import { describeOffer, whyIgnored, whyOnItsWay } from './why-offered.js'
import { whyStep } from './why-step.js'

/** Where an acquisition stands on its way to an L2A product. */
export type Standing =
  | 'corrected'
  | 'runs'
  | 'waits'
  | 'failed'
  | 'cancelled'
  | 'broken'
  | 'ignored'
  | 'superseded'
  | 'on its way'
  | 'not asked for'

/** Pure. A product that is there counts for more than a later step that failed to make it anew. */
export function standingOf(row: StandingRow): Standing {
  switch (row.state) {
    case 'found':
    case 'fetching':
      return 'on its way'
    case 'broken':
    case 'ignored':
    case 'superseded':
      return row.state
    case 'present':
      break
  }
  if (row.product !== null) return 'corrected'
  switch (row.stepState) {
    case 'blocked':
    case 'ready':
      return 'waits'
    case 'running':
      return 'runs'
    case 'failed':
    case 'quarantined':
      return 'failed'
    case 'cancelled':
      return 'cancelled'
    case 'succeeded': // its product was removed
    case null:
      return 'not asked for'
  }
}

const OF_MANY: Readonly<Record<Standing, string>> = {
  corrected: 'are corrected',
  runs: 'run',
  waits: 'wait',
  failed: 'failed',
  cancelled: 'were cancelled',
  broken: 'are broken',
  ignored: 'are left out',
  superseded: 'gave way to newer products of their scenes',
  'on its way': 'are not complete yet',
  'not asked for': 'wait for a job',
}

/** One line that is the same for acquisitions in the same position: groups of them are told together. */
export function commonReason(row: StandingRow): string {
  const standing = standingOf(row)
  const code = standing === 'failed' ? row.errorCode : row.reasonCode
  return code === null || standing === 'superseded' ? OF_MANY[standing] : `${OF_MANY[standing]} (${code})`
}

/** @param sites the sites that list its tile. */
export async function whyAcquisition(
  db: Queryable,
  row: StandingRow,
  sites: readonly TileSite[],
  room: WaitingRoom,
): Promise<Explanation> {
  const subject = `acquisition ${row.acquisitionId} (${row.name})`
  const [step] = row.stepId === null ? [] : await listSteps(db, { ids: [row.stepId], limit: 1 })
  const parts = step === undefined ? [] : [await whyStep(db, step, room)]
  const standing = standingOf(row)
  switch (standing) {
    case 'corrected':
      return explain(
        subject,
        row.madeBy === null
          ? `is corrected: ${row.product ?? ''}`
          : `is imported, as ${row.madeBy} made it: ${row.product ?? ''}`,
        {
          reasons: row.staleReason === null ? [] : [`that product is stale: ${row.staleReason}`],
          next: row.staleReason === null ? [] : ['tilth process --stale'],
        },
      )
    case 'runs':
    case 'waits':
    case 'failed':
    case 'cancelled':
      return explain(subject, 'has no L2A product yet', { parts })
    case 'broken': {
      const remedy = remedyOf(row.reasonCode)
      const offers = await offersOf(db, row.acquisitionId)
      if (offers.length > 0)
        return explain(subject, 'could not be fetched', {
          reasons: [...offers.map(describeOffer), ...(remedy === undefined ? [] : [remedy])],
          next: ['tilth sources run --retry'],
        })
      return explain(subject, 'cannot be read', {
        reasons: [
          [row.reasonCode, row.reason].filter(Boolean).join(': '),
          ...(remedy === undefined ? [] : [remedy]),
        ],
        next: ['tilth ingest PATH, once it is mended'],
      })
    }
    case 'on its way':
      return whyOnItsWay(db, row, subject)
    case 'ignored':
      return whyIgnored(db, row, subject)
    case 'superseded':
      return explain(subject, 'gave way to a newer product of the same scene', {
        reasons: row.reason === null ? [] : [row.reason],
      })
    case 'not asked for':
      return explain(
        subject,
        row.stepState === 'succeeded' ? 'was corrected, and its product removed' : 'waits for a job',
        row.madeBy === null
          ? whyNotAsked(row, sites)
          : { reasons: [`${row.madeBy} made it; it is imported by an ingest`], next: ['tilth ingest PATH'] },
      )
  }
}

/** No step was ever made for it: which site could have asked, and what in its rows says no. Pure. */
export function whyNotAsked(
  row: Pick<StandingRow, 'tile' | 'satellite' | 'sensedAt' | 'acquisitionId'>,
  tileSites: readonly TileSite[],
): { reasons: string[]; next: string[] } {
  const sites = tileSites.filter(({ tile, satellite }) => tile === row.tile && satellite === row.satellite)
  const tile = `tile ${row.tile ?? '?'}`
  const byHand = `tilth process --acquisition ${row.acquisitionId}`
  if (sites.length === 0) return { reasons: [`${tile} belongs to no site`], next: [byHand] }
  const day = row.sensedAt?.toISOString().slice(0, 10) ?? ''
  const reasons: string[] = []
  const next: string[] = []
  for (const { slug, enabled, origin, paused, seasons } of sites) {
    const inSeason = seasons.some(({ startsOn, endsOn }) => startsOn <= day && day <= endsOn)
    if (!enabled) {
      reasons.push(
        `the tile filter of site ${slug} leaves out ${row.satellite} ${row.tile ?? '?'} (its row in site_tile, ${origin}, is disabled)`,
      )
      next.push(`tilth tiles set ${slug} --enable ${row.tile ?? '?'}`)
    } else if (seasons.length > 0 && !inSeason)
      reasons.push(
        `${day} is in no season of site ${slug}: ${seasons.map((s) => `${s.name} is ${s.startsOn} to ${s.endsOn}`).join(', ')}`,
      )
    else {
      reasons.push(`no job of site ${slug} has asked for it${paused ? `, and ${slug} is paused` : ''}`)
      next.push(`tilth process --site ${slug}`)
    }
  }
  return { reasons, next: next.length > 0 ? next : [byHand] }
}
