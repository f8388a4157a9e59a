import type { WantedSeason, WantedTile } from '../db/sources/wanted.js'
import type { Filters } from './config.js'
import { factsOfName } from './product-name.js'
import type { Offer } from './source.js'

/** Which tiles are wanted when, by the sites that a source serves. */
export interface Wanted {
  readonly seasons: readonly WantedSeason[]
  readonly tiles: readonly WantedTile[]
}

export interface Refusal {
  readonly code:
    'FILTER_TILE' | 'FILTER_CLOUD' | 'FILTER_ORBIT' | 'FILTER_DATE' | 'FILTER_PLATFORM' | 'FILTER_LEVEL'
  readonly reason: string
}

/** What is told of a product before it is fetched. */
export type Described = Pick<
  Offer,
  'product' | 'platform' | 'tile' | 'relativeOrbit' | 'sensedAt' | 'cloudPercent'
>

/**
 * Whether an offer is wanted: null, the filter that leaves it out, or `outside` where it is no business of any site (a neighbouring tile that
 * the search met, a day that is in the season of another site). Where a source does not say the tile its product tells it later. Pure.
 */
export function verdictOf(offer: Described, wanted: Wanted, filters: Filters): Refusal | 'outside' | null {
  const { tile } = offer
  if (tile !== null) {
    const rows = wanted.tiles.filter((row) => row.tile === tile)
    if (rows.length === 0) return 'outside'
    const enabled = rows.filter((row) => row.enabled)
    if (enabled.length === 0)
      return {
        code: 'FILTER_TILE',
        reason: `the tile filter of every site that has tile ${tile} leaves it out`,
      }
    const day = offer.sensedAt.slice(0, 10)
    const isInSeason = wanted.seasons.some(
      ({ siteId, startsOn, until }) =>
        startsOn <= day && day <= until && enabled.some((row) => row.siteId === siteId),
    )
    if (!isInSeason) return 'outside'
  }
  return refusalOf(offer, filters)
}

/** The filter of the source itself that leaves a product out; null: none. Pure. */
export function refusalOf(offer: Described, filters: Filters): Refusal | null {
  const { product, platform, tile, relativeOrbit, sensedAt, cloudPercent } = offer
  const day = sensedAt.slice(0, 10)
  if (factsOfName(product)?.isIgnoredLevel === true)
    return { code: 'FILTER_LEVEL', reason: `${product} has no ground control: only L1TP is corrected` }
  if (filters.tiles !== undefined && tile !== null && !filters.tiles.includes(tile))
    return {
      code: 'FILTER_TILE',
      reason: `tile ${tile} is none of ${filters.tiles.join(', ')} (filters.tiles)`,
    }
  if (filters.platforms !== undefined && platform !== null && !filters.platforms.includes(platform))
    return {
      code: 'FILTER_PLATFORM',
      reason: `${platform} is none of ${filters.platforms.join(', ')} (filters.platforms)`,
    }
  if (filters.orbits !== undefined && relativeOrbit !== null && !filters.orbits.includes(relativeOrbit))
    return {
      code: 'FILTER_ORBIT',
      reason: `orbit ${relativeOrbit} is none of ${filters.orbits.join(', ')} (filters.orbits)`,
    }
  if (filters.from !== undefined && day < filters.from)
    return { code: 'FILTER_DATE', reason: `${day} is before ${filters.from} (filters.from)` }
  if (filters.to !== undefined && day > filters.to)
    return { code: 'FILTER_DATE', reason: `${day} is after ${filters.to} (filters.to)` }
  if (filters.cloud_max !== undefined && cloudPercent !== null && cloudPercent > filters.cloud_max)
    return {
      code: 'FILTER_CLOUD',
      reason: `${cloudPercent.toFixed(1)} % clouds, at most ${filters.cloud_max} % are wanted (filters.cloud_max)`,
    }
  return null
}
