import { readFile } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'
import type { Grid, Window } from '../../domain/grid.js'
import type { PixelBytes } from '../../domain/l1-scene.js'
import { gridsFromSamples, type AngleSample, type LandsatAngles } from './angle-samples.js'
import { parseOdl, type OdlGroup } from './parse-odl.js'

/** Ratio of two polynomials around mean values. */
interface Ratio {
  readonly numerator: readonly number[]
  readonly denominator: readonly number[]
  readonly mean: number
}

/** Where an output pixel lies on one sensor chip. */
interface Chip {
  readonly meanLine: number
  readonly meanSample: number
  readonly line: Ratio
  readonly sample: Ratio
}

/** The model of band 4: chips, and vectors to satellite and sun (east, north, up) as functions of both pixel positions. */
interface AngleModel {
  readonly lines: number
  readonly samples: number
  readonly chipLines: number
  readonly chipSamples: number
  readonly pixelSizeM: number
  /** Middle of the first pixel, metres of the CRS. */
  readonly ulx: number
  readonly uly: number
  readonly meanLine: number
  readonly meanSample: number
  readonly meanChipLine: number
  readonly meanChipSample: number
  readonly satellite: readonly [Ratio, Ratio, Ratio]
  readonly sun: readonly [Ratio, Ratio, Ratio]
  readonly chips: readonly Chip[]
}

const BAND = 'BAND04'
/** Pixels between samples for the planes. */
const SAMPLE_STEP = 100
/** Rows between those at which the borders of chips are worked out; they are straight within a pixel over that length. */
const BORDER_STEP = 64

/**
 * Angles from the coefficients of `_ANG.txt`: the rational polynomials that USGS's own angle software evaluates, for band 4, at the mean
 * height of the scene. Throws METADATA_INVALID with the missing or odd key.
 * Source: Landsat 8-9 Angle Coefficient File, LSDS-1822 and the documentation of the Level 1 angle generation software `l8_angles`.
 */
export async function anglesFromCoefficients(path: string, image: Grid): Promise<LandsatAngles> {
  const model = readModel(parseOdl(await readFile(path, 'utf8'), path), path)
  const samples: AngleSample[] = []
  const [left, top] = [model.ulx - model.pixelSizeM / 2, model.uly + model.pixelSizeM / 2]
  for (let line = 0; line < model.lines; line += SAMPLE_STEP)
    for (let sample = 0; sample < model.samples; sample += SAMPLE_STEP) {
      const seen = chipsAt(model, line, sample)[0]
      if (seen === undefined) continue
      const [east, north, up] = vectorAt(model, model.satellite, line, sample, seen)
      samples.push({
        x: left + (sample + 0.5) * model.pixelSizeM - image.ulx,
        y: image.uly - (top - (line + 0.5) * model.pixelSizeM),
        sun: unit(vectorAt(model, model.sun, line, sample, seen)),
        view: [east / up, north / up],
        chipRow: chipRowOf(seen.chip),
      })
    }
  return {
    ...gridsFromSamples(samples, image, path),
    openDetectors: () => Promise.resolve(chipRows(model, image)),
  }
}

/** Chips counted from 0: those of even index see the satellite farther back along the track. */
const chipRowOf = (chip: number): number => (chip % 2 === 0 ? 1 : 2)

interface Seen {
  /** From 0. */
  readonly chip: number
  /** Line and sample on the focal plane, all chips side by side. */
  readonly line: number
  readonly sample: number
}

/** The one or two (where they overlap) chips that saw an output pixel. */
function chipsAt(model: AngleModel, line: number, sample: number): Seen[] {
  return model.chips.flatMap((chip, index) => {
    const [l, s] = [line - chip.meanLine, sample - chip.meanSample]
    const onChip = ratio(chip.sample, [1, l, s, 0, l * s], [l, s, 0, l * s])
    if (!(onChip >= 0 && onChip <= model.chipSamples - 1)) return []
    const onLine = ratio(chip.line, [1, l, s, 0, l * s], [l, s, 0, l * s])
    if (!(onLine >= 0 && onLine < model.chipLines)) return []
    return [{ chip: index, line: onLine, sample: onChip + index * model.chipSamples }]
  })
}

