import type { AotInput } from './aot.js'
import { COST_AOT, costInterval, type Responses } from './aot-cost.js'
import { CELL_NO_DATA } from './cells.js'
import { medianOf } from './fields.js'

/** Blue over red of the ground of cells as it has been seen, and how far that may be off. */
export interface GroundColours {
  /** Unit 1; NaN where it is not known. */
  readonly ratio: Float32Array
  /** One standard deviation, unit 1, above 0; NaN where the ratio is. */
  readonly sigma: Float32Array
}

/** The same as a state of a chain keeps it. */
export interface StoredColours {
  /** x 10000, CELL_NO_DATA where nothing is known. */
  readonly ratio: Int16Array
  /** x 10000; 0 where nothing is known. */
  readonly ratioSigma: Uint16Array
}

/** Vegetation's blue is half of its red for B02, 0.45 for B01 (MAJA), and 0.005 more (Levy et al. 2007, J. Geophys. Res. 112, D13211): without it dark leaves look hazy (docs/decisions/0026). */
export const RATIO = 0.5
export const COASTAL_RATIO = 0.45
export const BLUE_OFFSET = 0.005
/** MAJA: where the line holds. Difference vegetation index; red at the sensor. */
export const LINE_NDVI = 0.3
export const LINE_RED_TOA = 0.2

/** Below this a red says nothing of a ratio. */
const LEAST_RED = 0.01
/** What two dates of the same ground differ by when everything is right, unit 1 (MAJA). */
const DATE_NOISE = 0.001
/** How old an observation in a state may be, days: after that the ground is not known any more. What is known of a colour loses all but 1/e of its weight in that time. */
export const STATE_MEMORY_DAYS = 90

/** Half of what lies between the 16th and the 84th percentile: one standard deviation of what is normal, and not moved by a few that are far off; 0 for nothing. */
function widthOf(values: Float32Array | Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value)).sort()
  const at = (share: number) => known[Math.round(share * (known.length - 1))] ?? 0
  return (at(0.84) - at(0.16)) / 2
}

/** A colour that is known, and the line of vegetation, put together for one cell. */
export interface ExpectedColour {
  readonly ratio: number
  readonly offset: number
}

/**
 * What blue against red is expected of a cell: the line of vegetation, `spread` off it, and the ratio that the chain remembers, each by its precision. Where there is no line, the ratio alone.
 * @param red reflectance of the cell, about @param spread reflectance, unit 1
 */
export function expectedColour(
  ratio: number,
  sigma: number,
  red: number,
  spread: number,
  hasLine: boolean,
): ExpectedColour {
  if (!hasLine) return { ratio, offset: 0 }
  const share = spread ** 2 / (spread ** 2 + (sigma * red) ** 2)
  return { ratio: share * ratio + (1 - share) * RATIO, offset: (1 - share) * BLUE_OFFSET }
}

/** Vegetation as the line means it, by reflectance of the ground. */
const isGreen = (red: number, nir: number): boolean =>
  nir - red > LINE_NDVI * (nir + red) && red < LINE_RED_TOA

/** How far remembered vegetation lies off the line, unit 1: a robust standard deviation; 0 where nothing is remembered. */
export function spreadOfLine(colours: GroundColours, red: Float32Array, nir: Float32Array): number {
  return widthOf(residualsOf(colours.ratio, red, nir))
}

/** Blue above the line, of the green cells that are known. */
function residualsOf(ratio: ArrayLike<number>, red: ArrayLike<number>, nir: ArrayLike<number>): Float64Array {
  const off: number[] = []
  for (let i = 0; i < ratio.length; i++)
    if (!Number.isNaN(ratio[i]!) && isGreen(red[i]!, nir[i]!))
      off.push((ratio[i]! - RATIO) * red[i]! - BLUE_OFFSET)
  return Float64Array.from(off)
}

/**
 * The colours that a date shows, under one AOT at sea level for all of the image: that under which vegetation as a whole has the blue that is expected of it. Under the AOT of each place a ground that is bluer than
 * expected would look as expected, because the AOT there was told from it, and what is wrong with it would be remembered as right. How uneven the air was is the error: on a clear date it moves blue little. Null where no cell tells.
 * @param nodesAot at sea level, where it was found
 */
export function observeColours(input: AotInput, nodesAot: Float32Array): GroundColours | null {
  const { blue, red, isUsable } = input
  const aot = commonAot(input)
  if (aot === null) return null
  const uneven = widthOf(nodesAot)
  const { k, share, width } = costInterval(aot)
  const at = (of: Responses, i: number): number =>
    of[i * COST_AOT.length + k]! * (1 - share) + of[i * COST_AOT.length + k + 1]! * share
  const slope = (of: Responses, i: number): number =>
    (of[i * COST_AOT.length + k + 1]! - of[i * COST_AOT.length + k]!) / width
  const [ratio, sigma] = [new Float32Array(isUsable.length), new Float32Array(isUsable.length)]
  for (let i = 0; i < isUsable.length; i++) {
    const own = isUsable[i] === 1 ? at(red, i) : NaN
    ratio[i] = own >= LEAST_RED ? at(blue, i) / own : NaN
    const change = slope(blue, i) - ratio[i]! * slope(red, i)
    sigma[i] = Math.hypot(change * uneven, DATE_NOISE) / own
    if (Number.isNaN(sigma[i]!)) ratio[i] = NaN
    if (Number.isNaN(ratio[i]!)) sigma[i] = NaN
  }
  return { ratio, sigma }
}

