import type { Grid, Window } from './grid.js'

/** Platforms that the L2A processor corrects, as products' names and the catalog call them. */
export type L1Platform = 'S2A' | 'S2B' | 'S2C' | 'LC08' | 'LO08' | 'LC09' | 'LO09'

/** Whose spectral responses a platform has; keys of the spectral tables. */
export type SpectralSensor = 'S2A' | 'S2B' | 'S2C' | 'L8' | 'L9'

/** Relative response of one band at evenly spaced wavelengths; any scale, at least one value above 0. */
export interface SpectralResponse {
  readonly startNm: number
  readonly stepNm: number
  readonly values: readonly number[]
}

/**
 * Angles on nodes `stepM` apart, row-major [rows][cols], degrees; node (0, 0) lies on the tile's upper-left corner (ulx, uly).
 * Zenith in [0, 90); azimuth clockwise from north in [0, 360). View grids are filled over all nodes (plane of the detector), never NaN.
 */
export interface AngleGrid {
  readonly ulx: number
  readonly uly: number
  readonly stepXM: number
  readonly stepYM: number
  readonly rows: number
  readonly cols: number
  readonly zenith: Float64Array
  readonly azimuth: Float64Array
}

/** View angles of one detector (1..255) of one band, and how many nodes had values of their own. */
export interface DetectorAngles {
  readonly detector: number
  readonly angles: AngleGrid
  readonly validNodes: number
  /** By node: 0 where the product states nothing and the value is that of the plane; absent: it states all of them. */
  readonly isStated?: Uint8Array
}

/** One byte a pixel, read by windows into `out` (row-major, window.width x window.height). Reads may overlap. */
export interface PixelBytes {
  read(window: Window, out: Uint8Array): Promise<void>
  close(): void
}

/** Bits of a scene's own mask, one byte a pixel, as `L1Scene.openMask` gives them. */
export const SCENE_FLAGS = {
  opaque: 1,
  cirrus: 2,
  snow: 4,
  /** Shadow of a cloud. */
  shadow: 8,
  /** Within the margin that the producer put around clouds. */
  nearCloud: 16,
  water: 32,
  noData: 64,
  /** Blue, green or red is saturated, whatever its digital number says. */
  saturatedVisible: 128,
} as const

/** Where the image of a band lies when that is not the grid on which the band is wanted. */
export interface Placement {
  /** As delivered. */
  readonly image: Grid
  /** How far the ground of the image is moved to the east and north, metres of the band's grid: what it lay beside its place. */
  readonly eastM: number
  readonly northM: number
}

/** One band of a scene: where its digital numbers lie and what they mean. */
export interface L1SceneBand {
  /** `B02`, `B8A`; in the same scene unique. Blue, green, red are B02, B03, B04 for every platform. */
  readonly id: string
  readonly path: string
  /** On which its pixels are wanted: that of the image, unless `placement` says another. */
  readonly grid: Grid
  readonly placement?: Placement
  /** Decoding unit of the image in pixels. */
  readonly blockWidth: number
  /** rho = (DN + offset) / quantification, see `L1Scene.sunCosine`; DN 0 no-data, 65535 saturated. */
  readonly quantification: number
  readonly offset: number
  readonly detectors: readonly DetectorAngles[]
  /** As the product states it; null: the one shipped for the platform holds. */
  readonly response: SpectralResponse | null
}

/**
 * Noise of one band: the variance of mu x rho is `constant + slope x mu x rho`, mu the cosine of the sun's zenith and rho the reflectance at the sensor; unit 1.
 * The first is that of the electronics, the second that of the light itself.
 */
export interface BandNoise {
  readonly constant: number
  readonly slope: number
}

/** What a forecast beside the images says of the air, the mean over the tile; null for what is not there. */
export interface AuxiliaryAir {
  /** At 550 nm. */
  readonly aot: number | null
  /** g/cm2 of the column above the forecast's ground. */
  readonly wv: number | null
  /** DU. */
  readonly ozone: number | null
  /** A model or a mix of models by shares of the extinction at 550 nm, as parameters write it. */
  readonly aerosol: string | null
}
export const NO_AUXILIARY_AIR: AuxiliaryAir = { aot: null, wv: null, ozone: null, aerosol: null }

/** What the item of a product says of where its grid comes from. */
export interface GridNaming {
  readonly extension: 'mgrs' | 'landsat'
  readonly properties: Readonly<Record<string, string | number>>
}

/**
 * One L1 acquisition as the L2A processor sees it, whatever sensor and format: read from metadata and headers, no pixel decoded.
 * The readers in `src/products` make it; the runner knows nothing else of formats.
 */
export interface L1Scene {
  readonly kind: 'S2_L1C' | 'LANDSAT_L1TP'
  readonly satellite: 's2' | 'landsat'
  readonly platform: L1Platform
  readonly sensor: SpectralSensor
  /** The producer's name of the product, and what else tells this version of it from others. */
  readonly productUri: string
  readonly detail: string
  /** Of Sentinel-2: `GS2A_20250510T105031_051624_N05.11`. */
  readonly datatakeId?: string
  readonly tile: string
  /** The time in the product's name, ISO 8601 UTC. */
  readonly namedAt: string
  /** When this ground was seen, ISO 8601 UTC. */
  readonly sensedAt: string
  /** Sentinel-2: relative orbit; Landsat: WRS-2 path. */
  readonly relativeOrbit: number
  readonly orbitDirection: 'ASCENDING' | 'DESCENDING'
  readonly naming: GridNaming
  readonly sun: AngleGrid
  /** Whether reflectances were divided by the cosine of the sun's zenith already, or still have to be. */
  readonly sunCosine: 'applied' | 'missing'
  readonly bands: readonly L1SceneBand[]
  /** The band on whose grid scene classes lie; the finest grid where the scene lacks it. */
  readonly classBand: string
  /** The band whose view angles stand for the product. */
  readonly viewBand: string
  /** What a user should know, in words; and the same for programs. */
  readonly notes: readonly string[]
  readonly flags: readonly string[]
  /** The detector (1..255, 0 = none) of each pixel of a band. */
  openDetectors(band: L1SceneBand): Promise<PixelBytes>
  /** Not zero where a pixel of a band's image, as delivered, holds no measurement, whatever its number; null where the digital numbers say it all. */
  openLost(band: L1SceneBand): Promise<PixelBytes | null>
  /** What comes beside the images, and in `notes` what of it cannot be used. Never rejects for what it lacks. */
  readAuxiliary(): Promise<{ readonly air: AuxiliaryAir; readonly notes: readonly string[] }>
  /** Noise by band as the product states it; null: it states none, or what it states cannot be read. */
  readNoise(): Promise<ReadonlyMap<string, BandNoise> | null>
  /** `SCENE_FLAGS` on any grid of the scene's CRS, the nearest pixel; null where the product has no mask. */
  openMask(grid: Grid): Promise<PixelBytes | null>
}
