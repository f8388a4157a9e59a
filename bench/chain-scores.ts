import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from '../src/raster/gdal.js'
import type { Grid } from '../src/domain/grid.js'
import { L2A_BANDS, type L2aBand } from '../src/domain/band-choice.js'
import { waterShareAbove } from '../src/processors/l2a/gas.js'
import { pressureAtAltitude, SEA_LEVEL_HPA } from '../src/processors/l2a/pressure.js'
import { CLOUD_TRUTH, OUTSIDE } from '../src/simulator/clouds/cloud-truth.js'
import { scoreMasks, type MaskScore } from './mask-scores.js'

const NO_DATA = -32768
/** Slopes that are looked at for what is left of the relief: steeper than 10 degrees. */
const STEEP = Math.tan((10 * Math.PI) / 180)
/** Reflectance from which on a ratio says something of slopes and not of the air. */
const BRIGHT = 0.1

/** Sums, so that dates add up. */
export interface Sums {
  readonly n: number
  readonly sum: number
  readonly squares: number
}
const NOTHING: Sums = { n: 0, sum: 0, squares: 0 }
export const addSums = (a: Sums, b: Sums): Sums => ({
  n: a.n + b.n,
  sum: a.sum + b.sum,
  squares: a.squares + b.squares,
})
export const rmsOf = ({ n, squares }: Sums): number => Math.sqrt(squares / n)
export const biasOf = ({ n, sum }: Sums): number => sum / n
/** Standard deviation over the mean. */
export const unevenness = ({ n, sum, squares }: Sums): number =>
  Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)) / (sum / n)
/** The same within dates, root of the mean square over their pixels: what differs from date to date as a whole is the air's, not the relief's. */
export const unevennessWithin = (dates: readonly Sums[]): number => {
  const seen = dates.filter(({ n }) => n > 0)
  const count = seen.reduce((all, { n }) => all + n, 0)
  return Math.sqrt(seen.reduce((all, date) => all + date.n * unevenness(date) ** 2, 0) / count)
}

export interface BandScore {
  /** Clear pixels by the truth, and those of them within 0.005 + 5 %. */
  readonly n: number
  readonly within: number
  /** Ours minus truth, unit 1. */
  readonly deviation: Sums
  /** Those of the pixels whose truth lies within one standard deviation, and the squares of these; null where no file has them. */
  readonly sigma: { readonly within: number; readonly squares: number } | null
}

/** One date of a chain against its truth. */
export interface DateScore {
  readonly date: string
  readonly aerosol: string
  /** Share of the finest pixels that the truth calls clear: no cloud, shadow or cirrus above 0.1 (cirrus 0.02). */
  readonly clear: number
  readonly bands: Readonly<Record<L2aBand, BandScore>>
  /** Level ground behind slopes: the same of `fre`; null without slopes. */
  readonly level: Readonly<Record<L2aBand, BandScore>> | null
  readonly aot: Sums
  readonly wv: Sums
  readonly masks: MaskScore
  /** Ratios of `fre` and of `sre` to the level ground's truth on clear bright slopes, near infrared. */
  readonly slopes: { readonly fre: Sums; readonly sre: Sums }
}

/** Pixels of a raster and its grid. */
function read(path: string): { readonly grid: Grid; readonly values: Float64Array } {
  const dataset = gdal.open(path)
  const { x: width, y: height } = dataset.rasterSize
  const values = new Float64Array(width * height)
  dataset.bands.get(1).pixels.read(0, 0, width, height, values)
  const [ulx, pixelWidthM, , uly, , down] = dataset.geoTransform ?? []
  dataset.close()
  const grid = {
    epsg: 0,
    ulx: ulx!,
    uly: uly!,
    width,
    height,
    pixelWidthM: pixelWidthM!,
    pixelHeightM: -down!,
  }
  return { grid, values }
}

/** `altitudeM`: true heights of the finest pixels. @param truthDir as `simulateL1c` leaves it, @param folder an L2A product of ours */
export function scoreDate(
  date: string,
  truthDir: string,
  folder: string,
  { altitudeM, aerosolScaleHeightM }: { altitudeM: Float32Array; aerosolScaleHeightM: number | null },
): DateScore {
  const { grid: fine, values: blue } = read(join(truthDir, 'B02.tif'))
  const truth = existsSync(join(truthDir, 'CLOUD.tif'))
    ? Uint8Array.from(read(join(truthDir, 'CLOUD.tif')).values)
    : Uint8Array.from(blue, (value) => (value === NO_DATA ? OUTSIDE : 0))
  const T = CLOUD_TRUTH
  const unclear = T.cloud | T.unscored | T.shadow | T.shadowFromOutside | T.cirrus | T.shadowUnscored
  const isClear = truth.map((t) => ((t & unclear) === 0 ? 1 : 0))
  const steep = slopesAbove(altitudeM, fine)
  const clearOn = (grid: Grid) => allOf(isClear, fine, grid)
  const bandsOf = (kind: 'sre' | 'fre', suffix: string) =>
    Object.fromEntries(
      L2A_BANDS.map((band) => {
        const ours = read(join(folder, `${band}_${kind}.tif`))
        const real = read(join(truthDir, `${band}${suffix}.tif`))
        const sigma = join(folder, `${band}_${kind === 'sre' ? '' : 'fre_'}sigma.tif`)
        const sigmas = existsSync(sigma) ? read(sigma).values : null
        return [band, compare(ours.values, real.values, clearOn(ours.grid), sigmas)]
      }),
    ) as unknown as Record<L2aBand, BandScore>
  const hasSlopes = existsSync(join(truthDir, 'B8A_level.tif')) && existsSync(join(folder, 'B8A_fre.tif'))
  const aot = read(join(folder, 'AOT.tif'))
  const [height, clear] = [meansOn(altitudeM, fine, aot.grid), clearOn(aot.grid)]
  const thinner = (i: number) =>
    aerosolScaleHeightM === null ? 1 : Math.exp(-height[i]! / aerosolScaleHeightM)
  const trueAot = read(join(truthDir, 'AOT.tif')).values.map((v, i) => v * thinner(i))
  const [wv, trueWv] = [read(join(folder, 'WV.tif')), read(join(truthDir, 'WV.tif'))]
  // The truth is of the column above sea level, the product's of that above the ground.
  const aboveSea = wv.values.map((v, i) =>
    v === NO_DATA ? v : v / waterShareAbove(pressureAtAltitude(height[i]!) / SEA_LEVEL_HPA),
  )
  const mask = read(join(folder, 'MASK.tif'))
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as {
    readonly atmosphere: { readonly aerosol: { readonly value: string } }
  }
  return {
    date,
    aerosol: report.atmosphere.aerosol.value,
    clear: isClear.reduce((a, b) => a + b, 0) / isClear.length,
    bands: bandsOf('sre', ''),
    level: hasSlopes ? bandsOf('fre', '_level') : null,
    aot: deviations(aot.values, trueAot, clear, 1000),
    wv: deviations(aboveSea, trueWv.values, clear, 1000),
    masks: scoreMasks(truth, Uint16Array.from(mask.values), fine),
    slopes: hasSlopes ? onSlopes(truthDir, folder, isClear, steep, fine) : { fre: NOTHING, sre: NOTHING },
  }
}

