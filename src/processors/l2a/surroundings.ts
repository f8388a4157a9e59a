/** How far light is scattered into the line of sight over neighbouring ground, m: weight exp(-r / RANGE_M), as MAJA has it (ATBD 2017, doi:10.5281/zenodo.1209633). */
const RANGE_M = 1000
/** Beyond this nothing is counted, m. */
const REACH_M = 2400

/** Weights of the cells around one, as `meansAround` takes them. */
export interface SurroundingWeights {
  readonly radius: number
  /** [2 radius + 1][2 radius + 1]. */
  readonly weights: Float32Array
}

/** Weights over cells of `cellM` metres: 1 at the cell itself, falling with distance; nothing but the cell where cells are larger than the reach. */
export function surroundingWeights(cellM: number): SurroundingWeights {
  const radius = Math.floor(REACH_M / cellM)
  const side = 2 * radius + 1
  const weights = Float32Array.from({ length: side * side }, (_, i) => {
    const r = cellM * Math.hypot((i % side) - radius, Math.floor(i / side) - radius)
    return r > REACH_M ? 0 : Math.exp(-r / RANGE_M)
  })
  return { radius, weights }
}

/**
 * Fills cells around which nothing is known with the mean of those that are known: over a wide cloud or beyond the swath nothing better is at hand, and a pixel
 * there is no-data or cloud. In place; false where no cell is known at all.
 */
export function fillUnknown(values: Float32Array): boolean {
  let sum = 0
  let known = 0
  for (const value of values)
    if (!Number.isNaN(value)) {
      sum += value
      known++
    }
  if (known === 0) return false
  const mean = sum / known
  for (const [i, value] of values.entries()) if (Number.isNaN(value)) values[i] = mean
  return true
}
