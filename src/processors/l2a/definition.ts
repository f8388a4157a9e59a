import { z } from 'zod'
import { AEROSOL_MODELS, wrongWithAerosolMix } from '../../domain/aerosol-mix.js'
import { isChosen, L2A_BANDS, wrongWithBandChoice, type L2aBand } from '../../domain/band-choice.js'
import { memoryDeclaredMb } from '../../domain/l2a-memory.js'
import { defineProcessor, type OutputSpec, type ParamsOf } from '../define-processor.js'

/** Bands of Landsat-8 and -9 with a surface reflectance; B09 is the cirrus band. As with B09 and B10 of Sentinel-2, dividing it by its gas transmittance means nothing. */
export const LANDSAT_L2A_BANDS = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07'] as const

const DELIVERED: Readonly<Record<'s2' | 'landsat', ReadonlySet<string>>> = {
  s2: new Set(L2A_BANDS),
  landsat: new Set(LANDSAT_L2A_BANDS),
}
/** Whether a band has a surface reflectance. */
export const isDelivered = (satellite: 's2' | 'landsat', band: string): boolean =>
  DELIVERED[satellite].has(band)
/** Whether a band gets files where `choice` was asked for. */
export const isKept = (satellite: 's2' | 'landsat', band: string, choice: string): boolean =>
  isDelivered(satellite, band) && isChosen(choice, band)

export const SLOPE_MODES = ['none', 'lambert', 'canopy'] as const

/** Whose bands reflectance is adjusted to: its own sensor's, or those of OLI. */
export const BANDPASSES = ['none', 'oli'] as const

export const CHAIN_MODES = ['auto', 'init', 'nominal', 'backward'] as const
export type ChainMode = (typeof CHAIN_MODES)[number]

/** Who corrects: our own method, or a program of others that is installed on the machine. */
export const ENGINES = ['own', 'sen2cor', 'maja'] as const
export type Engine = (typeof ENGINES)[number]
export type ExternalEngine = Exclude<Engine, 'own'>

/** What a full tile needs on top of our own reading, MiB; published: MAJA 8 GB and more, 30 GB of disk for a few dates; Sen2Cor on the safe side. */
export const ENGINE_RESOURCES: Readonly<Record<ExternalEngine, { memoryMb: number; scratchMb: number }>> = {
  sen2cor: { memoryMb: 8192, scratchMb: 20_480 },
  maja: { memoryMb: 12_288, scratchMb: 40_960 },
}

const numberOrAuto = (least: number, most: number) =>
  z.union([z.literal('auto'), z.number().min(least).max(most)]).default('auto')

/** Stored reflectance = reflectance x 10000; negative values are kept (clipping them biases dark targets). */
const level = (band: L2aBand): OutputSpec => ({
  ...reflectance(band),
  doc: `What the ground of ${band} would reflect if it were level; only with a DEM. As seen where other ground stands before the sun.`,
})
const nadir = (band: L2aBand): OutputSpec => ({
  ...reflectance(band),
  doc: `${band}_sre as seen from above under a sun that Sentinel-2 and Landsat share; only with nbar.`,
})
const reflectance = (band: L2aBand): OutputSpec => ({
  dtype: 'int16',
  unit: '1',
  scale: 0.0001,
  offset: 0,
  nodata: -32768,
  doc: `Surface reflectance of ${band}, Lambertian flat ground, on the grid of its L1 image.`,
})

const sigma = (band: L2aBand): OutputSpec => ({
  ...reflectance(band),
  doc: `Standard deviation of ${band}_sre from AOT, water vapour, aerosol, light from beside and noise; only with uncertainty.`,
})
const levelSigma = (band: L2aBand): OutputSpec => ({
  ...reflectance(band),
  doc: `Standard deviation of ${band}_fre: that of ${band}_sre brought to level ground, and what errors of the elevation make of the slope; only with uncertainty and slopes.`,
})
const layersOf = (band: L2aBand): [string, OutputSpec][] => [
  [`${band}_sre`, reflectance(band)],
  [`${band}_fre`, level(band)],
  [`${band}_nbar`, nadir(band)],
  [`${band}_sigma`, sigma(band)],
  [`${band}_fre_sigma`, levelSigma(band)],
]

const isGiven = (path: unknown): boolean => typeof path === 'string' && path !== ''
const hasDem = ({ dem }: Readonly<Record<string, unknown>>): boolean => isGiven(dem)

