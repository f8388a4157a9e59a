import { CELL_BANDS, CELL_NO_DATA, parentsOf, type CellPlanes } from '../cells.js'
import type { ChainState } from '../chain-state.js'
import { grownInto, majority } from './cell-shapes.js'
import { dropCorrelated } from './correlation.js'
import type { MaskCells } from './mask-cells.js'
import type { OneDate } from './one-date.js'

/** How much blue - 0.5 red must have risen at once, for each further 45 days, and at most; MAJA's set for cells below 240 m. */
const RISE = { least: 0.018, days: 45, largest: 0.06 } as const
/** What connected cells are let off. */
const THIN_RELIEF = 0.005
/** Square in which the majority decides, m. */
const MAJORITY_M = 150
/** Where blue - 0.5 red of the whole coarse cell has not risen by this part of the threshold, nothing has changed, and what is bright is ground. */
const VETO_PART = 0.5
/** Light that the air lets through between ground and sensor: contrasts within a cell are larger on the ground by its inverse. */
const TWO_WAY = 0.85

/** What change says, 1 where true, on the cells of masks. */
export interface ChangeClouds {
  /** The chain knows the ground, and it is no water. */
  readonly isKnown: Uint8Array
  readonly cloud: Uint8Array
  /** Connected to that by a lower threshold. */
  readonly thin: Uint8Array
  /** The date alone may say cloud here, but the ground has always been as bright. */
  readonly isUnchanged: Uint8Array
}

/**
 * Clouds by what has changed since the ground was last clear: Hagolle et al. (2010), RSE 114, 1747-1755, with the haze-optimised difference of MAJA. Blue - 0.5 red has risen by more than
 * min(0.060, 0.018 (1 + days / 45)), red has risen too but by less than 1.5 x blue, and NIR in proportion by less than 1.2 x blue. Not over ground that was water (NDVI < 0.01, red < 0.05), which changes with wind;
 * not over snow, which fell. Connected cells follow with 0.005 less. Objects through which the ground's own pattern shows are dropped (`dropCorrelated`).
 *
 * Red must have risen: the papers do not ask for it, but the difference also rises where red falls, and fire scars would be clouds (docs/decisions/0016-chains.md).
 * The chain knows the ground on coarser cells than masks have: a fine cell is its coarse cell's reflectance and its own contrast to that at the sensor.
 * @param coarse    the date on the chain's cells, corrected, x 10000.
 * @param reference on the grid of `coarse`.
 * @param day       of the date, days since 1970-01-01.
 */
export function changeClouds(
  cells: MaskCells,
  { isValid, snow }: Pick<OneDate, 'isValid' | 'snow'>,
  coarse: CellPlanes,
  reference: ChainState,
  day: number,
): ChangeClouds {
  const { grid, bands } = cells
  const size = isValid.length
  const parents = parentsOf(grid, coarse.grid)
  const means = {
    blue: meansBy(bands.blue, parents, coarse),
    red: meansBy(bands.red, parents, coarse),
    nir: meansBy(bands.nir, parents, coarse),
  }
  const [isKnown, raw, rim, isUnchanged] = [0, 1, 2, 3].map(() => new Uint8Array(size)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const lacksData = coarse.bands.blue.map((_, k) =>
    CELL_BANDS.some((band) => coarse.bands[band][k] === CELL_NO_DATA) ? 1 : 0,
  )
  for (let i = 0; i < size; i++) {
    const parent = parents[i]!
    if (isValid[i] === 0 || parent === -1) continue
    const known = reference.days[parent]!
    if (known === 0 || lacksData[parent] === 1) continue
    const before = {
      blue: reference.bands.blue[parent]! / 1e4,
      red: reference.bands.red[parent]! / 1e4,
      nir: reference.bands.nir[parent]! / 1e4,
    }
    if (before.nir - before.red < 0.01 * (before.nir + before.red) && before.red < 0.05) continue
    isKnown[i] = 1
    const now = (band: 'blue' | 'red' | 'nir') =>
      coarse.bands[band][parent]! / 1e4 + (bands[band][i]! - means[band][parent]!) / TWO_WAY
    const [blue, red, nir] = [now('blue'), now('red'), now('nir')]
    const risen = { blue: blue - before.blue, red: red - before.red, nir: nir - before.nir }
    const haze = risen.blue - 0.5 * risen.red
    const threshold = Math.min(RISE.largest, RISE.least * (1 + Math.abs(day - known) / RISE.days))
    const ofCell = hazeOf(coarse, parent) - hazeOf(reference, parent)
    isUnchanged[i] = ofCell < VETO_PART * threshold ? 1 : 0
    // A bright roof rises above its coarse cell's mean on every date.
    if (isUnchanged[i] === 1) continue
    const isLikeCloud =
      risen.red > 0 &&
      risen.red < 1.5 * risen.blue &&
      risen.nir * (blue + before.blue) < 1.2 * risen.blue * (nir + before.nir)
    if (!isLikeCloud || snow[i] === 1) continue
    raw[i] = haze > threshold ? 1 : 0
    rim[i] = haze > threshold - THIN_RELIEF ? 1 : 0
  }
  const side = 2 * Math.round(MAJORITY_M / grid.pixelWidthM / 2 - 0.25) + 1
  const found = majority(raw, isKnown, grid, Math.max(1, side))
  const cloud = dropCorrelated(found, parents, coarse, reference, grid)
  const joined = grownInto(
    cloud,
    rim.map((v, i) => v | cloud[i]!),
    grid,
  )
  return {
    isKnown,
    cloud,
    thin: joined.map((v, i) => (v === 1 && cloud[i] === 0 ? 1 : 0)),
    isUnchanged,
  }
}

const hazeOf = ({ bands }: Pick<CellPlanes, 'bands'>, k: number): number =>
  (bands.blue[k]! - 0.5 * bands.red[k]!) / 1e4

/** Mean of the fine cells of each coarse one; NaN where none is valid. */
function meansBy(values: Float32Array, parents: Int32Array, { grid }: CellPlanes): Float32Array {
  const [sums, counts] = [
    new Float64Array(grid.width * grid.height),
    new Int32Array(grid.width * grid.height),
  ]
  for (let i = 0; i < values.length; i++) {
    const parent = parents[i]!
    if (parent === -1 || Number.isNaN(values[i]!)) continue
    sums[parent]! += values[i]!
    counts[parent]!++
  }
  return Float32Array.from(sums, (sum, k) => sum / counts[k]!)
}
