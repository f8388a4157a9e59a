import { CELL_BANDS, CELL_NO_DATA, type CellBand, type CellPlanes } from '../cells.js'
import type { Memory } from '../chain-state.js'

/**
 * Part of the light on the ground that comes straight from the sun, unit 1: what a cloud before the sun takes of each band. Beer's law through molecules and aerosol of AOT 0.2 (Angstrom exponent 1.3) at a
 * sun zenith of 35 degrees, over what reaches the ground at all: half of what molecules and an eighth of what aerosol scatter goes back up. Other air moves all bands to one side, and the depth of all shadows
 * with them by some percent.
 */
const DIRECT: Readonly<Record<CellBand, number>> = {
  ...{ blue: 0.72, green: 0.77, red: 0.82 },
  ...{ nir: 0.88, swir16: 0.95 },
}
/** Reflectance x 10000 below which a logarithm is one of the noise. */
const DARKEST = 20
/** Added to the variances of logarithms: noise that is there even where all cells agree, of 1 % a band. */
const NOISE_VARIANCE = 1e-4
/** Below so many cells covariances say nothing. */
const LEAST_CELLS = 200
/** Cells that a fit is made of at most: a whole tile has ten times as many. */
const MOST_FITTED = 20_000
/** How often fits are made again without cells farther off than 99 % of normally distributed ones: chi square of five. */
const [TRIMS, FAR] = [2, 15.09]
/** Added to the normal equations, in units of the variance of a term: where all ground has one colour they are singular. */
const RIDGE = 1e-6

/**
 * What is left of the direct sunlight on cells of the chain against its memory of the ground, in units of the scene's geometric mean; NaN where nothing can be said; null where too few cells are open.
 *
 * How a field's light changes depends on what it is: of the logarithm of each band what a polynomial of second degree of the remembered colours foretells is taken off, by least squares over the scene. What is
 * left a shadow darkens in all bands by their share of direct light, while fields that grow or are harvested change colour: of all sums of the bands' departures that answer a shadow with its own depth
 * the one that varies least over the scene's open cells is taken: w = C^-1 d / (d' C^-1 d) (Capon 1969, Proc. IEEE 57, 1408-1418; the adaptive matched filter of Manolakis and Shaw 2002, IEEE Signal
 * Process. Mag. 19, 29-43). The covariance C is the scene's own, so that it follows the season. Polynomial and covariance are fitted again without what lies far off (reweighting as after Rousseeuw and
 * van Driessen 1999, Technometrics 41, 212-223): shadows, harvests and clouds that were not seen would make everything else look alike.
 * @param isOpen by cell: its ground can be seen whole, and the chain knows it.
 */
export function directLight(now: CellPlanes, known: Memory, isOpen: Uint8Array): Float32Array | null {
  const isUsed = (k: number) =>
    isOpen[k] === 1 && known.days[k] !== 0 && CELL_BANDS.every((band) => now.bands[band][k] !== CELL_NO_DATA)
  let count = 0
  for (let k = 0; k < isOpen.length; k++) if (isUsed(k)) count++
  if (count < LEAST_CELLS) return null
  const every = Math.ceil(count / MOST_FITTED)
  const sample: number[] = []
  for (let k = 0, n = 0; k < isOpen.length; k++) if (isUsed(k) && n++ % every === 0) sample.push(k)
  const colours = colourTerms(known, sample)
  const rows = sample.map((k) => ({ logs: logsOf(now, k, new Float64Array(BANDS)), terms: colours.of(k) }))
  const fit = (used: readonly Row[]) => {
    const shares = leastSquares(used)
    const changes = used.map((row) => departures(row, shares, new Float64Array(BANDS)))
    return { shares, covariance: covarianceOf(changes) }
  }
  let fitted = fit(rows)
  for (let round = 0; round < TRIMS; round++) {
    const { shares, covariance } = fitted
    const isNear = nearness(covariance)
    const changes = new Float64Array(BANDS)
    fitted = fit(rows.filter((row) => isNear(departures(row, shares, changes))))
  }
  const shadow = CELL_BANDS.map((band) => DIRECT[band])
  const weights = solve(fitted.covariance, shadow)
  const answer = weights.reduce((sum, w, i) => sum + w * shadow[i]!, 0)
  const light = new Float32Array(isOpen.length).fill(NaN)
  const [logs, changes] = [new Float64Array(BANDS), new Float64Array(BANDS)]
  const terms = new Float64Array(TERM_COUNT)
  for (let k = 0; k < light.length; k++) {
    if (!isUsed(k)) continue
    departures({ logs: logsOf(now, k, logs), terms: colours.of(k, terms) }, fitted.shares, changes)
    let sum = 0
    for (let i = 0; i < BANDS; i++) sum += weights[i]! * changes[i]!
    light[k] = Math.exp(sum / answer)
  }
  return light
}

