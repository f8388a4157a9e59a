import type { Deadline } from '../../domain/deadline.js'
import { ProcessingError } from '../../domain/errors.js'
import type { GivenParameters } from '../given-parameters.js'

/** What both planners of products made of products are asked. */
export interface ConsumerRequest extends GivenParameters {
  /** Slug; the enabled tiles of the site and its sub-sites bound the work. */
  readonly site?: string
  /** Of the site. */
  readonly season?: string
  /** Days of sensing, UTC, YYYY-MM-DD, both included. */
  readonly from?: string
  readonly to?: string
  readonly tiles?: readonly string[]
  /** Names of products; for NDVI of L2A products or of the L3B products made of them, for composites of themselves. */
  readonly products?: readonly string[]
  /** Only what is stale. */
  readonly stale?: boolean
  /** Also where the product exists with the same parameters and inputs, or was removed. */
  readonly force?: boolean
  /** Leaves out what failed with these very inputs and parameters before: what runs by itself must not fail for ever. */
  readonly untried?: boolean
  /** Lower first; default 100. */
  readonly priority?: number
  /** Default: none. */
  readonly deadline?: Deadline
  readonly createdBy: string
}

/** Something that was asked for and needs no step. */
export interface SkippedProduct {
  /** Name of the product that would be made. */
  readonly product: string
  readonly tile: string
  readonly reason: string
  /** That makes it already, or null. */
  readonly step: number | null
  /** For which its product was made; null where there is none or no site asked for it. */
  readonly site: string | null
}

/** What a product that needs no step is left to. */
export const madeBy = ({
  open,
  existing,
}: {
  readonly open: { readonly step: number } | null
  readonly existing: { readonly site: string | null } | null
}): Pick<SkippedProduct, 'step' | 'site'> => ({ step: open?.step ?? null, site: existing?.site ?? null })

export interface CreatedConsumer {
  /** Null when nothing is left to do: no empty job is made. */
  readonly jobId: number | null
  readonly stepIds: readonly number[]
  /** Of the site asked for. */
  readonly parameters: Readonly<Record<string, unknown>>
  readonly origins: Readonly<Record<string, string>>
  readonly skipped: readonly SkippedProduct[]
  /** Of the tiles asked for those without any L2A product that fits. */
  readonly tilesWithoutInput: readonly string[]
}

/** Nothing at all would mean every tile of every site. */
export function mustSayWhat({
  site,
  tiles,
  products,
  stale,
}: Pick<ConsumerRequest, 'site' | 'tiles' | 'products' | 'stale'>): void {
  if (site === undefined && tiles === undefined && products === undefined && stale !== true)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'Say what to make: --site for a site, --tile for tiles, --product for products by their names, or --stale for all that is stale.',
    )
}

/** Pixels of all bands of a full tile, where those of the acquisition are not known. */
export const FULL_TILE_PIXELS = {
  s2: 4 * 10_980 ** 2 + 6 * 5490 ** 2 + 3 * 1830 ** 2,
  landsat: 9 * 7_700 * 7_800,
} as const
