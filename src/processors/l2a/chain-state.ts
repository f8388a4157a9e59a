import { describeGrid, type Grid } from '../../domain/grid.js'
import { CELL_BANDS, CELL_NO_DATA, type CellBand, type CellPlanes } from './cells.js'
import {
  agedSigma,
  anchorColours,
  joinColour,
  noColours,
  readColours,
  STATE_MEMORY_DAYS,
  storeColours,
  type GroundColours,
  type StoredColours,
} from './ground-colours.js'

/** Reflectance of each cell on the last date on which it was clear, and that day. */
export interface Memory extends CellPlanes {
  /** Days since 1970-01-01 UTC; 0 where nothing is known, and the bands have CELL_NO_DATA there. */
  readonly days: Uint16Array
}

/** What a chain remembers of the ground, and its blue over red as all dates together have it. Left by each date of a chain for the next one. */
export interface ChainState extends Memory, StoredColours {}

/** What a date left in its product. */
export interface LeftState {
  readonly state: ChainState
  /** On the smaller cells (`finerCells`); null where the product is older than these. */
  readonly finer: Memory | null
}

/** What is known of the ground before a date is looked at. */
export interface KnownGround extends LeftState {
  readonly finer: Memory
}

/** Days since 1970-01-01 UTC of an ISO 8601 time. */
export const dayOf = (time: string): number => Math.floor(new Date(time).getTime() / 86_400_000)

const mapBands = <T>(make: (band: CellBand) => T): Record<CellBand, T> =>
  Object.fromEntries(CELL_BANDS.map((band) => [band, make(band)])) as Record<CellBand, T>

function emptyMemory(grid: Grid): Memory {
  const cells = grid.width * grid.height
  return {
    grid,
    bands: mapBands(() => new Int16Array(cells).fill(CELL_NO_DATA)),
    days: new Uint16Array(cells),
  }
}

/** A state that knows nothing. */
export const emptyState = (grid: Grid): ChainState => ({
  ...emptyMemory(grid),
  ...noColours(grid.width * grid.height),
})

/**
 * A state on another grid of the same lattice: scenes of one Landsat path and row differ in their corners. Null where the grids do not fit: another
 * zone or cell size.
 */
export function placeState(state: ChainState, grid: Grid): ChainState | null {
  if (describeGrid(state.grid) === describeGrid(grid)) return state
  const placed = emptyState(grid)
  const isPlaced = forEachShared(state.grid, grid, (from, to) => {
    copyCell(state, from, placed, to)
    placed.ratio[to] = state.ratio[from] ?? CELL_NO_DATA
    placed.ratioSigma[to] = state.ratioSigma[from] ?? 0
  })
  return isPlaced ? placed : null
}

/** A state where a scene wants it; null where it lies on another lattice. Where only its larger cells fit, the smaller ones know nothing: theirs is a mean in which each dark field looks like a shadow. */
export function placeGround({ state, finer }: LeftState, cells: Grid, finerGrid: Grid): KnownGround | null {
  const placed = placeState(state, cells)
  if (placed === null) return null
  return { state: placed, finer: (finer && placeMemory(finer, finerGrid)) ?? emptyMemory(finerGrid) }
}

function placeMemory(memory: Memory, grid: Grid): Memory | null {
  if (describeGrid(memory.grid) === describeGrid(grid)) return memory
  const placed = emptyMemory(grid)
  const isPlaced = forEachShared(memory.grid, grid, (from, to) => {
    copyCell(memory, from, placed, to)
  })
  return isPlaced ? placed : null
}