const BANDS = CELL_BANDS.length
/** Of a polynomial of second degree of all bands: 1, each, and their products by two. */
const TERM_COUNT = 1 + BANDS + (BANDS * (BANDS + 1)) / 2

/** One cell: logarithms of its reflectance now, and the polynomial's terms of what it was. */
interface Row {
  readonly logs: Float64Array
  readonly terms: Float64Array
}

function logsOf({ bands }: CellPlanes, cell: number, to: Float64Array): Float64Array {
  for (let i = 0; i < BANDS; i++) to[i] = Math.log(Math.max(DARKEST, bands[CELL_BANDS[i]!][cell]!))
  return to
}

/** Gives a cell's terms: of logarithms in units of their spread over the sample. */
function colourTerms(known: Memory, sample: readonly number[]) {
  const logs = new Float64Array(BANDS)
  const [sums, squares] = [new Float64Array(BANDS), new Float64Array(BANDS)]
  for (const k of sample) {
    logsOf(known, k, logs)
    for (let i = 0; i < BANDS; i++) {
      sums[i]! += logs[i]!
      squares[i]! += logs[i]! ** 2
    }
  }
  const means = sums.map((sum) => sum / sample.length)
  const deviations = squares.map((sum, i) =>
    Math.sqrt(Math.max(NOISE_VARIANCE, sum / sample.length - means[i]! ** 2)),
  )
  const of = (cell: number, to = new Float64Array(TERM_COUNT)): Float64Array => {
    logsOf(known, cell, logs)
    to[0] = 1
    for (let i = 0; i < BANDS; i++) to[1 + i] = (logs[i]! - means[i]!) / deviations[i]!
    let at = 1 + BANDS
    for (let i = 0; i < BANDS; i++) for (let j = 0; j <= i; j++) to[at++] = to[1 + i]! * to[1 + j]!
    return to
  }
  return { of }
}

/** Which sum of the terms comes nearest to the logarithms of each band over some cells: its factors, by band and term. */
function leastSquares(used: readonly Row[]): Float64Array[] {
  const normal = Array.from({ length: TERM_COUNT }, () => new Float64Array(TERM_COUNT))
  const products = Array.from({ length: BANDS }, () => new Float64Array(TERM_COUNT))
  for (const { logs, terms } of used)
    for (let i = 0; i < TERM_COUNT; i++) {
      const [term, row] = [terms[i]!, normal[i]!]
      for (let j = 0; j <= i; j++) row[j]! += term * terms[j]!
      for (let b = 0; b < BANDS; b++) products[b]![i]! += term * logs[b]!
    }
  const matrix = normal.map((row, i) =>
    Array.from(row, (_, j) => (j <= i ? row[j]! : normal[j]![i]!) / used.length + (i === j ? RIDGE : 0)),
  )
  return products.map((sums) => Float64Array.from(solve(matrix, [...sums.map((sum) => sum / used.length)])))
}

/** What is left of a cell's logarithms after those sums, by band. */
function departures({ logs, terms }: Row, shares: readonly Float64Array[], to: Float64Array): Float64Array {
  for (let b = 0; b < BANDS; b++) {
    const factors = shares[b]!
    let rest = logs[b]!
    for (let i = 0; i < TERM_COUNT; i++) rest -= factors[i]! * terms[i]!
    to[b] = rest
  }
  return to
}

function covarianceOf(changes: readonly Float64Array[]): number[][] {
  const covariance = Array.from({ length: BANDS }, () => new Array<number>(BANDS).fill(0))
  for (let i = 0; i < BANDS; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0
      for (const change of changes) sum += change[i]! * change[j]!
      covariance[i]![j] = covariance[j]![i] = sum / changes.length + (i === j ? NOISE_VARIANCE : 0)
    }
  return covariance
}

/** Tells whether a cell's changes are as near to none as those of 99 % of cells would be, were they normally distributed. */
function nearness(covariance: readonly (readonly number[])[]): (changes: Float64Array) => boolean {
  const inverse = covariance.map((_, i) =>
    solve(
      covariance,
      covariance.map((__, j) => (i === j ? 1 : 0)),
    ),
  )
  return (changes) => {
    let sum = 0
    for (let i = 0; i < BANDS; i++)
      for (let j = 0; j < BANDS; j++) sum += changes[i]! * inverse[i]![j]! * changes[j]!
    return sum < FAR
  }
}

/** x of a x = y for a symmetric matrix with positive eigenvalues: no pivot is looked for. */
function solve(a: readonly (readonly number[])[], y: readonly number[]): number[] {
  const rows = a.map((row, i) => [...row, y[i]!])
  rows.forEach((pivot, i) => {
    for (let j = y.length; j >= i; j--) pivot[j]! /= pivot[i]!
    rows.forEach((row, r) => {
      if (r === i) return
      const factor = row[i]!
      for (let j = i; j <= y.length; j++) row[j]! -= factor * pivot[j]!
    })
  })
  return rows.map((row) => row[y.length]!)
}