function vectorAt(
  model: AngleModel,
  terms: readonly [Ratio, Ratio, Ratio],
  line: number,
  sample: number,
  seen: Seen,
): readonly [number, number, number] {
  const [l, s] = [line - model.meanLine, sample - model.meanSample]
  const [r, c] = [seen.line - model.meanChipLine, seen.sample - model.meanChipSample]
  // Height is the mean one: its term is 0.
  const common = [l, s, 0, r, l * l, l * s, s * s, c * r * r, r * r * r]
  const [x, y, z] = terms.map((term) => ratio(term, [1, ...common], common))
  return [x ?? NaN, y ?? NaN, z ?? NaN]
}

function ratio(
  { numerator, denominator, mean }: Ratio,
  top: readonly number[],
  bottom: readonly number[],
): number {
  const sum = (terms: readonly number[], of: readonly number[]) =>
    terms.reduce((total, term, i) => total + term * (of[i] ?? 0), 0)
  return mean + sum(numerator, top) / (1 + sum(denominator, bottom))
}

function unit([x, y, z]: readonly [number, number, number]): readonly [number, number, number] {
  const length = Math.hypot(x, y, z)
  return [x / length, y / length, z / length]
}

/** Row of chips of each pixel: borders run in the middle of the overlaps, straight between rows 64 lines apart. */
function chipRows(model: AngleModel, image: Grid): PixelBytes {
  const known = new Map<number, readonly number[]>()
  /** Columns of the full image where one chip ends and the next begins. */
  const bordersAt = (line: number): readonly number[] => {
    let borders = known.get(line)
    if (borders === undefined) {
      borders = model.chips.slice(1).map((_, i) => borderAt(model, line, i))
      known.set(line, borders)
    }
    return borders
  }
  return {
    read(window, out) {
      for (let j = 0; j < window.height; j++) {
        const northing = image.uly - (window.y + j + 0.5) * image.pixelHeightM
        const line = (model.uly - northing) / model.pixelSizeM
        const above = Math.floor(line / BORDER_STEP) * BORDER_STEP
        const [upper, lower] = [bordersAt(above), bordersAt(above + BORDER_STEP)]
        const borders = upper.map((b, i) => b + ((line - above) / BORDER_STEP) * ((lower[i] ?? b) - b))
        fillRow(model, image, window, j, borders, out)
      }
      return Promise.resolve()
    },
    close: () => {
      known.clear()
    },
  }
}

function fillRow(
  model: AngleModel,
  image: Grid,
  window: Window,
  row: number,
  borders: readonly number[],
  out: Uint8Array,
): void {
  let from = 0
  for (let chip = 0; chip <= borders.length; chip++) {
    const border = borders[chip]
    // The first column whose middle lies beyond the border.
    const column =
      border === undefined
        ? window.width
        : Math.ceil((model.ulx + border * model.pixelSizeM - image.ulx) / image.pixelWidthM - 0.5) - window.x
    const to = Math.min(window.width, Math.max(from, column))
    out.fill(chipRowOf(chip), row * window.width + from, row * window.width + to)
    from = to
  }
}

/** Column at which chips i and i + 1 are equally far from their ends: Newton's method with the pixel's own scale as slope. */
function borderAt(model: AngleModel, line: number, i: number): number {
  const [west, east] = [model.chips[i], model.chips[i + 1]]
  if (west === undefined || east === undefined) return NaN
  const sampleOn = (chip: Chip, column: number) => {
    const [l, s] = [line - chip.meanLine, column - chip.meanSample]
    return ratio(chip.sample, [1, l, s, 0, l * s], [l, s, 0, l * s])
  }
  let column = (west.meanSample + east.meanSample) / 2
  for (let step = 0; step < 20; step++) {
    const excess = sampleOn(west, column) - (model.chipSamples - 1) + sampleOn(east, column)
    column -= excess / 2
    if (Math.abs(excess) < 0.01) break
  }
  return column
}

