import type { Grid, Window } from './grid.js'
import type { AngleGrid, DetectorAngles, SpectralResponse } from './l1-scene.js'

export const S2_BANDS = [
  'B01',
  'B02',
  'B03',
  'B04',
  'B05',
  'B06',
  'B07',
  'B08',
  'B8A',
  'B09',
  'B10',
  'B11',
  'B12',
] as const
export type S2Band = (typeof S2_BANDS)[number]
export const S2_PLATFORMS = ['S2A', 'S2B', 'S2C'] as const
export type S2Platform = (typeof S2_PLATFORMS)[number]

/** Nominal pixel size in metres. The product's own image decides; this names what its XML describes. */
export const NOMINAL_PIXEL_M: Readonly<Record<S2Band, 10 | 20 | 60>> = {
  B01: 60,
  B02: 10,
  B03: 10,
  B04: 10,
  B05: 20,
  B06: 20,
  B07: 20,
  B08: 10,
  B8A: 20,
  B09: 60,
  B10: 60,
  B11: 20,
  B12: 20,
}

/** Where a mask comes from: GML polygons (baseline < 04.00) or raster planes (from 04.00 on). */
export type MaskSource =
  { readonly kind: 'gml'; readonly path: string } | { readonly kind: 'jp2'; readonly path: string }

export interface L1cBand {
  readonly id: S2Band
  /** 0..12, the `bandId` of the XML (8 = B8A, 9 = B09). */
  readonly bandId: number
  readonly path: string
  /** The image's own grid; from the XML only where the image has no georeference. */
  readonly grid: Grid
  /** Decoding unit of the JP2 in pixels. */
  readonly blockWidth: number
  readonly blockHeight: number
  /** rho_toa = (DN + offset) / quantification; DN 0 no-data, 65535 saturated. */
  readonly quantification: number
  readonly offset: number
  /** As MTD_MSIL1C.xml states it; null where it does not. */
  readonly response: SpectralResponse | null
  readonly detectors: readonly DetectorAngles[]
  readonly footprint: MaskSource
  /** Absent where the product has none. GML: MSK_SATURA + MSK_DEFECT + MSK_NODATA + MSK_TECQUA; JP2: MSK_QUALIT. */
  readonly quality: readonly MaskSource[]
}

/** A Sentinel-2 L1C product of one tile, read from its metadata and image headers; no pixel is decoded for it. */
export interface L1cProduct {
  readonly kind: 'S2_L1C'
  readonly path: string
  readonly granulePath: string
  /** The same for all granules of a product of several tiles, and for no other product; null for a product of one tile. */
  readonly manyTilesKey: string | null
  readonly productUri: string
  readonly platform: S2Platform
  readonly tile: string
  readonly baseline: string
  readonly datatakeId: string
  /** Start of the datatake, ISO 8601 UTC with milliseconds. */
  readonly datatakeStart: string
  /** Sensing time of the granule, ISO 8601 UTC. */
  readonly sensingTime: string
  /** When the granule was made, ISO 8601 UTC. */
  readonly generationTime: string
  readonly relativeOrbit: number
  readonly orbitDirection: 'ASCENDING' | 'DESCENDING'
  readonly cloudPercent: number | null
  readonly epsg: number
  /** Extent in metres of epsg: [xmin, ymin, xmax, ymax], from the images. */
  readonly extent: readonly [number, number, number, number]
  readonly sun: AngleGrid
  /** By band id; all 13 unless the product really lacks one, which `notes` then says. */
  readonly bands: Readonly<Partial<Record<S2Band, L1cBand>>>
  /** Cloud mask of the product: opaque and cirrus (GML MSK_CLOUDS_B00 or JP2 MSK_CLASSI_B00). */
  readonly clouds: MaskSource | null
  /** Things a user should know: decimated images, missing optional masks, XML not trusted. */
  readonly notes: readonly string[]
}

/** Reads the detector number (1..12, 0 = none) of each pixel of a window into `out` (row-major, window.width x window.height). */
export interface DetectorMap {
  read(window: Window, out: Uint8Array): Promise<void>
  close(): void
}

/** Bits of one band's L1C quality, one byte a pixel. */
export const L1C_QUALITY = { noData: 1, saturated: 2, defective: 4, lost: 8 } as const