/** The AOT under which half of the vegetation is bluer than expected; null where there is none. Blue falls with AOT faster than red does over dark ground. */
function commonAot({ blue, red, ndvi, redToa, isUsable, known }: AotInput): number | null {
  const cells: number[] = []
  for (let i = 0; i < isUsable.length; i++)
    if (isUsable[i] === 1 && ndvi[i]! > LINE_NDVI && redToa[i]! < LINE_RED_TOA) cells.push(i)
  const { colours } = known
  const off = new Float64Array(cells.length)
  const middleAt = (k: number): number => {
    cells.forEach((i, n) => {
      const at = i * COST_AOT.length
      const [b, r] = [blue[at + k]!, red[at + k]!]
      const ratio = colours?.ratio[i] ?? NaN
      const { ratio: slope, offset } = Number.isNaN(ratio)
        ? { ratio: RATIO, offset: BLUE_OFFSET }
        : expectedColour(ratio, colours!.sigma[i]!, r, colours!.spread, true)
      off[n] = b - slope * r - offset
    })
    return medianOf(off)
  }
  let [low, high] = [0, COST_AOT.length - 1]
  let [above, below] = [middleAt(low), middleAt(high)]
  if (Number.isNaN(above)) return null
  if (above <= 0) return COST_AOT[low]!
  if (!(below < 0)) return COST_AOT[high]!
  while (high - low > 1) {
    const middle = (low + high) >> 1
    const value = middleAt(middle)
    if (value > 0) [low, above] = [middle, value]
    else [high, below] = [middle, value]
  }
  return COST_AOT[low]! + (above / (above - below)) * (COST_AOT[high]! - COST_AOT[low]!)
}

/** A standard deviation after some days in which nobody looked. */
export const agedSigma = (sigma: number, days: number): number =>
  sigma * Math.exp(Math.abs(days) / (2 * STATE_MEMORY_DAYS))

/**
 * One more observation of a cell's colour: the mean by precision. Where the two disagree by more than both admit, the ground has changed or one is wrong, and the mean is as uncertain as they disagree (Birge 1932, Phys. Rev. 40, 207).
 */
export function joinColour(
  known: { readonly ratio: number; readonly sigma: number },
  seen: { readonly ratio: number; readonly sigma: number },
): { readonly ratio: number; readonly sigma: number } {
  if (Number.isNaN(known.ratio)) return seen
  if (Number.isNaN(seen.ratio)) return known
  const [a, b] = [1 / known.sigma ** 2, 1 / seen.sigma ** 2]
  const apart = Math.abs(seen.ratio - known.ratio) / Math.hypot(known.sigma, seen.sigma)
  return {
    ratio: (a * known.ratio + b * seen.ratio) / (a + b),
    sigma: Math.max(1, apart) / Math.sqrt(a + b),
  }
}

/**
 * Moves all colours by one blue, so that half of the vegetation is above the line: what the chain remembers tells places apart, how blue vegetation is as a whole stays what is known of it
 * elsewhere. So an AOT that is too high everywhere cannot be remembered as blue ground and be believed by the next date.
 */
export function anchorColours(ratio: Float32Array, red: Float32Array, nir: Float32Array): Float32Array {
  const shift = medianOf(residualsOf(ratio, red, nir))
  if (Number.isNaN(shift)) return ratio
  return ratio.map((value, i) => (red[i]! >= LEAST_RED ? value - shift / red[i]! : value))
}

/** Nothing, of so many cells. */
export const noColours = (cells: number): StoredColours => ({
  ratio: new Int16Array(cells).fill(CELL_NO_DATA),
  ratioSigma: new Uint16Array(cells),
})

export function readColours({ ratio, ratioSigma }: StoredColours): GroundColours {
  return {
    ratio: Float32Array.from(ratio, (v) => (v === CELL_NO_DATA ? NaN : v / 10_000)),
    sigma: Float32Array.from(ratioSigma, (v) => (v === 0 ? NaN : v / 10_000)),
  }
}

/** Ratios beyond 3.27 and deviations beyond 6.55 are not kept: such ground has hardly any red. */
export function storeColours({ ratio, sigma }: GroundColours): StoredColours {
  const stored = noColours(ratio.length)
  ratio.forEach((value, i) => {
    const [r, s] = [Math.round(10_000 * value), Math.max(1, Math.round(10_000 * sigma[i]!))]
    if (!(Math.abs(r) <= 32_767 && s <= 65_535)) return
    stored.ratio[i] = r
    stored.ratioSigma[i] = s
  })
  return stored
}
