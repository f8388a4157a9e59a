import type { S2Band, S2Platform } from './sentinel2.js'

/** A band of surface reflectance in another processor's product: reflectance = (DN + offset) / quantification, unit 1. */
export interface ForeignBand {
  readonly id: S2Band
  /** `sre`: flat ground; `fre`: corrected for slopes. */
  readonly kind: 'sre' | 'fre'
  readonly path: string
  readonly offset: number
  readonly quantification: number
  readonly noData: number
  /** Digital number of saturated pixels; null where the format marks them in a mask. */
  readonly saturated: number | null
}

/** Whose L2A products are read. */
export type ForeignProducer = 'Sen2Cor' | 'MAJA'

/** A layer of the atmosphere: value = DN / quantification. */
export interface ForeignLayer {
  readonly path: string
  /** Band in the file, from 0. */
  readonly band: number
  readonly quantification: number
  readonly noData: number
}

/** A mask of bytes on any grid over the same ground; `bitsOf[byte]` are the bits of MASK.tif that a byte stands for. */
export interface ForeignMask {
  readonly path: string
  readonly bitsOf: Uint16Array
}

/** An L2A product of one Sentinel-2 tile that another processor made, read from its metadata; no pixel is decoded. */
export interface ForeignL2a {
  readonly producer: { readonly name: ForeignProducer; readonly version: string }
  /** Numbers joined by dots; of two versions of one scene by this producer the greater is the newer. */
  readonly baseline: string
  /** ISO 8601 UTC: when the product was made. */
  readonly generatedAt: string
  readonly datatakeId: string | null
  readonly path: string
  readonly productUri: string
  readonly platform: S2Platform
  /** Without the T that ESA puts before it: `31TCJ`. */
  readonly tile: string
  /** ISO 8601 UTC: in the name; and when this ground was seen. */
  readonly namedAt: string
  readonly sensedAt: string
  readonly relativeOrbit: number
  readonly orbitDirection: 'ASCENDING' | 'DESCENDING'
  /** Means over the tile, degrees; azimuth clockwise from north. */
  readonly sun: { readonly zenith: number; readonly azimuth: number }
  readonly bands: readonly ForeignBand[]
  readonly aot: ForeignLayer | null
  /** g/cm2 */
  readonly wv: ForeignLayer | null
  readonly masks: readonly ForeignMask[]
  /** Scene classes in Sen2Cor's numbers; null: they follow from the mask. */
  readonly sceneClasses: string | null
  readonly notes: readonly string[]
}
