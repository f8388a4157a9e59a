import { deleteSeason, insertSeason, listOwnSeasons, updateSeason } from '../db/catalog/seasons.js'
import { lockSites, type SeasonRow } from '../db/catalog/sites.js'
import type { Database } from '../db/connect.js'
import { dayNumber, dayText } from '../domain/calendar-day.js'
import { ProcessingError } from '../domain/errors.js'
import { getSite } from './find-site.js'

export type { SeasonRow } from '../db/catalog/sites.js'

export interface SeasonDays {
  readonly name: string
  /** Days, YYYY-MM-DD. */
  readonly startsOn: string
  readonly endsOn: string
  /** Default: half-way. */
  readonly midOn?: string
}

/** A season with its middle, its days in order. Throws BAD_ARGUMENT. */
export function seasonOf({ name, startsOn, endsOn, midOn }: SeasonDays): SeasonRow {
  if (name.trim() === '')
    throw new ProcessingError('BAD_ARGUMENT', 'A season needs a name, such as summer-2026.')
  const starts = dayNumber(startsOn)
  const ends = dayNumber(endsOn)
  const middle = midOn === undefined ? Math.round((starts + ends) / 2) : dayNumber(midOn)
  if (!(starts < middle && middle < ends))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Season '${name}' runs from ${startsOn} over ${dayText(middle)} to ${endsOn}; expected start < middle < end.`,
    )
  return { name, startsOn: dayText(starts), midOn: dayText(middle), endsOn: dayText(ends) }
}

/**
 * The rule of overlaps: seasons of one site may overlap (winter and summer crops do), but none may lie within another or have the same
 * days, which is a mistyped year far more often than a wish; two crops a year within a longer season are a sub-site's own seasons.
 * Names are unique. Throws CONFLICT naming the pair.
 */
export function checkSeasons(slug: string, seasons: readonly SeasonRow[]): void {
  for (const [i, a] of seasons.entries())
    for (const b of seasons.slice(i + 1)) {
      if (a.name === b.name)
        throw new ProcessingError('CONFLICT', `Site '${slug}' has a season '${a.name}' already.`)
      const [outer, inner] = a.startsOn <= b.startsOn && b.endsOn <= a.endsOn ? [a, b] : [b, a]
      if (outer.startsOn <= inner.startsOn && inner.endsOn <= outer.endsOn)
        throw new ProcessingError(
          'CONFLICT',
          `Season '${inner.name}' (${inner.startsOn} to ${inner.endsOn}) lies within season '${outer.name}' (${outer.startsOn} to ${outer.endsOn}) of site '${slug}'. ` +
            `Seasons may overlap, not lie within each other: check the years, or give the inner one to a sub-site.`,
        )
    }
}

/** Adds a season to a site; a sub-site that had its parent's has its own from now on. Throws BAD_ARGUMENT, NOT_FOUND, CONFLICT. */
export async function addSeason(db: Database, slug: string, season: SeasonDays): Promise<SeasonRow> {
  const row = seasonOf(season)
  await changeSeasons(db, slug, async (tx, siteId, own) => {
    checkSeasons(slug, [...own, row])
    await insertSeason(tx, siteId, row)
  })
  return row
}

/** Changes days or name of a season; a middle that was not given stays where it lies in order, else moves half-way. Throws as `addSeason`. */
export async function editSeason(
  db: Database,
  slug: string,
  name: string,
  change: {
    readonly name?: string
    readonly startsOn?: string
    readonly endsOn?: string
    readonly midOn?: string
  },
): Promise<SeasonRow> {
  return changeSeasons(db, slug, async (tx, siteId, own) => {
    const before = own.find((season) => season.name === name)
    if (before === undefined) throw noSeason(slug, name, own)
    const startsOn = change.startsOn ?? before.startsOn
    const endsOn = change.endsOn ?? before.endsOn
    const keepsMiddle = startsOn < before.midOn && before.midOn < endsOn
    const midOn = change.midOn ?? (keepsMiddle ? before.midOn : undefined)
    const row = seasonOf({
      name: change.name ?? name,
      startsOn,
      endsOn,
      ...(midOn === undefined ? {} : { midOn }),
    })
    checkSeasons(slug, [...own.filter((season) => season !== before), row])
    await updateSeason(tx, siteId, name, row)
    return row
  })
}

/** Removes a season; a sub-site without its own has those of its parent again. Products stay. Throws NOT_FOUND. */
export async function removeSeason(db: Database, slug: string, name: string): Promise<void> {
  await changeSeasons(db, slug, async (tx, siteId, own) => {
    if (!(await deleteSeason(tx, siteId, name))) throw noSeason(slug, name, own)
  })
}

async function changeSeasons<T>(
  db: Database,
  slug: string,
  change: (tx: Database, siteId: number, own: readonly SeasonRow[]) => Promise<T>,
): Promise<T> {
  return db.transaction().execute(async (tx) => {
    await lockSites(tx)
    const site = await getSite(tx, slug)
    return change(tx, site.id, await listOwnSeasons(tx, site.id))
  })
}

function noSeason(slug: string, name: string, own: readonly SeasonRow[]): ProcessingError {
  return new ProcessingError(
    'NOT_FOUND',
    `Site '${slug}' has no season '${name}' of its own; it has ${own.map((season) => season.name).join(', ') || 'none'}.`,
  )
}