function readModel(groups: ReadonlyMap<string, OdlGroup>, file: string): AngleModel {
  const group = (name: string): OdlGroup => groups.get(name) ?? fail(file, name, 'a group', 'nothing')
  const band = group(`RPC_${BAND}`)
  const list = (from: OdlGroup, key: string, length: number): readonly number[] => {
    const found = from.get(key)
    const numbers = (typeof found === 'string' ? [found] : (found ?? [])).map(Number)
    if (numbers.length !== length || numbers.some((n) => !Number.isFinite(n)))
      return fail(file, key, `${length} number${length === 1 ? '' : 's'}`, String(found))
    return numbers
  }
  const one = (key: string, from = band): number => list(from, key, 1)[0] ?? NaN
  const pair = (key: string, from = band): readonly [number, number] => {
    const [a = NaN, b = NaN] = list(from, key, 2)
    return [a, b]
  }
  const terms = (kind: 'SAT' | 'SUN'): readonly [Ratio, Ratio, Ratio] => {
    const means = list(band, `${BAND}_MEAN_${kind}_VECTOR`, 3)
    const of = (axis: string, i: number): Ratio => ({
      mean: means[i] ?? NaN,
      numerator: list(band, `${BAND}_${kind}_${axis}_NUM_COEF`, 10),
      denominator: list(band, `${BAND}_${kind}_${axis}_DEN_COEF`, 9),
    })
    return [of('X', 0), of('Y', 1), of('Z', 2)]
  }
  const count = one(`${BAND}_NUMBER_OF_SCAS`)
  if (!Number.isInteger(count) || count < 1 || count > 99)
    fail(file, `${BAND}_NUMBER_OF_SCAS`, 'a number of sensor chips', String(count))
  const chips = Array.from({ length: count }, (_, i): Chip => {
    const name = `${BAND}_SCA${String(i + 1).padStart(2, '0')}`
    const [meanLine, meanSample] = pair(`${name}_MEAN_L1T_LINE_SAMP`)
    const [chipLine, chipSample] = pair(`${name}_MEAN_L1R_LINE_SAMP`)
    const of = (kind: 'LINE' | 'SAMP', mean: number): Ratio => ({
      mean,
      numerator: list(band, `${name}_${kind}_NUM_COEF`, 5),
      denominator: list(band, `${name}_${kind}_DEN_COEF`, 4),
    })
    return { meanLine, meanSample, line: of('LINE', chipLine), sample: of('SAMP', chipSample) }
  })
  const [ulx, uly] = pair('UL_CORNER', group('PROJECTION'))
  const [meanLine, meanSample] = pair(`${BAND}_MEAN_L1T_LINE_SAMP`)
  const [meanChipLine, meanChipSample] = pair(`${BAND}_MEAN_L1R_LINE_SAMP`)
  return {
    lines: one(`${BAND}_NUM_L1T_LINES`),
    samples: one(`${BAND}_NUM_L1T_SAMPS`),
    chipLines: one(`${BAND}_NUM_L1R_LINES`),
    chipSamples: one(`${BAND}_NUM_L1R_SAMPS`),
    pixelSizeM: one(`${BAND}_PIXEL_SIZE`),
    ulx,
    uly,
    meanLine,
    meanSample,
    meanChipLine,
    meanChipSample,
    satellite: terms('SAT'),
    sun: terms('SUN'),
    chips,
  }
}

function fail(file: string, key: string, expected: string, found: string): never {
  throw new ProcessingError(
    'METADATA_INVALID',
    `'${file}', ${key}: expected ${expected}, found ${found}. Download the product again.`,
  )
}