/** Stored reflectance x 10000, and its standard deviation. */
function compare(
  ours: Float64Array,
  truth: Float64Array,
  clear: Uint8Array,
  sigmas: Float64Array | null,
): BandScore {
  let [n, within, sum, squares] = [0, 0, 0, 0]
  const sigma = { within: 0, squares: 0 }
  ours.forEach((value, i) => {
    const real = truth[i]!
    if (clear[i] !== 1 || value === NO_DATA || real === NO_DATA) return
    const d = (value - real) / 10_000
    n++
    sum += d
    squares += d * d
    if (Math.abs(d) <= 0.005 + 0.05 * (real / 10_000)) within++
    if (sigmas === null) return
    if (Math.abs(value - real) <= sigmas[i]!) sigma.within++
    sigma.squares += (sigmas[i]! / 10_000) ** 2
  })
  return { n, within, deviation: { n, sum, squares }, sigma: sigmas === null ? null : sigma }
}

function deviations(ours: Float64Array, truth: Float64Array, wanted: Uint8Array, scale: number): Sums {
  let [n, sum, squares] = [0, 0, 0]
  ours.forEach((value, i) => {
    if (wanted[i] !== 1 || value === NO_DATA) return
    const d = (value - truth[i]!) / scale
    n++
    sum += d
    squares += d * d
  })
  return { n, sum, squares }
}

function onSlopes(
  truthDir: string,
  folder: string,
  isClear: Uint8Array,
  steep: Uint8Array,
  fine: Grid,
): DateScore['slopes'] {
  const level = read(join(truthDir, 'B8A_level.tif'))
  const wanted = allOf(
    isClear.map((is, i) => is & steep[i]!),
    fine,
    level.grid,
  ).map((is, i) => (is === 1 && level.values[i]! > 10_000 * BRIGHT ? 1 : 0))
  const ratios = (kind: 'sre' | 'fre'): Sums => {
    const { values } = read(join(folder, `B8A_${kind}.tif`))
    let [n, sum, squares] = [0, 0, 0]
    values.forEach((value, i) => {
      if (wanted[i] !== 1 || value === NO_DATA) return
      const ratio = value / level.values[i]!
      n++
      sum += ratio
      squares += ratio * ratio
    })
    return { n, sum, squares }
  }
  return { fre: ratios('fre'), sre: ratios('sre') }
}

/** 1 where the ground rises by more than STEEP between the pixels beside. */
function slopesAbove(altitudeM: Float32Array, { width, height, pixelWidthM }: Grid): Uint8Array {
  return Uint8Array.from(altitudeM, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return 0
    const east = (altitudeM[i + 1]! - altitudeM[i - 1]!) / (2 * pixelWidthM)
    const south = (altitudeM[i + width]! - altitudeM[i - width]!) / (2 * pixelWidthM)
    return Math.hypot(east, south) > STEEP ? 1 : 0
  })
}

/** 1 for the pixels of a coarser grid in which all fine ones are 1. */
function allOf(inside: Uint8Array, fine: Grid, coarse: Grid): Uint8Array {
  const out = new Uint8Array(coarse.width * coarse.height).fill(1)
  inside.forEach((is, i) => {
    if (is === 0) out[parentOf(i, fine, coarse)] = 0
  })
  return out
}

function meansOn(values: Float32Array, fine: Grid, coarse: Grid): Float64Array {
  const [sum, count] = [
    new Float64Array(coarse.width * coarse.height),
    new Float64Array(coarse.width * coarse.height),
  ]
  values.forEach((value, i) => {
    const k = parentOf(i, fine, coarse)
    sum[k]! += value
    count[k]!++
  })
  return sum.map((total, k) => total / count[k]!)
}

/** Both grids begin at one corner. */
const parentOf = (i: number, fine: Grid, coarse: Grid): number => {
  const factor = Math.round(coarse.pixelWidthM / fine.pixelWidthM)
  return (
    Math.floor(Math.floor(i / fine.width) / factor) * coarse.width + Math.floor((i % fine.width) / factor)
  )
}
