import type { Grid } from '../../domain/grid.js'

/** Pixels of all images that become bands of a product, and how many of these images there are. */
export interface ImageSize {
  readonly pixels: number
  readonly bands: number
}

/** Pure. */
export function imageSizeOf(bands: readonly { readonly grid: Grid }[]): ImageSize {
  return {
    pixels: bands.reduce((sum, { grid: { width, height } }) => sum + width * height, 0),
    bands: bands.length,
  }
}

/** One acquisition as the catalogue keeps it, whatever the format it came in. */
export interface DescribedAcquisition {
  /** What makes it the same product, wherever it lies and whatever it is called. */
  readonly identity: string
  readonly satellite: 's2' | 'landsat'
  /** `S2A`, `LC08`, ... */
  readonly platform: string
  /** MGRS tile, or WRS-2 path and row as `199030`. */
  readonly tile: string
  readonly datatakeId: string | null
  /** ISO 8601 UTC: with platform and tile, what all versions of one scene share (see `settleVersions`). */
  readonly datatakeStart: string
  readonly relativeOrbit: number | null
  /** ISO 8601 UTC. */
  readonly sensedAt: string
  /** Numbers joined by dots; the greater one is the newer version of a scene. */
  readonly baseline: string
  /** ISO 8601 UTC. */
  readonly generatedAt: string
  readonly productUri: string
  /** The other processor of a foreign L2A product; absent for L1. */
  readonly madeBy?: string
  /** West, south, east, north in degrees; east > 180 over the antimeridian. */
  readonly bbox: readonly [number, number, number, number]
  readonly cloudPercent: number | null
  /** What a user should know. */
  readonly notes: readonly string[]
  /** Folder of the whole product below the root `l1`: the same for all acquisitions of one product, and for no other product. */
  readonly place: string
  /** What else the row keeps, JSON; its size is what memory and disk of the products made from it are declared by. */
  readonly metadata: Readonly<Record<string, unknown>> & ImageSize
}

/** How acquisitions are read from one kind of product; `products/product-kinds.ts` says how a folder is told to be one. */
export interface InputFormat {
  /**
   * Where in the product its acquisitions lie: `''` for the folder itself, else paths below it that `describe` takes like a product.
   * Rejects with the codes of `describe`.
   */
  acquisitions(folder: string, options: DescribeOptions): Promise<readonly string[]>
  /**
   * Reads the metadata and proves that the files are whole; decodes no pixel. Rejects with a ProcessingError: PRODUCT_COPYING where
   * something changed within `settleSeconds`, PRODUCT_INCOMPLETE, METADATA_INVALID and the like.
   */
  describe(path: string, options: DescribeOptions): Promise<DescribedAcquisition>
}

export interface DescribeOptions {
  /** 0: never taken for being copied. */
  readonly settleSeconds: number
}
