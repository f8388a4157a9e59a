import { CELL_BANDS, CELL_NO_DATA, type CellBand, type CellPlanes } from '../cells.js'
import type { ChainState } from '../chain-state.js'

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
 * @param isOpen by coarse cell: its ground can be seen whole, and the chain knows it.
 */
export function directLight(
  coarse: CellPlanes,
  reference: ChainState,
  isOpen: Uint8Array,
): Float32Array | null {
  const size = isOpen.length
  const cells: number[] = []
  for (let k = 0; k < size; k++)
    if (
      isOpen[k] === 1 &&
      reference.days[k] !== 0 &&
      CELL_BANDS.every((band) => coarse.bands[band][k] !== CELL_NO_DATA)
    )
      cells.push(k)
  if (cells.length < LEAST_CELLS) return null
  const now = CELL_BANDS.map((band) => logsOf(coarse.bands[band], cells, size))
  const terms = colourTerms(
    CELL_BANDS.map((band) => logsOf(reference.bands[band], cells, size)),
    cells,
  )
  const every = Math.ceil(cells.length / MOST_FITTED)
  const sample = cells.filter((_, n) => n % every === 0)
  const fit = (used: readonly number[]) => {
    const shares = leastSquares(now, terms, used)
    const changes = departures(now, terms, shares, sample)
    return { shares, changes, covariance: covarianceOf(changes, used) }
  }
  let fitted = fit(sample)
  for (let round = 0; round < TRIMS; round++)
    fitted = fit(sample.filter(isNear(fitted.changes, fitted.covariance)))
  const shadow = CELL_BANDS.map((band) => DIRECT[band])
  const weights = solve(fitted.covariance, shadow)
  const answer = weights.reduce((sum, w, i) => sum + w * shadow[i]!, 0)
  const changes = departures(now, terms, fitted.shares, cells)
  const light = new Float32Array(size).fill(NaN)
  for (const k of cells) {
    let sum = 0
    for (let i = 0; i < CELL_BANDS.length; i++) sum += weights[i]! * changes[i]![k]!
    light[k] = Math.exp(sum / answer)
  }
  return light
}

function logsOf(stored: Int16Array, cells: readonly number[], size: number): Float64Array {
  const logs = new Float64Array(size)
  for (const k of cells) logs[k] = Math.log(Math.max(DARKEST, stored[k]!))
  return logs
}

/** 1, the standardised logarithms, and their products by two: what a polynomial of second degree of the ground's colour is made of. */
function colourTerms(logs: readonly Float64Array[], cells: readonly number[]): Float64Array[] {
  const standard = logs.map((log) => {
    let [sum, squares] = [0, 0]
    for (const k of cells) {
      sum += log[k]!
      squares += log[k]! ** 2
    }
    const mean = sum / cells.length
    const deviation = Math.sqrt(Math.max(NOISE_VARIANCE, squares / cells.length - mean ** 2))
    return log.map((value) => (value - mean) / deviation)
  })
  const products = standard.flatMap((a, i) => standard.slice(0, i + 1).map((b) => a.map((v, k) => v * b[k]!)))
  return [new Float64Array(logs[0]!.length).fill(1), ...standard, ...products]
}

/** Which sum of `terms` comes nearest to each of `values` over some cells: its factors, by value and term. */
function leastSquares(
  values: readonly Float64Array[],
  terms: readonly Float64Array[],
  used: readonly number[],
): number[][] {
  const meanProduct = (a: Float64Array, b: Float64Array) => {
    let sum = 0
    for (const k of used) sum += a[k]! * b[k]!
    return sum / used.length
  }
  const normal: number[][] = terms.map(() => [])
  terms.forEach((a, i) => {
    for (let j = 0; j <= i; j++)
      normal[i]![j] = normal[j]![i] = meanProduct(a, terms[j]!) + (i === j ? RIDGE : 0)
  })
  return values.map((value) =>
    solve(
      normal,
      terms.map((term) => meanProduct(term, value)),
    ),
  )
}

/** What is left of `values` after those sums, on some cells. */
const departures = (
  values: readonly Float64Array[],
  terms: readonly Float64Array[],
  shares: readonly (readonly number[])[],
  cells: readonly number[],
): Float64Array[] =>
  values.map((value, v) => {
    const left = new Float64Array(value.length)
    for (const k of cells) {
      let rest = value[k]!
      for (let i = 0; i < terms.length; i++) rest -= shares[v]![i]! * terms[i]![k]!
      left[k] = rest
    }
    return left
  })

function covarianceOf(changes: readonly Float64Array[], used: readonly number[]): number[][] {
  const covariance: number[][] = changes.map(() => [])
  changes.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      const b = changes[j]!
      let sum = 0
      for (const k of used) sum += a[k]! * b[k]!
      covariance[i]![j] = covariance[j]![i] = sum / used.length + (i === j ? NOISE_VARIANCE : 0)
    }
  })
  return covariance
}

/** Whether a cell's changes are as near to none as those of 99 % of cells would be, were they normally distributed. */
function isNear(changes: readonly Float64Array[], covariance: readonly (readonly number[])[]) {
  const inverse = changes.map((_, i) =>
    solve(
      covariance,
      changes.map((_, j) => (i === j ? 1 : 0)),
    ),
  )
  return (k: number): boolean => {
    let sum = 0
    for (let i = 0; i < changes.length; i++)
      for (let j = 0; j < changes.length; j++) sum += changes[i]![k]! * inverse[i]![j]! * changes[j]![k]!
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
