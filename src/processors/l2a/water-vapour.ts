import { NO_SLOT, surfaceOf, TERMS, type BandTable } from './band-table.js'
import { fillHoles, medianOf, smooth } from './fields.js'
import { medianOfNode, nodeGrid } from './nodes.js'
import { slotOfCell, type CellAir } from './surface-cells.js'
import type { ToaBand } from './toa-cells.js'

/** g/cm2 above sea level at which the bands are evaluated: even steps of the root, in which the absorption is almost a line. */
export const VAPOUR_AXIS: readonly number[] = Array.from({ length: 15 }, (_, i) => 8 * (i / 14) ** 2)
/** Ground that is darker in the near infrared says nothing: noise and path decide (MAJA's threshold). */
const LEAST_REFLECTANCE = 0.1
/** The path depends a little on the vapour that is looked for: each pass takes that of the pass before. */
const PASSES = 3
const SMOOTHING_NODES = 1
/** Reflectance at 945 nm over that at 865 nm: ground is taken as grey between the two. */
const SLOPE = 1

export interface WaterVapourInput {
  readonly air: Pick<CellAir, 'grid' | 'pressureHpa'>
  /** The band beside the absorption (B8A) and the band in it (B09), with their tables: one AOT, VAPOUR_AXIS. */
  readonly wide: { readonly toa: ToaBand; readonly table: BandTable }
  readonly narrow: { readonly toa: ToaBand; readonly table: BandTable }
  /** 1 where the ground is seen and no water. */
  readonly isUsable: Uint8Array
  /** g/cm2, where nothing is found anywhere near. */
  readonly otherwise: number
}

export interface WaterVapour {
  /** g/cm2 of a column at sea level on nodes (`nodeGrid`), no NaN. */
  readonly wv: Float32Array
  /** Of nodes: 1 where `otherwise`, or the middle of what was found elsewhere, was taken because nothing was found within 16 nodes. */
  readonly isDefault: Uint8Array
  /** Share of the cells in which it was found. */
  readonly foundShare: number
}

/**
 * Water vapour of cells by atmospherically pre-corrected differential absorption: the ground's reflectance beside the absorption band says what would be measured in it
 * under any vapour, and the table is read backwards. Each node takes the middle of its cells; dark, covered and wet ground is
 * filled from its surroundings, then all is smoothed.
 * Source: Schlaepfer et al. (1998), RSE 65, 353-366; Makarau et al. (2016), IEEE GRSL 14(1), for Sentinel-2.
 */
export function waterVapour({ air, wide, narrow, isUsable, otherwise }: WaterVapourInput): WaterVapour {
  const { grid, pressureHpa } = air
  const found = new Float32Array(isUsable.length).fill(NaN)
  const [beside, within] = [
    new Float64Array(VAPOUR_AXIS.length * TERMS),
    new Float64Array(VAPOUR_AXIS.length * TERMS),
  ]
  for (let i = 0; i < found.length; i++) {
    const [a, b] = [wide.toa.rho[i]!, narrow.toa.rho[i]!]
    if (isUsable[i] !== 1 || Number.isNaN(a) || Number.isNaN(b)) continue
    const slots = [
      slotOfCell(wide.table, wide.toa.detectors[i]!),
      slotOfCell(narrow.table, narrow.toa.detectors[i]!),
    ] as const
    if (slots[0] === NO_SLOT || slots[1] === NO_SLOT) continue
    const x = grid.ulx + ((i % grid.width) + 0.5) * grid.pixelWidthM
    const y = grid.uly - (Math.floor(i / grid.width) + 0.5) * grid.pixelHeightM
    wide.table.columnsOfVapour(slots[0], x, y, pressureHpa[i]!, beside)
    narrow.table.columnsOfVapour(slots[1], x, y, pressureHpa[i]!, within)
    found[i] = vapourOf(a, b, beside, within, otherwise)
  }
  let known = 0
  for (const value of found) if (!Number.isNaN(value)) known++
  const { width, height } = nodeGrid(grid)
  // The middle of nine cells: one of them may hold a greenhouse or the edge of a cloud.
  const ofNodes = Float32Array.from({ length: width * height }, (_, node) => medianOfNode(found, grid, node))
  const filled = fillHoles({ width, height, values: ofNodes })
  const isDefault = Uint8Array.from(filled, (value) => (Number.isNaN(value) ? 1 : 0))
  const instead = known === 0 ? otherwise : medianOf(ofNodes)
  const whole = filled.map((value) => (Number.isNaN(value) ? instead : value))
  const wv = known === 0 ? whole : smooth({ width, height, values: whole }, SMOOTHING_NODES)
  return { wv, isDefault, foundShare: found.length === 0 ? 0 : known / found.length }
}

/** Of one cell; NaN where the ground is too dark or no vapour of the axis explains what was measured. Columns [wv][TERMS]. */
function vapourOf(a: number, b: number, beside: Float64Array, within: Float64Array, first: number): number {
  const last = VAPOUR_AXIS.length - 1
  let root = Math.sqrt(first)
  for (let pass = 0; pass < PASSES; pass++) {
    const place = Math.min(last * root * ROOT_PER_WHOLE, last)
    const low = Math.min(Math.floor(place), last - 1)
    const at = (column: Float64Array, term: number) => {
      const [v, w] = [column[low * TERMS + term]!, column[(low + 1) * TERMS + term]!]
      return v + (place - low) * (w - v)
    }
    const ground = SLOPE * surfaceOf(a, at(beside, 0), at(beside, 1), at(beside, 2))
    const signal = b - at(within, 0)
    if (!(ground >= LEAST_REFLECTANCE) || signal <= 0) return NaN
    // What gases and scattering must transmit for this signal.
    const wanted = Math.log((signal * (1 - at(within, 2) * ground)) / ground)
    if (wanted < within[last * TERMS + 1]!) return NaN
    let k = 0
    while (k < last - 1 && wanted < within[(k + 1) * TERMS + 1]!) k++
    const [above, below] = [within[k * TERMS + 1]!, within[(k + 1) * TERMS + 1]!]
    root = (k + Math.max(0, (above - wanted) / (above - below))) / (last * ROOT_PER_WHOLE)
  }
  return root * root
}

/** Places of the axis along its whole length, for each unit of the root. */
const ROOT_PER_WHOLE = 1 / Math.sqrt(VAPOUR_AXIS.at(-1) ?? 1)
