import type { Grid } from '../../domain/grid.js'
import { CellCosts, COST_AOT, COST_SIZE, leastCost, sharpness, type Responses } from './aot-cost.js'
import { fillHoles, medianOf, smooth } from './fields.js'
import {
  BLUE_OFFSET,
  COASTAL_RATIO,
  expectedColour,
  LINE_NDVI,
  LINE_RED_TOA,
  RATIO,
  type ExpectedColour,
  type GroundColours,
} from './ground-colours.js'
import { CELLS_PER_NODE, nodeGrid } from './nodes.js'

/** Cells around a node that say what is above it, in each direction: windows of 7 x 7 (MAJA). */
const REACH = 3
/** Of the 49 at least so many. */
const LEAST_CELLS = 19
/** Root of the mean square by which residuals change per unit of AOT, below which the ground says nothing of it. */
const LEAST_SENSITIVITY = 0.02
const LOW = 0.01
const HIGH = COST_AOT.at(-1) ?? 2
const SMOOTHING_NODES = 2

/** What is known of a cell's ground before the image is looked at. NaN where it is not known. */
export interface KnownGround {
  /** Surface reflectance of the blue band on the last clear date. */
  readonly blue: Float32Array
  /** 1 where the near infrared is as it was then, within 7.5 %, and that is at most 60 days ago. */
  readonly isUnchanged: Uint8Array
  /** Blue over red as the dates before have it, and how far vegetation lies off its line, reflectance; null: no date has told it. */
  readonly colours: (GroundColours & { readonly spread: number }) | null
}

export interface AotInput {
  readonly cells: Grid
  /** Under each AOT; `coastal` null where the scene lacks the band. */
  readonly blue: Responses
  readonly red: Responses
  readonly coastal: Responses | null
  /** Surface reflectance at 2.2 um, which aerosol hardly changes. */
  readonly swir: Float32Array
  /** The same under each AOT where light from beside is taken off, of which there is more the hazier it is: woods in fields are darker than they look. Null: taken as `swir`. */
  readonly swirUnder: Responses | null
  /** (NIR - red) / (NIR + red) under thin air. */
  readonly ndvi: Float32Array
  /** Reflectance of the red band at the sensor. */
  readonly redToa: Float32Array
  /** 1 where the ground is seen: no cloud, snow, water, saturation. */
  readonly isUsable: Uint8Array
  readonly known: KnownGround
  /** From elsewhere, such as a forecast; null: none. */
  readonly prior: number | null
}

/** AOT at sea level on nodes. */
export interface Aot {
  /** The nodes' grid, see `nodeGrid`. */
  readonly grid: Grid
  readonly aot: Float32Array
  /** 1 where nothing was found within 16 nodes and a value from farther away or from elsewhere stands. */
  readonly isDefault: Uint8Array
  /** Share of the nodes at which it was found. */
  readonly foundShare: number
  /** Cells that took part by what they had to say. */
  readonly cells: { readonly multiSpectral: number; readonly multiTemporal: number; readonly dark: number }
}

/** A cell by its column and row. */
export interface Place {
  readonly x: number
  readonly y: number
}

/** What a window of cells says by itself. */
export interface WindowFit {
  /** At sea level. */
  readonly aot: number
  /** Sum of the weighted squares of reflectance that it leaves unexplained, and of their weights. */
  readonly cost: number
  readonly weight: number
}

/** Cells along a window: what one node looks at. */
export const WINDOW = 2 * REACH + 1

/** What each of some windows says, by its middle cell; null where too few of its cells say anything. */
export function fitWindows(input: AotInput, centres: readonly Place[]): (WindowFit | null)[] {
  const costs = new CellCosts(input.cells.width * input.cells.height)
  addTerms(costs, input)
  return centres.map((centre) => leastAt(costs, input.cells, centre, input.prior))
}

/** AOT where no image and no forecast says anything. */
export const DEFAULT_AOT = 0.1
/** Weight of the square of 1 of AOT against a prior, per unit of the image's weight: enough to decide where the image hardly says anything. */
const PRIOR_WEIGHT = 2e-4

