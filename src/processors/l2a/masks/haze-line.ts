/** Haze-optimised difference blue - 0.5 red of clear ground: where it lies and how far it spreads downwards, unit 1. */
export interface HazeLine {
  readonly level: number
  readonly spread: number
}

/** Range of `level`: clear air and dark ground to thick haze. An overcast scene would have the clouds' own level otherwise. */
const LEAST_LEVEL = 0.03
const LARGEST_LEVEL = 0.1
const LEAST_SPREAD = 0.003
/** Bins of the histogram: -0.2 to 0.6 by 0.0005. */
const [LOW, HIGH, BIN] = [-0.2, 0.6, 0.0005]

/** blue - 0.5 red of each cell: soils lie on a line in this plane, haze and clouds above it (Zhang, Guindon and Cihlar 2002, RSE 82, 173-187; slope of Zhu and Woodcock 2012). */
export function hazeDifference(blue: Float32Array, red: Float32Array): Float32Array {
  return blue.map((b, i) => b - 0.5 * red[i]!)
}

/**
 * The line of a scene's own clear ground, found from the scene alone: from the 30th percentile the median and the distance to the 16th percentile of what lies below
 * the line and 2.5 spreads, repeated until it rests. Air, sun and soils move it by more than a thin cloud: it was 0.071 and 0.043 in the two scenes of `docs/accuracy.md`.
 * @param counts 1 for the cells that count: land that may be clear.
 */
export function hazeLine(difference: Float32Array, counts: Uint8Array): HazeLine {
  const bins = new Int32Array(Math.round((HIGH - LOW) / BIN))
  for (let i = 0; i < difference.length; i++) {
    const value = difference[i]!
    if (counts[i] === 0 || Number.isNaN(value)) continue
    const bin = Math.floor((value - LOW) / BIN)
    bins[Math.min(bins.length - 1, Math.max(0, bin))]!++
  }
  const below = (limit: number) => {
    let total = 0
    for (let bin = 0; bin < bins.length && LOW + bin * BIN < limit; bin++) total += bins[bin]!
    return total
  }
  const quantile = (share: number, total: number) => {
    let [seen, bin] = [0, 0]
    while (bin < bins.length - 1 && seen + bins[bin]! < share * total) seen += bins[bin++]!
    const inBin = bins[bin]!
    return LOW + BIN * (bin + (inBin === 0 ? 0 : Math.max(0, share * total - seen) / inBin))
  }
  const all = below(Infinity)
  if (all === 0) return { level: LEAST_LEVEL, spread: LEAST_SPREAD }
  let line = { level: quantile(0.3, all), spread: 0.01 }
  for (let round = 0; round < 8; round++) {
    const total = below(line.level + 2.5 * line.spread)
    const level = quantile(0.5, total)
    line = { level, spread: Math.max(LEAST_SPREAD, level - quantile(0.16, total)) }
  }
  return { ...line, level: Math.min(LARGEST_LEVEL, Math.max(LEAST_LEVEL, line.level)) }
}
