import type { Grid } from '../../domain/grid.js'
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

/**
 * What a chain remembers of the ground: for each cell the reflectance of the last date on which it was clear, and that day, and its blue
 * over red as all dates together have it. Left by each date of a chain for the next one.
 */
export interface ChainState extends CellPlanes, StoredColours {
  /** Days since 1970-01-01 UTC; 0 where nothing is known, and the bands have CELL_NO_DATA there. */
  readonly days: Uint16Array
}

/** Days since 1970-01-01 UTC of an ISO 8601 time. */
export const dayOf = (time: string): number => Math.floor(new Date(time).getTime() / 86_400_000)

const mapBands = <T>(make: (band: CellBand) => T): Record<CellBand, T> =>
  Object.fromEntries(CELL_BANDS.map((band) => [band, make(band)])) as Record<CellBand, T>

/** A state that knows nothing. */
export function emptyState(grid: Grid): ChainState {
  const cells = grid.width * grid.height
  return {
    grid,
    bands: mapBands(() => new Int16Array(cells).fill(CELL_NO_DATA)),
    days: new Uint16Array(cells),
    ...noColours(cells),
  }
}

/**
 * A state on another grid of the same lattice: scenes of one Landsat path and row differ in their corners. Null where the grids do not fit: another
 * zone or cell size.
 */
export function placeState(state: ChainState, grid: Grid): ChainState | null {
  const from = state.grid
  const [x, y] = [(grid.ulx - from.ulx) / from.pixelWidthM, (from.uly - grid.uly) / from.pixelHeightM]
  if (
    from.epsg !== grid.epsg ||
    from.pixelWidthM !== grid.pixelWidthM ||
    !Number.isInteger(x) ||
    !Number.isInteger(y)
  )
    return null
  if (x === 0 && y === 0 && from.width === grid.width && from.height === grid.height) return state
  const placed = emptyState(grid)
  for (let row = 0; row < grid.height; row++)
    for (let column = 0; column < grid.width; column++) {
      const [c, r] = [column + x, row + y]
      if (c < 0 || r < 0 || c >= from.width || r >= from.height) continue
      copyCell(state, r * from.width + c, placed, row * grid.width + column)
    }
  return placed
}

/**
 * The state that a date leaves: its own reflectance where the cell is clear, else what was known before, unless that is older than
 * STATE_MEMORY_DAYS. `isClear`: 1 for each clear cell of `planes`; cells without data are never clear. `day`: of the date, days since 1970-01-01. `seen`: the colours that the date
 * shows, null: it tells none; those that are known stay, and lose weight with time.
 */
export function leaveState(
  before: ChainState | null,
  planes: CellPlanes,
  isClear: Uint8Array,
  day: number,
  seen: GroundColours | null = null,
): ChainState {
  const left = emptyState(planes.grid)
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
  return { ...left, ...learnColours(before, left, isClear, day, seen) }
}

/** Colours of the cells that `left` still knows: those before, and what the date shows of the clear ones. */
function learnColours(
  before: ChainState | null,
  left: ChainState,
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

function copyCell(from: ChainState, at: number, to: ChainState, place: number): void {
  for (const band of CELL_BANDS) to.bands[band][place] = from.bands[band][at] ?? CELL_NO_DATA
  to.days[place] = from.days[at] ?? 0
  to.ratio[place] = from.ratio[at] ?? CELL_NO_DATA
  to.ratioSigma[place] = from.ratioSigma[at] ?? 0
}

/** Share of the cells of which something is known, 0..1. */
export function knownShare({ days }: ChainState): number {
  let known = 0
  for (const day of days) if (day !== 0) known++
  return days.length === 0 ? 0 : known / days.length
}
