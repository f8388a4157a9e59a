import { isCalendarDay } from '../../domain/calendar-day.js'
import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import { utmEpsg } from '../../domain/utm.js'
import { dayOfYear, numberWithin } from '../options.js'
import { snowCover, type SnowCover, type SnowOption } from '../snow.js'
import { sunDistanceFactor } from '../sun.js'
import { LANDSAT_PLATFORMS, type LandsatPlatform } from './oli.js'
import { HALF_WIDTH_KM, oliView, type OliView } from './oli-view.js'
import { makeWeather, type Weather, type WeatherOptions } from '../weather.js'
import { NODE_HOURS, sceneTime, wrsScene, type WrsScene } from './wrs2.js'

export interface SimulateLandsatOptions extends WeatherOptions {
  /** WRS-2 path and row, `PPPRRR`. */
  readonly tile: string
  /** Day of acquisition, `yyyy-mm-dd`. */
  readonly date: string
  /** Folder in which the product and its truth are made. */
  readonly outDir: string
  /** Edge in metres of the reflective pixels, 30..3000; panchromatic ones have half of it. */
  readonly pixelSizeM: number
  readonly platform?: LandsatPlatform
  /** USGS collection; default 2. */
  readonly collection?: 1 | 2
  /** One `<product>.tar` (collection 1: `.tar.gz`) instead of a folder. Default false. */
  readonly tar?: boolean
  readonly seed?: number
  /** Standard deviation of the noise in digital numbers, 0..100; default the sensor's own. */
  readonly noiseDn?: number | 'sensor'
  /** Default `none`. */
  readonly snow?: SnowOption
}

/** One scene to be simulated: options checked, geometry computed. */
export interface LandsatScene {
  readonly wrs: WrsScene
  readonly platform: LandsatPlatform
  readonly collection: 1 | 2
  readonly date: string
  readonly timeMs: number
  readonly dayOfYear: number
  readonly pixelM: number
  readonly samples: number
  readonly lines: number
  readonly view: OliView
  /** Zenith and azimuth (0..360) of the sun at the centre, degrees. */
  readonly sun: { readonly zenith: number; readonly azimuth: number }
  readonly distanceAu: number
  readonly seed: number
  readonly noiseDn: number | 'sensor'
  readonly snow: SnowCover | null
  readonly year: number
  readonly weather: Weather
  readonly productId: string
  readonly sceneId: string
  readonly generatedIso: string
}

/** Throws BAD_ARGUMENT where an option is out of range, TILE_UNKNOWN for a path and row that do not exist by day. */
export function makeLandsatScene(options: SimulateLandsatOptions): LandsatScene {
  if (!isCalendarDay(options.date))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `date: expected an existing day yyyy-mm-dd, found ${options.date}.`,
    )
  const platform = options.platform ?? 'L8'
  if (!LANDSAT_PLATFORMS.includes(platform))
    throw new ProcessingError('BAD_ARGUMENT', `platform: expected one of ${LANDSAT_PLATFORMS.join(', ')}.`)
  const collection = options.collection ?? 2
  if (collection === 1 && platform === 'L9')
    throw new ProcessingError(
      'BAD_ARGUMENT',
      'Landsat-9 began with collection 2; there is no collection 1 of it.',
    )
  const seed = numberWithin('seed', options.seed ?? 1, 0, 1e9)
  const wrs = wrsScene(options.tile, HALF_WIDTH_KM)
  const timeMs = sceneTime(wrs, options.date)
  const pixelM = numberWithin('pixel size', options.pixelSizeM, 30, 3000)
  const [samples, lines] = [
    Math.ceil((wrs.lrx - wrs.ulx) / pixelM - 1e-9) + 1,
    Math.ceil((wrs.uly - wrs.lry) / pixelM - 1e-9) + 1,
  ]
  const view = oliView(
    wrs,
    timeMs,
    wrs.ulx - pixelM / 2,
    wrs.uly + pixelM / 2,
    samples * pixelM,
    lines * pixelM,
  )
  const middle = Math.floor(view.rows / 2) * view.cols + Math.floor(view.cols / 2)
  const sun = { zenith: view.sunZenith[middle] ?? 90, azimuth: view.sunAzimuth[middle] ?? 0 }
  numberWithin('sun zenith angle of this date and scene', sun.zenith, 0, 76)
  const compact = (ms: number) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')
  const generatedMs = timeMs + 30 * 3_600_000
  const day = dayOfYear(options.date)
  const [path, row] = [wrs.path, wrs.row].map((n) => String(n).padStart(3, '0'))
  const number = platform === 'L8' ? '8' : '9'
  return {
    wrs,
    platform,
    collection,
    date: options.date,
    timeMs,
    dayOfYear: day,
    pixelM,
    samples,
    lines,
    view,
    sun,
    distanceAu: 1 / Math.sqrt(sunDistanceFactor(timeMs)),
    seed,
    noiseDn:
      options.noiseDn === undefined || options.noiseDn === 'sensor'
        ? 'sensor'
        : numberWithin('noise', options.noiseDn, 0, 100),
    snow: snowCover(options.snow ?? 'none', seed, options.date, day, wrs.lat),
    year: Number(options.date.slice(0, 4)),
    weather: makeWeather(options, seed, options.date, NODE_HOURS),
    productId: `LC0${number}_L1TP_${path}${row}_${compact(timeMs)}_${compact(generatedMs)}_0${collection}_T1`,
    sceneId: `LC${number}${path}${row}${options.date.slice(0, 4)}${String(day).padStart(3, '0')}LGN00`,
    generatedIso: `${new Date(generatedMs).toISOString().slice(0, 19)}Z`,
  }
}

/** Grid of the reflective (and thermal) bands: pixel centres on the frame's corners. */
export const reflectiveGrid = (scene: LandsatScene): Grid => ({
  epsg: utmEpsg(scene.wrs.zone, false),
  ulx: scene.wrs.ulx - scene.pixelM / 2,
  uly: scene.wrs.uly + scene.pixelM / 2,
  pixelWidthM: scene.pixelM,
  pixelHeightM: scene.pixelM,
  width: scene.samples,
  height: scene.lines,
})

/** Grid of the panchromatic band: every second centre lies on one of the reflective grid, so that it has 2 n - 1 pixels. */
export const panchromaticGrid = (scene: LandsatScene): Grid => ({
  ...reflectiveGrid(scene),
  ulx: scene.wrs.ulx - scene.pixelM / 4,
  uly: scene.wrs.uly + scene.pixelM / 4,
  pixelWidthM: scene.pixelM / 2,
  pixelHeightM: scene.pixelM / 2,
  width: 2 * scene.samples - 1,
  height: 2 * scene.lines - 1,
})