/**
 * AOT at nodes from what is known of the ground below: vegetation has a line of blue against red (MAJA's multi-spectral term), each cell the ratio of the two that earlier dates have shown; ground whose near infrared has not
 * changed has the blue that it had (multi-temporal); dark vegetation that nothing is known of is half as bright in red as at 2.2 um. Blue is never negative.
 * Weights and thresholds are MAJA's: Hagolle et al. (2008), RSE 112, 1689; (2015), Remote Sensing 7, 2668. Blue's intercept is that of Levy et al. (2007), J. Geophys. Res. 112, D13211. The dark vegetation is Kaufman's: Kaufman et al. (1997), IEEE TGRS 35, 1286.
 */
export function retrieveAot(input: AotInput): Aot {
  const { cells, prior } = input
  const costs = new CellCosts(cells.width * cells.height)
  const said = addTerms(costs, input)
  const grid = nodeGrid(cells)
  const nodes = grid.width * grid.height
  const found = new Float32Array(nodes).fill(NaN)
  let count = 0
  for (let node = 0; node < nodes; node++) {
    const [column, row] = [node % grid.width, Math.floor(node / grid.width)]
    const centre = { x: column * CELLS_PER_NODE + 1, y: row * CELLS_PER_NODE + 1 }
    const least = leastAt(costs, cells, centre, prior)
    if (least === null) continue
    found[node] = least.aot
    count++
  }
  const field = { width: grid.width, height: grid.height }
  const steady = found.map((value, i) => (Number.isNaN(value) ? NaN : medianAround(found, field, i)))
  const filled = fillHoles({ ...field, values: steady })
  const isDefault = Uint8Array.from(filled, (value) => (Number.isNaN(value) ? 1 : 0))
  const instead = count === 0 ? (prior ?? DEFAULT_AOT) : medianOf(found)
  const whole = filled.map((value) => (Number.isNaN(value) ? instead : value))
  return {
    grid,
    aot: count === 0 ? whole : smooth({ ...field, values: whole }, SMOOTHING_NODES),
    isDefault,
    foundShare: nodes === 0 ? 0 : count / nodes,
    cells: said,
  }
}

/** Of dark vegetation's red against 2.2 um: over real vegetation it holds better than the ratio of blue to red (docs/accuracy.md). */
const DARK_WEIGHT = 8

function addTerms(costs: CellCosts, input: AotInput): Aot['cells'] {
  const { blue, red, coastal, swir, swirUnder, ndvi, isUsable, known } = input
  const said = { multiSpectral: 0, multiTemporal: 0, dark: 0 }
  const darkest = darkLimit(input)
  for (let i = 0; i < isUsable.length; i++) {
    if (isUsable[i] !== 1) continue
    costs.bound(i, blue)
    const green = ndvi[i]!
    const expected = colourOf(input, i)
    if (expected !== null) {
      const { weight, ratio, offset } = expected
      costs.add(i, weight, blue, red, ratio, offset)
      if (coastal !== null) costs.add(i, weight / 4, coastal, red, (COASTAL_RATIO / RATIO) * ratio, offset)
      said.multiSpectral++
    }
    if (known.isUnchanged[i] === 1) {
      costs.add(i, 2, blue, null, 0, known.blue[i]!)
      said.multiTemporal++
    } else if (swir[i]! >= 0.01 && swir[i]! <= darkest && green > 0.4) {
      if (swirUnder === null) costs.add(i, DARK_WEIGHT, red, null, 0, 0.5 * swir[i]!)
      else costs.add(i, DARK_WEIGHT, red, swirUnder, 0.5, 0)
      said.dark++
    }
  }
  return said
}

/** Where the red of a cell is looked up when its size alone counts: under a usual AOT. */
const USUAL = COST_AOT.indexOf(DEFAULT_AOT)

