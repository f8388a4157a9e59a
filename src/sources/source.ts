import type { SourceKindName, SourceRow } from '../db/sources/sources.js'
import type { GeoJsonArea } from '../domain/polygon.js'
import type { SourceConfig } from './config.js'

export type { SourceRow } from '../db/sources/sources.js'

/** A source as it is worked with: its row with the configuration parsed. */
export interface Source {
  readonly row: SourceRow
  readonly name: string
  readonly satellite: 's2' | 'landsat'
  readonly kind: SourceKindName
  readonly parsed: SourceConfig
}

/** One search: what was sensed over an area within days, both included. */
export interface Search {
  /** For messages: the site and its seasons. */
  readonly what: string
  readonly area: GeoJsonArea
  /** YYYY-MM-DD. */
  readonly from: string
  readonly to: string
  /** All of it lies so far back that nothing new is expected. */
  readonly isPast: boolean
}

/** A checksum as a source states it; the value in lower-case hex. */
export interface Checksum {
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'
  readonly hex: string
}

/** One file of an offered product. */
export interface Asset {
  /** http(s) or s3 address. */
  readonly href: string
  /** Where it lies in the product, safe below a folder; of an archive its own name. */
  readonly path: string
  readonly bytes: number | null
  readonly checksum: Checksum | null
}

/** How a product is got: as one archive, or file by file. */
export interface Content {
  readonly kind: 'archive' | 'files'
  readonly assets: readonly Asset[]
  /** The service says that it cannot give it now. */
  readonly isOffline: boolean
}

/** A product that a source has, as its search says. */
export interface Offer {
  /** Id within the source. */
  readonly remoteId: string
  /** Name of the product as delivered, without `.SAFE`. */
  readonly product: string
  readonly platform: string | null
  readonly tile: string | null
  readonly relativeOrbit: number | null
  /** ISO 8601 UTC. */
  readonly sensedAt: string
  /** Percent. */
  readonly cloudPercent: number | null
  /** About what it takes, as the source says. */
  readonly bytes: number | null
  /** What to fetch; an error where the source offers it in a way that cannot be fetched. */
  readonly content:
    | Content
    | { readonly kind: 'none'; readonly code: 'ASSET_MISSING' | 'ASSET_UNSAFE'; readonly reason: string }
}

/** What comes of one result of a search: an offer, or why it is none. */
export type Found = { readonly offer: Offer } | { readonly skipped: string }