/** How many layers parameters ask for besides `sre`: `fre` with a DEM and slopes, `nbar`, `sigma`, `fre_sigma`. */
export const optionalLayers = (params: Readonly<Record<string, unknown>>): number => {
  const { slopes, nbar, uncertainty } = params
  const [isLevelled, isDoubted] = [hasDem(params) && slopes !== 'none', uncertainty === true]
  return [isLevelled, nbar === true, isDoubted, isLevelled && isDoubted].filter(Boolean).length
}

export const l2a = defineProcessor({
  name: 'l2a',
  version: 11,
  summary:
    'Surface reflectance of one Sentinel-2 L1C or Landsat-8 or -9 L1TP acquisition, with aerosol and water vapour from the image.',
  source:
    'Signal model: Vermote et al. (1997), IEEE TGRS 35(3), 675-686 (6S). Scattering: successive orders with polarisation (Lenoble et al. 2007, JQSRT 107, 479), tabulated. Gases: fits to 6SV2.1. AOT: Hagolle et al. (2008), RSE 112, 1689-1696, (2015), Remote Sensing 7, 2668-2691. Water vapour: Schlaepfer et al. (1998), RSE 65, 353-366. NBAR: Roy et al. (2016), RSE 176, 255-271. See notes.md.',
  params: z.strictObject({
    engine: z
      .enum(ENGINES)
      .default('own')
      .describe(
        'Who corrects: own, or a program of others that is installed on the machine; of the other parameters only max_cloud counts then [-].',
      ),
    aot: numberOrAuto(0, 2).describe(
      'Aerosol optical thickness at 550 nm of the column above the ground, the same over the whole image; auto: found in the image, on nodes 720 m apart [1].',
    ),
    wv: numberOrAuto(0, 8).describe(
      'Water vapour of the column above sea level, reduced to what lies above each pixel by its altitude; auto: found in the image of Sentinel-2, else the forecast given or in the product, else 2 [g/cm2].',
    ),
    ozone: numberOrAuto(100, 600).describe(
      'Ozone of the column above sea level; auto: the forecast given or in the product, else 300 [DU].',
    ),
    aerosol: z
      .string()
      .superRefine((value, context) => {
        const wrong = value === 'auto' ? null : wrongWithAerosolMix(value)
        if (wrong !== null) context.addIssue({ code: 'custom', message: wrong })
      })
      .default('auto')
      .describe(
        `Aerosol model of 6S or OPAC; auto: by the kinds of CAMS where a forecast tells them, else the mean of those that the image does not speak against (urban only where it clearly explains it best), continental-average where it says nothing; ${AEROSOL_MODELS.join(', ')}; or a mix by shares of the extinction at 550 nm, such as continental:0.7,maritime:0.3 [-].`,
      ),
    auxiliary: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'A forecast or reanalysis of CAMS or ERA5 (GRIB or NetCDF with water vapour, ozone, AOT at 550 nm in all or by kinds), or a folder of them whose names have the day in them; goes before the forecast that comes with a Sentinel-2 product, and is all that Landsat has [-].',
      ),
    dem: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Elevation for pressure and slopes: a raster of any format and CRS that GDAL reads, or a folder of them, heights above the geoid; the datum that it states is reported; none: level ground at sea level [m].',
      ),
    dem_error: z
      .number()
      .min(0)
      .max(50)
      .default(2)
      .describe(
        'How far heights of the DEM are off against those around them, as a standard deviation: slopes of ground that is no rougher are those of a plane over 240 m; 0: of the four neighbours alone. The default is an assumption for global models of 30 m; the sheet or the error layer of a model says more [m].',
      ),
    adjacency: z
      .boolean()
      .default(true)
      .describe(
        'Takes light that neighbouring ground scattered into the line of sight off each pixel; else the ground counts as alike everywhere [-].',
      ),
    slopes: z
      .enum(SLOPE_MODES)
      .default('lambert')
      .describe(
        'With a DEM, what sloping ground would reflect if it were level is written as `fre`: lambert, after Lambert; canopy, as upright plants do, after Dymond and Shepherd (1999), which MAJA takes; none, not at all [-].',
      ),
    nbar: z
      .boolean()
      .default(false)
      .describe(
        'Writes each band as seen from above under a sun that Sentinel-2 and Landsat share as `nbar` too: flat-ground reflectance times a factor of the geometry alone, after Roy et al. (2016, 2017) [-].',
      ),
    bandpass: z
      .enum(BANDPASSES)
      .default('none')
      .describe(
        'Adjusts `nbar` to the bands of OLI (Landsat-8): lines by platform of the HLS v2.0 user guide for B01 to B04, B8A, B11, B12; the other bands, and those of Landsat, stay as they are [-].',
      ),
    bands: z
      .string()
      .superRefine((value, context) => {
        const wrong = wrongWithBandChoice(value)
        if (wrong !== null) context.addIssue({ code: 'custom', message: wrong })
      })
      .default('all')
      .describe(
        'Bands that get files, such as B02,B03,B04,B08, names that the sensor lacks left out; the others are read all the same, for the air, the masks and the chain [-].',
      ),
    coregister: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Folder of the L2A product on whose ground the image is laid, or a folder with one such product for each tile: the shift is found by phase correlation of near infrared and taken out where windows all over the image agree; none: as delivered [-].',
      ),
    uncertainty: z
      .boolean()
      .default(false)
      .describe(
        'Writes the standard deviation of each band (`sigma`, with slopes `fre_sigma`) beside it: what errors of AOT, water vapour, aerosol, light from beside and elevation, and noise, leave open [-].',
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
    cloud_dilation: z
      .number()
      .min(0)
      .max(2000)
      .default(120)
      .describe(
        'How far bit 0 of MASK.tif reaches around clouds and their thin rims; half of that around shadows. No other bit is dilated [m].',
      ),
    cloud_mask: z
      .string()
      .min(1)
      .nullable()
      .default(null)
      .describe(
        'Raster with clouds that somebody else found, any format and CRS GDAL reads: what is neither 0 nor its no-data is cloud, the nearest pixel counts; added to our own [-].',
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
      doc: 'State of the chain: on cells of 240 and 120 m the reflectance of five bands when they were last clear, with the day.',
      optional: true,
    },
  },
  outputs: {
    ...Object.fromEntries(L2A_BANDS.flatMap(layersOf)),
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
      doc: "Scene class in Sen2Cor's numbers.",
    },
    'SZA, SAA, VZA, VAA': {
      dtype: 'uint16',
      unit: 'degree',
      scale: 0.01,
      offset: 0,
      nodata: 65535,
      doc: 'Zenith and azimuth of the sun, and of the satellite seen from the ground, on cells of 240 m; angles.json has the nodes of the L1 product for all bands and detectors.',
    },
    STATE: {
      dtype: 'int16',
      unit: '1',
      scale: 0.0001,
      offset: 0,
      nodata: -32768,
      doc: 'STATE_blue, _green, _red, _nir, _swir16: what the chain remembers, on cells of 240 m; STATE_days: days since 1970-01-01 of each cell, uint16, 0 where nothing is known; STATE_finer_blue to STATE_finer_days: the same on cells of 120 m; STATE_ratio, STATE_ratio_sigma (uint16, 0 where nothing is known): blue over red as clear dates have shown it, and its standard deviation.',
    },
  },
  // Memory by the model that plans threads and blocks, which stays a tenth above what `tilth bench l2a` has measured (docs/performance.md). Disk: for each layer 2 bytes a pixel and a third more for overviews; masks, about one byte for packed blocks, and as much
  // again as one layer for an input that is unpacked.
  resources: ({ pixels, bands, threads }, params: Readonly<Record<string, unknown>> = {}) => {
    const layers = optionalLayers(params)
    const scene = {
      ...{ pixels, bands, layers, hasDem: hasDem(params), hasAdjacency: params['adjacency'] !== false },
      isUncertain: params['uncertainty'] === true,
      isCoregistered: isGiven(params['coregister']),
    }
    return {
      cpu: threads,
      memoryMb: memoryDeclaredMb(scene, threads),
      scratchMb: Math.ceil(16 + ((5.2 + 2.7 * layers) * pixels) / 2 ** 20),
      ioWeight: 0.25 * threads,
    }
  },
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
    'ATMOSPHERE_TABLE_INVALID',
    'BAD_ARGUMENT',
    'EXTERNAL_UNAVAILABLE',
    'EXTERNAL_REFUSED',
    'EXTERNAL_FAILED',
    'EXTERNAL_LIMIT',
  ],
})

export type L2aParams = ParamsOf<typeof l2a>
