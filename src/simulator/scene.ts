import { isCalendarDay } from '../domain/calendar-day.js'
import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'
import { TILE_SIZE_M, tileSquare, type TileSquare } from '../domain/mgrs.js'
import { S2_PLATFORMS, type S2Platform } from '../domain/sentinel2.js'
import { hash } from './noise.js'
import { dayOfYear, numberWithin } from './options.js'
import { LOCAL_HOURS, passOver, type TilePass } from './orbit.js'
import { productNames, type ProductNames } from './product-names.js'
import { detectorsOf, sceneAngles, type SceneAngles } from './scene-angles.js'
import { snowCover, type SnowCover, type SnowOption } from './snow.js'
import type { ImageSizes } from './tile-xml.js'
import { checkUnknowns, type Unknowns, type UnknownsOptions } from './unknowns/unknowns.js'
import { makeWeather, type Weather, type WeatherOptions } from './weather.js'

export interface SimulateOptions extends WeatherOptions {
  /** Sentinel-2 tile, e.g. `31TCJ`. */
  readonly tile: string
  /** Day of acquisition, `yyyy-mm-dd`. */
  readonly date: string
  /** Folder in which the SAFE folder and its truth are made. */
  readonly outDir: string
  /** Edge in metres of the finest pixels, 10..2000; the coarser bands have twice and six times that. */
  readonly pixelSizeM: number
  /** Processing baseline `NN.NN`; below 04.00 with GML masks and no offset. Default 05.11. */
  readonly baseline?: string
  readonly seed?: number
  readonly platform?: S2Platform
  /** Relative orbit 1..143; default the nearest track. */
  readonly orbit?: number
  /** Standard deviation of the noise in digital numbers, 0..100, or the sensor's own by its published signal to noise ratios. Default 4. */
  readonly noiseDn?: number | 'sensor'
  /** Default `none`. */
  readonly snow?: SnowOption
  /** What no retrieval is told of; absent: none, which is what `tilth simulate` makes. */
  readonly unknowns?: UnknownsOptions
  /** Edge in metres of the upper-left corner of the tile that is made, 1200..109800; default all of it. Angles are those of the tile. */
  readonly extentM?: number
  /** True-colour image; default only for pixels of 20 m and more, for it costs as much as three bands. */
  readonly withTci?: boolean
}

/** One acquisition to be simulated: options checked, geometry computed. */
export interface Scene {
  readonly square: TileSquare
  readonly pass: TilePass
  readonly names: ProductNames
  readonly angles: SceneAngles
  readonly sizes: ImageSizes
  readonly seed: number
  readonly noiseDn: number | 'sensor'
  readonly snow: SnowCover | null
  readonly year: number
  readonly weather: Weather
  readonly dayOfYear: number
  readonly withTci: boolean
  /** Null: none was asked for. */
  readonly unknowns: Unknowns | null
  readonly extentM: number
  /** By how much this date's image lies to the east and north of where it should, m. */
  readonly shiftM: readonly [number, number]
}

/** Throws BAD_ARGUMENT where an option is out of range, TILE_UNKNOWN for a name that is no tile. */
export function makeScene(options: SimulateOptions): Scene {
  const within = numberWithin
  const baseline = options.baseline ?? '05.11'
  if (!/^\d\d\.\d\d$/.test(baseline))
    throw new ProcessingError('BAD_ARGUMENT', `baseline: expected NN.NN such as 05.11, found ${baseline}.`)
  if (!isCalendarDay(options.date))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `date: expected an existing day yyyy-mm-dd, found ${options.date}.`,
    )
  const platform = options.platform ?? 'S2A'
  if (!S2_PLATFORMS.includes(platform))
    throw new ProcessingError('BAD_ARGUMENT', `platform: expected one of ${S2_PLATFORMS.join(', ')}.`)
  if (options.orbit !== undefined) within('orbit', options.orbit, 1, 143)
  const seed = within('seed', options.seed ?? 1, 0, 1e9)
  const square = tileSquare(options.tile)
  const pixelM = within('pixel size', options.pixelSizeM, 10, 2000)
  const pass = passOver(square, options.date, platform, options.orbit)
  if (detectorsOf(pass).length === 0)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Relative orbit ${pass.relativeOrbit} does not see tile ${square.tile}; leave --orbit out for the nearest.`,
    )
  const angles = sceneAngles(pass)
  const middle = Math.floor(pass.lat.length / 2)
  within('sun zenith angle of this date and tile', angles.meanSun.zenith, 0, 76)
  const extentM = within('extent', options.extentM ?? TILE_SIZE_M, 1200, TILE_SIZE_M)
  const size = (f: number) => ({ pixelM: pixelM * f, pixels: Math.ceil(extentM / (pixelM * f) - 1e-9) })
  const unknowns = options.unknowns === undefined ? null : checkUnknowns(options.unknowns)
  const shift = (salt: number) =>
    (unknowns?.jitterPx ?? 0) *
    pixelM *
    normal(hash(salt, Math.round(Date.parse(options.date) / 864e5), seed))
  return {
    square,
    pass,
    angles,
    names: productNames(platform, square, baseline, pass),
    sizes: { 10: size(1), 20: size(2), 60: size(6) },
    seed,
    noiseDn: options.noiseDn === 'sensor' ? 'sensor' : within('noise', options.noiseDn ?? 4, 0, 100),
    snow: snowCover(
      options.snow ?? 'none',
      seed,
      options.date,
      dayOfYear(options.date),
      pass.lat[middle] ?? 0,
    ),
    year: Number(options.date.slice(0, 4)),
    weather: makeWeather(options, seed, options.date, LOCAL_HOURS),
    dayOfYear: dayOfYear(options.date),
    withTci: options.withTci ?? pixelM >= 20,
    ...{ unknowns, extentM, shiftM: [shift(301), shift(302)] },
  }
}

/** Nearly normal with a standard deviation of 1: four bytes of a hash together have one of 147.8. */
const normal = (h: number) => ((h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255) + (h >>> 24) - 510) / 147.8

/** Grid of the images that stand for one nominal resolution. */
export const gridOf = (scene: Scene, resolution: 10 | 20 | 60): Grid => {
  const { pixelM, pixels } = scene.sizes[resolution]
  return {
    epsg: scene.square.epsg,
    ulx: scene.square.xmin,
    uly: scene.square.ymax,
    pixelWidthM: pixelM,
    pixelHeightM: pixelM,
    width: pixels,
    height: pixels,
  }
}
