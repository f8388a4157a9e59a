import type { ChainState } from '../chain-state.js'
import type { PlaneSize } from './cell-shapes.js'
import { fillMinima } from './fill-minima.js'
import { outsideLevels } from './outside-levels.js'

/** Percentile of all clear land that the outside of the image is taken for at least. */
const LEAST_SHARE = 0.175

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
  const filled = (band: Float32Array) =>
    fillMinima(band, size, outsideLevels(band, isLand, size, quantileOf(band, isLand, LEAST_SHARE)))
  const a = filled(nir)
  const b = filled(swir16)
  const ratio = (v: number, level: number) => (level <= 0 ? 1 : Math.max(0, v) / level)
  const out = new Float32Array(nir.length).fill(NaN)
  for (let i = 0; i < out.length; i++) {
    if (Number.isNaN(nir[i]!) || Number.isNaN(swir16[i]!)) continue
    out[i] = Math.max(ratio(nir[i]!, a[i]!), ratio(swir16[i]!, b[i]!))
  }
  return out
}

/** What is left of a coarse cell's light, above which nothing in it has become dark. */
const UNCHANGED_ABOVE = 0.93

/**
 * The same against the chain's memory of the ground, which knows dark forest and lakes from shadows: the larger of NIR and SWIR at the sensor over what the ground had, in units of the scene's own median of that, so
 * that air and season cancel. 1 where the light of the whole coarse cell has not fallen. NaN where the chain does not know the ground.
 * @param isOpen  1 where the ground can be seen. @param parents coarse cell of each. @param isKnown 1 where the chain knows land.
 */
export function changedDarkness(
  nir: Float32Array,
  swir16: Float32Array,
  isOpen: Uint8Array,
  parents: Int32Array,
  isKnown: Uint8Array,
  reference: ChainState,
): Float32Array {
  const ratios = (
    [
      ['nir', nir],
      ['swir16', swir16],
    ] as const
  ).map(([name, band]) => {
    const before = reference.bands[name]
    const [sums, counts] = [new Float64Array(before.length), new Int32Array(before.length)]
    for (let i = 0; i < band.length; i++) {
      if (isOpen[i] === 0 || isKnown[i] === 0) continue
      sums[parents[i]!]! += band[i]!
      counts[parents[i]!]!++
    }
    const ofCell = Float32Array.from(sums, (sum, k) =>
      counts[k] === 0 || before[k]! <= 0 ? NaN : sum / counts[k]! / (before[k]! / 1e4),
    )
    const usual = quantileOf(ofCell, new Uint8Array(ofCell.length).fill(1), 0.5)
    const scale = (k: number) => (usual * before[k]!) / 1e4
    return { ofCell: ofCell.map((ratio) => ratio / usual), of: (i: number) => band[i]! / scale(parents[i]!) }
  })
  const [ofNir, ofSwir] = ratios as [(typeof ratios)[number], (typeof ratios)[number]]
  const out = new Float32Array(nir.length).fill(NaN)
  for (let i = 0; i < out.length; i++) {
    if (isKnown[i] === 0) continue
    const inNir = ofNir.ofCell[parents[i]!]!
    const inSwir = ofSwir.ofCell[parents[i]!]!
    if (Number.isNaN(inNir) || Number.isNaN(inSwir)) continue
    const hasNotFallen = Math.max(inNir, inSwir) > UNCHANGED_ABOVE
    out[i] = hasNotFallen ? 1 : Math.max(ofNir.of(i), ofSwir.of(i))
  }
  return out
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
