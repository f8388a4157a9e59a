import { createHash } from 'node:crypto'
import { siteArea } from '../catalog/find-site.js'
import type { Database } from '../db/connect.js'
import { listWantedSeasons, listWantedTiles } from '../db/sources/wanted.js'
import { tileSquare } from '../domain/mgrs.js'
import type { GeoJsonArea } from '../domain/polygon.js'
import { tileFootprint } from '../domain/tiles-touching.js'
import { wrs2Footprint, wrs2Tile } from '../domain/wrs2.js'
import type { Filters } from './config.js'
import type { Wanted } from './filters.js'
import type { Search, Source } from './source.js'

interface Days {
  readonly from: string
  readonly to: string
}

/** Days that overlap or follow each other become one span; in order. Pure. */
export function joinDays(spans: readonly Days[]): readonly Days[] {
  const joined: { from: string; to: string }[] = []
  for (const span of [...spans].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const last = joined.at(-1)
    if (last !== undefined && span.from <= dayAfter(last.to)) last.to = last.to > span.to ? last.to : span.to
    else joined.push({ ...span })
  }
  return joined
}

const dayAfter = (day: string): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)

/**
 * What a source is asked for: for each site the whole span of its seasons up to today, so that a scene that was published late is found
 * whenever it comes. Tiles that a site has by hand, beside its area, are searches of their own.
 */
export async function searchesOf(
  db: Database,
  source: Source,
  { lateDays }: { readonly lateDays: number },
): Promise<{ readonly wanted: Wanted; readonly searches: readonly Search[] }> {
  const { satellite } = source
  const { siteId } = source.row
  const seasons = await listWantedSeasons(db, { siteId, satellite, lateDays })
  const tiles = await listWantedTiles(db, { siteId, satellite })
  const { filters } = source.parsed.config
  const searches: Search[] = []
  for (const id of [...new Set(seasons.map((season) => season.siteId))]) {
    const own = seasons.filter((season) => season.siteId === id)
    const [first] = own
    if (first === undefined) continue
    const enabled = tiles.filter((tile) => tile.siteId === id && tile.enabled)
    const areas: GeoJsonArea[] = enabled
      .filter(({ origin }) => origin === 'manual')
      .map(({ tile }) => footprintOf(satellite, tile))
    if (enabled.some(({ origin }) => origin === 'auto'))
      areas.unshift(await siteArea(db, { id, slug: first.slug }))
    for (const isPast of [false, true])
      for (const days of joinDays(
        own
          .filter((season) => season.isPast === isPast)
          .flatMap(({ startsOn, until }) => clip({ from: startsOn, to: until }, filters)),
      ))
        for (const area of areas) searches.push({ what: `site ${first.slug}`, area, ...days, isPast })
  }
  return { wanted: { seasons, tiles }, searches }
}

function clip({ from, to }: Days, filters: Filters): Days[] {
  const clipped = {
    from: filters.from !== undefined && filters.from > from ? filters.from : from,
    to: filters.to !== undefined && filters.to < to ? filters.to : to,
  }
  return clipped.from <= clipped.to ? [clipped] : []
}

function footprintOf(satellite: 's2' | 'landsat', tile: string): GeoJsonArea {
  const ring = satellite === 's2' ? tileFootprint(tileSquare(tile)) : wrs2Footprint(wrs2Tile(tile))
  return { type: 'Polygon', coordinates: [ring] }
}

/** Names a search of a past season: asked once, it is not asked again while area, days and tiles are the same. */
export function digestOfSearch({ area, from, to }: Search, wanted: Wanted): string {
  const tiles = wanted.tiles.filter(({ enabled }) => enabled).map(({ siteId, tile }) => `${siteId} ${tile}`)
  return createHash('sha256')
    .update(JSON.stringify([area, from, to, tiles]))
    .digest('hex')
    .slice(0, 16)
}
