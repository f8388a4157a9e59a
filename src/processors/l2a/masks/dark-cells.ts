import type { Grid } from '../../../domain/grid.js'
import { parentsOf, type CellPlanes } from '../cells.js'
import type { Memory } from '../chain-state.js'
import type { PlaneSize } from './cell-shapes.js'
import { directLight } from './shadow-filter.js'
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

/** The ground on cells of one size that a chain remembers. */
export interface RememberedGround {
  /** The date itself on the cells of `known`, corrected, x 10000. */
  readonly now: CellPlanes
  readonly known: Memory
}

/**
 * The same against the chain's memory of the ground, which knows dark forest and lakes from shadows: what all bands together say of the direct light (`directLight`), bilinear between the centres of the memory's cells. Of cells that clouds
 * cover in part, or where too few are whole, the larger of NIR and SWIR at the sensor over what the ground had. Each in units of the scene's own median of it, so that air and season cancel. NaN where the chain does not know the ground.
 * @param nir  at the sensor, by cell of `grid`, as @param swir16. @param isOpen 1 where the ground can be seen. @param isKnown 1 where the chain knows land.
 */
export function changedLight(
  { nir, swir16 }: { readonly nir: Float32Array; readonly swir16: Float32Array },
  isOpen: Uint8Array,
  isKnown: Uint8Array,
  { now, known }: RememberedGround,
  grid: Grid,
): Float32Array {
  const parents = parentsOf(grid, known.grid)
  const isWhole = Uint8Array.from(known.days, (day) => (day === 0 ? 0 : 1))
  const isCounted = isOpen.map((v, i) => v & isKnown[i]!)
  for (let i = 0; i < parents.length; i++)
    if (parents[i] !== -1 && isCounted[i] === 0) isWhole[parents[i]!] = 0
  const ofNir = ratioToKnown(nir, isCounted, parents, known.bands.nir)
  const ofSwir = ratioToKnown(swir16, isCounted, parents, known.bands.swir16)
  const direct = directLight(now, known, isWhole)
  const usual = direct === null ? 1 : quantileOf(direct, isWhole, 0.5)
  const light = ofNir.map((ratio, k) => {
    const left = direct?.[k] ?? NaN
    return Number.isNaN(left) ? Math.max(ratio, ofSwir[k]!) : left / usual
  })
  const around = bilinear(light, known.grid, grid, parents)
  for (let i = 0; i < around.length; i++) if (isKnown[i] === 0) around[i] = NaN
  return around
}

/** That by the smaller cells of the memory and, where these know nothing yet (`placeGround`), by the larger ones. Parameters as there. */
export function changedLightBySize(
  bands: { readonly nir: Float32Array; readonly swir16: Float32Array },
  isOpen: Uint8Array,
  isKnown: Uint8Array,
  { finer, larger }: { readonly finer: RememberedGround; readonly larger: RememberedGround },
  grid: Grid,
): Float32Array {
  const light = changedLight(bands, isOpen, isKnown, finer, grid)
  const isNew = parentsOf(grid, finer.known.grid).map((parent, i) =>
    isKnown[i] === 1 && Number.isNaN(light[i]!) && (finer.known.days[parent] ?? 0) === 0 ? 1 : 0,
  )
  if (!isNew.includes(1)) return light
  const byLarger = changedLight(bands, isOpen, isKnown, larger, grid)
  return light.map((left, i) => (isNew[i] === 1 ? byLarger[i]! : left))
}

/** Mean of a band over the cells that count in each larger one, over what that had, in units of the median; NaN where none counts. */
function ratioToKnown(
  band: Float32Array,
  isCounted: Uint8Array,
  parents: Int32Array,
  before: Int16Array,
): Float32Array {
  const [sums, counts] = [new Float64Array(before.length), new Int32Array(before.length)]
  for (let i = 0; i < band.length; i++) {
    if (isCounted[i] === 0 || parents[i] === -1) continue
    sums[parents[i]!]! += band[i]!
    counts[parents[i]!]!++
  }
  const ratio = Float32Array.from(sums, (sum, k) =>
    counts[k] === 0 || before[k]! <= 0 ? NaN : sum / counts[k]! / (before[k]! / 1e4),
  )
  const usual = quantileOf(ratio, new Uint8Array(ratio.length).fill(1), 0.5)
  return ratio.map((v) => v / usual)
}

/** Of the larger cells around that have a value; NaN where none has, or outside. */
function bilinear(values: Float32Array, coarse: Grid, fine: Grid, parents: Int32Array): Float32Array {
  const out = new Float32Array(parents.length).fill(NaN)
  for (let row = 0; row < fine.height; row++) {
    const y = (coarse.uly - fine.uly + (row + 0.5) * fine.pixelHeightM) / coarse.pixelHeightM - 0.5
    const above = Math.floor(y)
    for (let column = 0; column < fine.width; column++) {
      const i = row * fine.width + column
      if (parents[i] === -1) continue
      const x = (fine.ulx + (column + 0.5) * fine.pixelWidthM - coarse.ulx) / coarse.pixelWidthM - 0.5
      const left = Math.floor(x)
      let [sum, weights] = [0, 0]
      for (let r = above; r <= above + 1; r++)
        for (let c = left; c <= left + 1; c++) {
          if (r < 0 || c < 0 || r >= coarse.height || c >= coarse.width) continue
          const value = values[r * coarse.width + c]!
          if (Number.isNaN(value)) continue
          const weight = (1 - Math.abs(y - r)) * (1 - Math.abs(x - c))
          sum += weight * value
          weights += weight
        }
      if (weights > 0) out[i] = sum / weights
    }
  }
  return out
}

/** Share of clear land that is so bright that a cloud's shadow is not. */
const BRIGHT_SHARE = 0.8
/** What is left of the light, from which on nothing shades the ground: against the memory, and of what fills a hollow. */
const [LIT_FROM, FILLED_FROM] = [0.97, 0.95]

/**
 * Whether the light that a cell has contradicts a shadow. Where the chain knows the ground (`changedLight`): when nothing is missing. Elsewhere hollows do not show every shadow (on bright fields beside dark
 * forest there is none to fill), so that only cells brighter than most land are lit for certain.
 */
export function litTest(
  relative: Float32Array,
  changed: Float32Array | null,
  nir: Float32Array,
  swir16: Float32Array,
  isLand: Uint8Array,
): (cell: number) => boolean {
  const [a, b] = [quantileOf(nir, isLand, BRIGHT_SHARE), quantileOf(swir16, isLand, BRIGHT_SHARE)]
  return (i) => {
    const light = changed?.[i] ?? NaN
    if (!Number.isNaN(light)) return light > LIT_FROM
    return relative[i]! > FILLED_FROM && (nir[i]! > a || swir16[i]! > b)
  }
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