/** Visits the cells that two grids of one lattice share; false where they are of two. */
function forEachShared(from: Grid, grid: Grid, visit: (from: number, to: number) => void): boolean {
  const [x, y] = [(grid.ulx - from.ulx) / from.pixelWidthM, (from.uly - grid.uly) / from.pixelHeightM]
  if (
    from.epsg !== grid.epsg ||
    from.pixelWidthM !== grid.pixelWidthM ||
    !Number.isInteger(x) ||
    !Number.isInteger(y)
  )
    return false
  for (let row = 0; row < grid.height; row++)
    for (let column = 0; column < grid.width; column++) {
      const [c, r] = [column + x, row + y]
      if (c < 0 || r < 0 || c >= from.width || r >= from.height) continue
      visit(r * from.width + c, row * grid.width + column)
    }
  return true
}

/**
 * The memory that a date leaves: its own reflectance where the cell is clear, else what was known before, unless that is older than
 * STATE_MEMORY_DAYS. `isClear`: 1 for each clear cell of `planes`; cells without data are never clear. `day`: of the date, days since 1970-01-01.
 */
export function leaveMemory(
  before: Memory | null,
  planes: CellPlanes,
  isClear: Uint8Array,
  day: number,
): Memory {
  const left = emptyMemory(planes.grid)
  const take = ({ bands }: CellPlanes, from: number, i: number) => {
    for (const band of CELL_BANDS) left.bands[band][i] = bands[band][i] ?? CELL_NO_DATA
    left.days[i] = from
  }
  isClear.forEach((clear, i) => {
    const hasData = CELL_BANDS.every((band) => planes.bands[band][i] !== CELL_NO_DATA)
    if (clear === 1 && hasData) take(planes, day, i)
    else if (before !== null) {
      const known = before.days[i] ?? 0
      if (known !== 0 && Math.abs(day - known) <= STATE_MEMORY_DAYS) take(before, known, i)
    }
  })
  return left
}

/** That and its colours. `seen`: those that the date shows, null: it tells none; those that are known stay, and lose weight with time. */
export function leaveState(
  before: ChainState | null,
  planes: CellPlanes,
  isClear: Uint8Array,
  day: number,
  seen: GroundColours | null = null,
): ChainState {
  const left = leaveMemory(before, planes, isClear, day)
  return { ...left, ...learnColours(before, left, isClear, day, seen) }
}

/** Colours of the cells that `left` still knows: those before, and what the date shows of the clear ones. */
function learnColours(
  before: ChainState | null,
  left: Memory,
  isClear: Uint8Array,
  day: number,
  seen: GroundColours | null,
): StoredColours {
  const known = before === null ? null : readColours(before)
  if (known === null && seen === null) return noColours(isClear.length)
  const unknown = { ratio: NaN, sigma: NaN }
  const cells = Array.from(isClear, (clear, i) => {
    if (left.days[i] === 0) return unknown
    const ratio = known?.ratio[i] ?? NaN
    if (clear !== 1 || left.days[i] !== day) return { ratio, sigma: known?.sigma[i] ?? NaN }
    const sigma = agedSigma(known?.sigma[i] ?? NaN, day - (before?.days[i] ?? day))
    return joinColour(
      { ratio, sigma },
      seen === null ? unknown : { ratio: seen.ratio[i]!, sigma: seen.sigma[i]! },
    )
  })
  const ratio = Float32Array.from(cells, (cell) => cell.ratio)
  const rho = (band: CellBand) =>
    Float32Array.from(left.bands[band], (v) => (v === CELL_NO_DATA ? NaN : v / 10_000))
  return storeColours({
    ratio: seen === null ? ratio : anchorColours(ratio, rho('red'), rho('nir')),
    sigma: Float32Array.from(cells, (cell) => cell.sigma),
  })
}

function copyCell(from: Memory, at: number, to: Memory, place: number): void {
  for (const band of CELL_BANDS) to.bands[band][place] = from.bands[band][at] ?? CELL_NO_DATA
  to.days[place] = from.days[at] ?? 0
}

/** Share of the cells of which something is known, 0..1. */
export function knownShare({ days }: Memory): number {
  let known = 0
  for (const day of days) if (day !== 0) known++
  return days.length === 0 ? 0 : known / days.length
}
