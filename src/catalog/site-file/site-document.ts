import type { SettingKey, SettingValue } from '../../config/settings.js'
import type { Satellite } from '../../db/catalog/site-tiles.js'
import type { SeasonRow } from '../../db/catalog/sites.js'
import type { GeoJsonArea } from '../../domain/polygon.js'

/** Tile filter of one satellite: `only` these, or all that the area touches without `off` and with `add`. */
export interface TileFilter {
  readonly only?: readonly string[]
  readonly add: readonly string[]
  readonly off: readonly string[]
}

/** What a file says of one site. A part that is absent stays as it is; one that is there is complete. */
export interface SiteDocument {
  readonly slug: string
  /** Where it begins, for messages. */
  readonly line: number
  readonly name?: string
  readonly area?: GeoJsonArea
  readonly paused?: boolean
  readonly seasons?: readonly SeasonRow[]
  readonly tiles?: Readonly<Partial<Record<Satellite, TileFilter>>>
  readonly settings?: Readonly<Partial<Record<SettingKey, SettingValue>>>
  readonly subSites?: readonly SiteDocument[]
}

/** One mistake in a file. */
export interface Problem {
  readonly line: number
  readonly message: string
}
