import { z } from 'zod'
import { defineProcessor, type OutputSpec, type ParamsOf } from '../define-processor.js'

/** Bands of Sentinel-2 with a surface reflectance. B09 and B10 see water vapour and cirrus, not the ground: dividing by their gas transmittance means nothing. */
export const L2A_BANDS = [
  'B01',
  'B02',
  'B03',
  'B04',
  'B05',
  'B06',
  'B07',
  'B08',
  'B8A',
  'B11',
  'B12',
] as const
export type L2aBand = (typeof L2A_BANDS)[number]

/** The same of Landsat-8 and -9; B09 is the cirrus band. */
export const LANDSAT_L2A_BANDS = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07'] as const

const DELIVERED: Readonly<Record<'s2' | 'landsat', ReadonlySet<string>>> = {
  s2: new Set(L2A_BANDS),
  landsat: new Set(LANDSAT_L2A_BANDS),
}
/** Whether a band gets a file of surface reflectance. */
export const isDelivered = (satellite: 's2' | 'landsat', band: string): boolean =>
  DELIVERED[satellite].has(band)

export const CHAIN_MODES = ['auto', 'init', 'nominal', 'backward'] as const
export type ChainMode = (typeof CHAIN_MODES)[number]

export const AEROSOL_MODELS = ['continental', 'maritime'] as const
export type AerosolModel = (typeof AEROSOL_MODELS)[number]

/** Stored reflectance = reflectance x 10000; negative values are kept (clipping them biases dark targets). */
const reflectance = (band: L2aBand): OutputSpec => ({
  dtype: 'int16',
  unit: '1',
  scale: 0.0001,
  offset: 0,
  nodata: -32768,
  doc: `Surface reflectance of ${band}, Lambertian flat ground, on the grid of its L1 image.`,
})

