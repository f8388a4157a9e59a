import type { Grid } from './grid.js'

/**
 * Bands of OLI that are used, with two digits as the bands of Sentinel-2: USGS's B1 is B01. Not used: B8 (panchromatic), B10 and B11
 * (thermal). The same number means another wavelength than on Sentinel-2 from B05 on.
 */
export const OLI_BANDS = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B09'] as const
export type OliBand = (typeof OLI_BANDS)[number]

export const LANDSAT_PLATFORMS = ['LC08', 'LO08', 'LC09', 'LO09'] as const
export type LandsatPlatform = (typeof LANDSAT_PLATFORMS)[number]

/** One used band of a product: where its image lies and what its numbers mean. */
export interface LandsatBand {
  readonly id: OliBand
  readonly path: string
  readonly grid: Grid
  readonly blockWidth: number
  /** Reflectance times the cosine of the sun's zenith = DN * mult + add; DN 0 is fill. */
  readonly mult: number
  readonly add: number
}

/** Where the angles of a product come from; all angles are band 4's. */
export type AngleSource =
  /** Rasters of every pixel, int16, hundredths of degrees. */
  | {
      readonly kind: 'bands'
      readonly sunZenith: string
      readonly sunAzimuth: string
      readonly viewZenith: string
      readonly viewAzimuth: string
    }
  /** The coefficients of `_ANG.txt`. */
  | { readonly kind: 'coefficients'; readonly path: string }
  /** Neither: from the sun at the scene's centre and the nominal orbit. */
  | { readonly kind: 'computed' }

/** A Landsat-8 or -9 L1TP product, read from its metadata and image headers; no pixel is decoded for it. */
export interface LandsatProduct {
  readonly path: string
  /** `LC08_L1TP_198030_20240101_20240108_02_T1`. */
  readonly productId: string
  readonly sceneId: string
  readonly platform: LandsatPlatform
  readonly collection: 1 | 2
  readonly category: 'T1' | 'T2' | 'RT'
  readonly wrsPath: number
  readonly wrsRow: number
  /** Centre of the scene, ISO 8601 UTC with milliseconds. */
  readonly sensedAt: string
  /** When the product was made, ISO 8601 UTC. */
  readonly generatedAt: string
  readonly cloudPercent: number | null
  readonly cloudPercentLand: number | null
  readonly sunElevationDeg: number
  readonly sunAzimuthDeg: number
  /** Middle of the whole scene, longitude and latitude in degrees. */
  readonly centre: readonly [lon: number, lat: number]
  /** West, south, east, north of the images in degrees; east > 180 over the antimeridian. */
  readonly bbox: readonly [number, number, number, number]
  readonly grid: Grid
  readonly bands: readonly LandsatBand[]
  /** QA_PIXEL (collection 2) or BQA (1), and QA_RADSAT; null where the folder lacks them. */
  readonly pixelQuality: string | null
  readonly saturation: string | null
  readonly angles: AngleSource
  readonly notes: readonly string[]
  /** The notes for programs. */
  readonly flags: readonly string[]
}

const three = (n: number): string => String(n).padStart(3, '0')

/** Name of a WRS-2 path and row as the catalog has it: `198030`. */
export const tileOf = ({ wrsPath, wrsRow }: Pick<LandsatProduct, 'wrsPath' | 'wrsRow'>): string =>
  `${three(wrsPath)}${three(wrsRow)}`
