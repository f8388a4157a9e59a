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

/**
 * What is left of the direct sunlight on cells of the chain against its memory of the ground, in units of the scene's geometric mean; NaN where nothing can be said; null where too few cells are open.
 *
 * A shadow darkens all bands by their share of direct light, fields that grow or are harvested change colour: of all sums of logarithms of the bands' ratios that answer a shadow with its own depth
 * the one that varies least over the scene's open cells is taken: w = C^-1 d / (d' C^-1 d) (Capon 1969, Proc. IEEE 57, 1408-1418; the adaptive matched filter of Manolakis and Shaw 2002, IEEE Signal
 * Process. Mag. 19, 29-43). The covariance C is the scene's own, so that it follows the season.
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
  const changes = CELL_BANDS.map((band) => {
    const [now, before] = [coarse.bands[band], reference.bands[band]]
    const log = new Float64Array(size)
    let sum = 0
    for (const k of cells) {
      log[k] = Math.log(Math.max(DARKEST, now[k]!) / Math.max(DARKEST, before[k]!))
      sum += log[k]
    }
    const mean = sum / cells.length
    for (const k of cells) log[k]! -= mean
    return log
  })
  const covariance: number[][] = changes.map(() => [])
  changes.forEach((a, i) => {
    for (let j = 0; j <= i; j++) {
      const b = changes[j]!
      let sum = 0
      for (const k of cells) sum += a[k]! * b[k]!
      covariance[i]![j] = covariance[j]![i] = sum / cells.length + (i === j ? NOISE_VARIANCE : 0)
    }
  })
  const shadow = CELL_BANDS.map((band) => DIRECT[band])
  const weights = solve(covariance, shadow)
  const answer = weights.reduce((sum, w, i) => sum + w * shadow[i]!, 0)
  const light = new Float32Array(size).fill(NaN)
  for (const k of cells) {
    let sum = 0
    for (let i = 0; i < CELL_BANDS.length; i++) sum += weights[i]! * changes[i]![k]!
    light[k] = Math.exp(sum / answer)
  }
  return light
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