export const l2a = defineProcessor({
  name: 'l2a',
  version: 2,
  summary:
    'Surface reflectance of one Sentinel-2 L1C or Landsat-8 or -9 L1TP acquisition under a given atmosphere.',
  source:
    'Signal model: Vermote et al. (1997), IEEE TGRS 35(3), 675-686 (6S). Path reflectance: Sobolev (1975). Transmittance and albedo: closed forms after Tanre et al. (1979), refitted to 6SV2.1. See notes.md.',
  params: z.strictObject({
    aot: z
      .number()
      .min(0)
      .max(2)
      .default(0.1)
      .describe(
        'Aerosol optical thickness at 550 nm of the column above the ground, the same over the whole image; above 0.4 the closed forms lose accuracy fast [1].',
      ),
    wv: z
      .number()
      .min(0)
      .max(8)
      .default(2)
      .describe(
        'Water vapour of the column above sea level; reduced to what lies above each pixel by its altitude [g/cm2].',
      ),
    ozone: z.number().min(100).max(600).default(300).describe('Ozone of the column above sea level [DU].'),
    aerosol: z
      .enum(AEROSOL_MODELS)
      .default('continental')
      .describe('Aerosol model, after 6S (WMO/WCRP 1986) [-].'),
    dem: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Elevation raster for the pressure, any format and CRS GDAL reads, heights above the EGM2008 geoid; none: sea level [m].',
      ),
    mode: z
      .enum(CHAIN_MODES)
      .default('auto')
      .describe(
        'How a date begins in its chain: nominal, with the state that the date before left; backward, with one built from the dates that follow, last to first; init, with none; auto, the first of these that is possible [-].',
      ),
    max_state_age: z
      .number()
      .min(0)
      .max(90)
      .default(0)
      .describe(
        'Days between a date and the one before whose state it takes, at most; 0: 15 for Sentinel-2, 30 for Landsat [days].',
      ),
    other_orbits: z
      .boolean()
      .default(false)
      .describe(
        'Takes the state of another orbit of the tile, and flags it, where its own orbit has none young enough [-].',
      ),
    backward_dates: z
      .number()
      .int()
      .min(0)
      .max(20)
      .default(8)
      .describe('Following dates that a backward start reads; 0: auto never goes backward [-].'),
    max_cloud: z
      .number()
      .min(0)
      .max(100)
      .default(90)
      .describe(
        'Cloud and shadow over the valid pixels beyond which a date ends as TOO_CLOUDY and leaves no product [%].',
      ),
  }),
  inputs: {
    bands: {
      kind: 'band',
      unit: '1',
      doc: 'Top-of-atmosphere reflectance, offset removed, each band on its own grid: 13 bands of Sentinel-2, B01 to B07 and B09 of OLI.',
    },
    sun: { kind: 'angles', unit: 'degree', doc: 'Sun zenith and azimuth on a 5 km grid.' },
    view: {
      kind: 'angles',
      unit: 'degree',
      doc: 'View zenith and azimuth by band and detector on the same 5 km grid; of Landsat by row of sensor chips.',
    },
    detectors: {
      kind: 'mask',
      unit: '1',
      doc: 'Detector that saw each pixel of each band: 1..12, of Landsat 1 or 2.',
    },
    quality: {
      kind: 'mask',
      unit: '1',
      doc: 'No-data, saturation and defects of each band.',
      optional: true,
    },
    clouds: {
      kind: 'mask',
      unit: '1',
      doc: "The product's own mask of opaque cloud, cirrus and snow; of Landsat also shadow, margin of clouds, water.",
      optional: true,
    },
    dem: { kind: 'elevation', unit: 'm', doc: 'Height above the EGM2008 geoid.', optional: true },
    state: {
      kind: 'band',
      unit: '1',
      doc: 'State of the chain: on cells of 240 m the reflectance of five bands when they were last clear, with the day.',
      optional: true,
    },
  },
  outputs: {
    B01_sre: reflectance('B01'),
    B02_sre: reflectance('B02'),
    B03_sre: reflectance('B03'),
    B04_sre: reflectance('B04'),
    B05_sre: reflectance('B05'),
    B06_sre: reflectance('B06'),
    B07_sre: reflectance('B07'),
    B08_sre: reflectance('B08'),
    B8A_sre: reflectance('B8A'),
    B11_sre: reflectance('B11'),
    B12_sre: reflectance('B12'),
    MASK: {
      dtype: 'uint16',
      unit: '1',
      nodata: null,
      doc: 'Bits, numbered from 0 (docs/products.md); bit 15 is no-data in some band.',
    },
    SCL: {
      dtype: 'uint8',
      unit: '1',
      nodata: 0,
      doc: "Scene class in Sen2Cor's numbers; only the classes that are known at this stage.",
    },
    STATE: {
      dtype: 'int16',
      unit: '1',
      scale: 0.0001,
      offset: 0,
      nodata: -32768,
      doc: 'STATE_blue, _green, _red, _nir, _swir16: what the chain remembers, on cells of 240 m; STATE_days: days since 1970-01-01 of each cell, uint16, 0 where nothing is known.',
    },
  },
  // Measured with `tilth bench l2a`: 630 MiB at 673 million pixels and two threads. Planes of flags grow with the image, blocks in
  // flight with the threads. Disk: 2 bytes a pixel, a third more for overviews, masks, and as much again for an input that is unpacked.
  resources: ({ pixels, threads }) => ({
    cpu: threads,
    memoryMb: Math.ceil(320 + (0.35 * pixels) / 2 ** 20 + 128 * threads),
    scratchMb: Math.ceil(16 + (4 * pixels) / 2 ** 20),
    ioWeight: 0.25 * threads,
  }),
  fails: [
    'PRODUCT_INCOMPLETE',
    'PRODUCT_UNSUPPORTED',
    'METADATA_INVALID',
    'RASTER_UNREADABLE',
    'GRID_MISMATCH',
    'SENSOR_UNKNOWN',
    'SUN_TOO_LOW',
    'NO_VALID_PIXEL',
    'TOO_CLOUDY',
    'STATE_MISSING',
    'NOT_FOUND',
    'BAD_ARGUMENT',
  ],
})

export type L2aParams = ParamsOf<typeof l2a>
