import type { PlaneSize } from './cell-shapes.js'
import { fillMinima } from './fill-minima.js'

/** Percentile of clear land that the outside of the image is taken for. */
const OUTSIDE_SHARE = 0.175

/**
 * How dark cells are against the ground around them: the larger of NIR and SWIR over the same with all hollows filled (`fillMinima`), so 1 on open ground and
 * small in shadows, dark fields and lakes. NaN where not valid. Both bands have to be dark: vegetation darkens one of them alone.
 * @param isLand 1 for clear land, from which the level outside is taken.
 */
export function relativeDarkness(
  nir: Float32Array,
  swir16: Float32Array,
  isLand: Uint8Array,
  size: PlaneSize,
): Float32Array {
  const [a, b] = [nir, swir16].map((band) => fillMinima(band, size, quantileOf(band, isLand, OUTSIDE_SHARE)))
  return Float32Array.from(nir, (value, i) => {
    const ratio = (v: number, filled: number) => (filled <= 0 ? 1 : Math.max(0, v) / filled)
    return Number.isNaN(value) || Number.isNaN(swir16[i]!)
      ? NaN
      : Math.max(ratio(value, a![i]!), ratio(swir16[i]!, b![i]!))
  })
}

/** Value below which a share of the cells that count lie, from a histogram of 0..2 by 0.0001; 0 where none counts. */
function quantileOf(values: Float32Array, counts: Uint8Array, share: number): number {
  const bins = new Int32Array(20_001)
  let total = 0
  for (let i = 0; i < values.length; i++) {
    if (counts[i] === 0 || Number.isNaN(values[i]!)) continue
    bins[Math.min(20_000, Math.max(0, Math.round(values[i]! * 10_000)))]!++
    total++
  }
  let [seen, bin] = [0, 0]
  while (bin < 20_000 && seen + bins[bin]! < share * total) seen += bins[bin++]!
  return total === 0 ? 0 : bin / 10_000
}