/** What blue against red is expected of a cell, and MAJA's weight of that, the less the wider the error is than that of the line; null where nobody knows. */
function colourOf(
  { red, ndvi, redToa, known: { colours } }: AotInput,
  i: number,
): (ExpectedColour & { readonly weight: number }) | null {
  const green = ndvi[i]!
  const hasLine = redToa[i]! < LINE_RED_TOA && green > LINE_NDVI
  const weight = (2 * (0.3 + 0.7 * Math.max(LINE_NDVI, green))) ** 2
  const ratio = colours?.ratio[i] ?? NaN
  if (colours === null || Number.isNaN(ratio))
    return hasLine ? { weight, ratio: RATIO, offset: BLUE_OFFSET } : null
  const [sigma, own] = [colours.sigma[i]!, red[i * COST_AOT.length + USUAL]!]
  const expected = expectedColour(ratio, sigma, own, colours.spread, hasLine)
  if (hasLine) return { ...expected, weight }
  return { ...expected, weight: (weight * colours.spread ** 2) / (colours.spread ** 2 + (sigma * own) ** 2) }
}

/** How bright dark vegetation may be at 2.2 um: the least of four limits at which a tenth of the usable cells is, else the last. */
function darkLimit({ swir, ndvi, isUsable }: AotInput): number {
  const usable = isUsable.reduce((sum, is) => sum + is, 0)
  for (const limit of [0.05, 0.1, 0.12]) {
    let dark = 0
    for (let i = 0; i < swir.length; i++)
      if (isUsable[i] === 1 && swir[i]! >= 0.01 && swir[i]! <= limit && ndvi[i]! > 0.4) dark++
    if (dark >= 0.1 * usable && dark > 0) return limit
  }
  return 0.15
}

/** What the cells around a place say together; null where too few say anything, or their ground does not depend on AOT. */
function leastAt(costs: CellCosts, cells: Grid, centre: Place, prior: number | null): WindowFit | null {
  SUM.fill(0)
  let [count, weight] = [0, 0]
  LOWEST.fill(Infinity)
  for (let y = Math.max(0, centre.y - REACH); y <= Math.min(cells.height - 1, centre.y + REACH); y++)
    for (let x = Math.max(0, centre.x - REACH); x <= Math.min(cells.width - 1, centre.x + REACH); x++) {
      const cell = y * cells.width + x
      keepLowest(costs.most[cell]!)
      const own = costs.weights[cell]!
      if (own === 0) continue
      count++
      weight += own
      const from = cell * COST_SIZE
      for (let k = 0; k < COST_SIZE; k++) SUM[k]! += costs.costs[from + k]!
    }
  if (count < LEAST_CELLS) return null
  const high = Math.min(HIGH, Math.max(LOW, LOWEST[LOWEST.length - 1]!))
  const given = prior === null ? null : { value: prior, weight: PRIOR_WEIGHT * weight }
  const { aot, cost } = leastCost(SUM, LOW, high, given)
  return sharpness(SUM, weight, aot) < LEAST_SENSITIVITY ** 2 ? null : { aot, cost, weight }
}

const SUM = new Float64Array(COST_SIZE)
/** The lowest bounds of a window, ascending. The third counts: one or two cells may lie in a shadow that nobody has seen yet. */
const LOWEST = new Float64Array(3)

function keepLowest(bound: number): void {
  for (let k = 0, value = bound; k < LOWEST.length; k++) {
    const other = LOWEST[k]!
    if (value >= other) continue
    LOWEST[k] = value
    value = other
  }
}

/** The middle of a node and its neighbours: single nodes that differ are noise of their ground. */
function medianAround(
  values: Float32Array,
  { width, height }: { readonly width: number; readonly height: number },
  i: number,
): number {
  const [x, y] = [i % width, Math.floor(i / width)]
  const around: number[] = []
  for (let r = Math.max(0, y - 1); r <= Math.min(height - 1, y + 1); r++)
    for (let c = Math.max(0, x - 1); c <= Math.min(width - 1, x + 1); c++) around.push(values[r * width + c]!)
  return medianOf(around)
}
