import { ProcessingError } from '../../domain/errors.js'
import type { Grid } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { LARGEST_SHIFT, SHIFT_MARGIN, SHIFT_NUMBERS } from '../../kernels/phase-shift.js'
import { CELL_BAND_IDS } from '../../processors/l2a/cells.js'
import {
  agreeOn,
  clearBeside,
  LEAST_AGREEING,
  LEAST_CONFIDENCE,
  LEAST_SHARE,
  LEAST_SHIFT,
  MOST_ROUNDS,
  SETTLED,
  windowsOver,
  type Agreement,
} from '../../processors/l2a/coregister.js'
import type { CoregistrationReport } from '../../products/report.js'
import { warpToGrid } from '../../raster/warp-to-grid.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import { BandInput } from './band-job.js'
import { clearByOwnMask } from './clear-cells.js'
import { measureBands } from './measure-bands.js'
import type { Move } from './place-scene.js'
import { productGrids } from './product-grids.js'
import type { ShiftReference } from './shift-reference.js'

export interface CoregisterOptions {
  readonly scene: L1Scene
  readonly reference: ShiftReference
  /** The scene's cells of 240 m. */
  readonly cells: Grid
  readonly blockSize: number
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
}

/** What was found, and by how much the scene is to be moved; null: it stays. */
export interface Coregistration {
  readonly report: CoregistrationReport
  readonly move: Move | null
}

/** Stored reflectance of a reference x this = reflectance. */
const SCALE = 0.0001
const REFERENCE_NO_DATA = -32768

/** Bits of a reference's mask under which nothing is compared. */
const UNUSABLE = [MASK_BITS.cloudOrShadow, MASK_BITS.snow, MASK_BITS.water, MASK_BITS.noData].reduce<number>(
  (bits, bit) => bits | (1 << bit),
  0,
)

/**
 * How far a scene lies beside a reference, from the near infrared of both on clear land: each window by phase correlation, then what most of them say, again from there until it
 * settles. Reads one band of the scene whole and one of large pixels, and three files of the reference. The same for any blocks and threads.
 * @throws ProcessingError BAD_ARGUMENT where the reference has no data below any window, RASTER_UNREADABLE; the signal's reason when aborted.
 */
export async function coregister(options: CoregisterOptions): Promise<Coregistration> {
  const { scene, reference } = options
  const nir = scene.bands.find(({ id }) => id === CELL_BAND_IDS[scene.satellite].nir)
  const blue = scene.bands.find(({ id }) => id === reference.blue.band)
  if (nir === undefined || blue === undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `coregister: '${scene.productUri}' lacks ${nir === undefined ? CELL_BAND_IDS[scene.satellite].nir : reference.blue.band}, by which it is compared with its reference. Correct it without.`,
    )
  const isClear = await clearCells(blue, options)
  const windows = await cutWindows(nir, isClear, options)
  const found = windows.count === 0 ? null : await settle(windows, options)
  return judge(found, windows.total, nir, scene, reference)
}

/** Which cells are neither cloud nor beside one, before anything of the air is known, nor covered after the product's own mask. */
async function clearCells(
  { id }: L1SceneBand,
  { scene, reference, cells, ...work }: CoregisterOptions,
): Promise<Uint8Array> {
  const { cells: toa } = await measureBands({
    ...{ ...work, scene, cells, keep: null },
    fine: { grid: cells, wanted: () => false },
    wanted: (band) => band === id,
    onProgress: () => undefined,
  })
  const stored = await warpToGrid(reference.blue.path, cells, 'average')
  const rho = toa.bands.get(id)?.rho ?? new Float32Array(stored.length).fill(NaN)
  const beside = clearBeside(
    cells,
    rho,
    stored.map((value) => value * SCALE),
  )
  const byOwnMask = await clearByOwnMask(scene, cells, work)
  return beside.map((is, i) => is & (byOwnMask[i] ?? 0))
}

/** Windows with enough clear land, as the kernel takes them. */
interface Windows {
  readonly images: Uint16Array
  readonly references: Int16Array
  readonly usable: Uint8Array
  readonly count: number
  /** All that lie over the image, clear or not. */
  readonly total: number
  /** Pixels along a window. */
  readonly side: number
}

async function cutWindows(
  nir: L1SceneBand,
  isClear: Uint8Array,
  options: CoregisterOptions,
): Promise<Windows> {
  const { grid } = nir
  const { side, columns, rows } = windowsOver(grid, SHIFT_MARGIN)
  const total = columns.length * rows.length
  const around = side + 2 * SHIFT_MARGIN
  const [inWindow, inImage] = [side ** 2, around ** 2]
  const images = new Uint16Array(new SharedArrayBuffer(total * inImage * 2))
  const references = new Int16Array(new SharedArrayBuffer(total * inWindow * 2))
  const usable = new Uint8Array(new SharedArrayBuffer(total * inWindow))
  if (total === 0) return { images, references, usable, count: 0, total, side }
  const image = await readWhole(nir, options)
  let [count, covered] = [0, false]
  for (const top of rows) {
    options.signal.throwIfAborted()
    const strip: Grid = { ...grid, uly: grid.uly - top * grid.pixelHeightM, height: side }
    // Cubic convolution would move fine patterns by up to 0.025 pixels.
    const stored = await warpToGrid(options.reference.nir.path, strip, 'lanczos')
    const mask = await warpToGrid(options.reference.maskPath, strip, 'near')
    const clearAt = cellsBelow(strip, options.cells, isClear)
    for (const left of columns) {
      let clear = 0
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++) {
          const at = y * grid.width + left + x
          const to = count * inWindow + y * side + x
          const value = stored[at] ?? NaN
          const isKnown = !Number.isNaN(value)
          covered ||= isKnown
          references[to] = isKnown ? Math.round(value) : REFERENCE_NO_DATA
          const is = isKnown && ((mask[at] ?? 0) & UNUSABLE) === 0 && clearAt(left + x, y) ? 1 : 0
          usable[to] = is
          clear += is
        }
      if (clear < LEAST_SHARE * inWindow) continue
      for (let y = 0; y < around; y++) {
        const at = (top - SHIFT_MARGIN + y) * grid.width + left - SHIFT_MARGIN
        images.set(image.subarray(at, at + around), count * inImage + y * around)
      }
      count++
    }
  }
  if (!covered)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `coregister: the reference ${options.reference.product.name} has no data where '${options.scene.productUri}' lies. Name a product of the same ground.`,
    )
  return { images, references, usable, count, total, side }
}

/** Whether the cell below a pixel is clear; columns and rows of `grid`, which lies within the cells. */
function cellsBelow(grid: Grid, cells: Grid, isClear: Uint8Array): (column: number, row: number) => boolean {
  const along = (count: number, from: number, pixelM: number, cellM: number, most: number) =>
    Int32Array.from({ length: count }, (_, i) =>
      Math.min(most - 1, Math.max(0, Math.floor((from + (i + 0.5) * pixelM) / cellM))),
    )
  const { width, height } = cells
  const across = along(grid.width, grid.ulx - cells.ulx, grid.pixelWidthM, cells.pixelWidthM, width)
  const down = along(grid.height, cells.uly - grid.uly, grid.pixelHeightM, cells.pixelHeightM, height)
  return (column, row) => isClear[(down[row] ?? 0) * width + (across[column] ?? 0)] === 1
}

/** All pixels of a band, row-major. */
async function readWhole(band: L1SceneBand, options: CoregisterOptions): Promise<Uint16Array> {
  const { width, height } = band.grid
  const plane = new Uint16Array(width * height)
  const input = new BandInput(options.scene, band, options.blockSize, options)
  try {
    await walkBlocks(input.blocks.entries(), options, async ([index, window]) => {
      const { dn } = await input.read(index)
      for (let y = 0; y < window.height; y++)
        plane.set(dn.subarray(y * window.width, (y + 1) * window.width), (window.y + y) * width + window.x)
    })
  } finally {
    await input.close()
  }
  return plane
}

interface Settled extends Agreement {
  /** Windows of which enough was compared. */
  readonly compared: number
}

/** Asks all windows again and again, each time from what they agreed on before. Null where they agree on nothing, or on more than is looked for. */
async function settle(windows: Windows, { pool, signal }: CoregisterOptions): Promise<Settled | null> {
  let guess = { columns: 0, rows: 0 }
  let settled: Settled | null = null
  for (let round = 0; round < MOST_ROUNDS; round++) {
    signal.throwIfAborted()
    const out = new Float64Array(new SharedArrayBuffer(windows.count * SHIFT_NUMBERS * 8))
    const { images, references, usable, count, side } = windows
    await pool.phaseShifts({ images, references, usable, windows: count, side, ...guess, out })
    const compared = Array.from({ length: count }, (_, i) => out.subarray(i * SHIFT_NUMBERS)).filter(
      ([, , , share = 0]) => share >= LEAST_SHARE,
    )
    const agreed = agreeOn(compared.map(([columns = NaN, rows = NaN]) => ({ columns, rows })))
    if (agreed === null) return null
    settled = { ...agreed, compared: compared.length }
    const { columns, rows } = agreed
    const step = Math.hypot(columns - guess.columns, rows - guess.rows)
    if (step < SETTLED || Math.max(Math.abs(columns), Math.abs(rows)) > LARGEST_SHIFT) break
    guess = { columns, rows }
  }
  return settled
}

const toCentimetres = (metres: number): number => Math.round(metres * 100) / 100 + 0

function judge(
  found: Settled | null,
  total: number,
  nir: L1SceneBand,
  scene: L1Scene,
  { product }: ShiftReference,
): Coregistration {
  const { pixelWidthM, pixelHeightM } = nir.grid
  const least = LEAST_SHIFT * productGrids(scene).finest.pixelWidthM
  const common = { reference: product.name, band: nir.id, windows: total }
  if (found === null)
    return {
      move: null,
      report: {
        ...{ ...common, outcome: 'unsure', applied: false, compared: 0, agreeing: 0, confidence: 0 },
        ...{ dx_m: null, dy_m: null, residual_m: null },
      },
    }
  // What lies to the right of its place is moved to the left.
  const eastM = toCentimetres(-found.columns * pixelWidthM)
  const northM = toCentimetres(found.rows * pixelHeightM)
  const confidence = found.agreeing / found.compared
  const isSure = found.agreeing >= LEAST_AGREEING && confidence >= LEAST_CONFIDENCE
  const isFar = Math.hypot(eastM, northM) >= least
  const outcome = !isSure ? 'unsure' : isFar ? 'moved' : 'in_place'
  return {
    move: outcome === 'moved' ? { eastM, northM } : null,
    report: {
      ...{ ...common, outcome, applied: outcome === 'moved', compared: found.compared },
      ...{ agreeing: found.agreeing, confidence, dx_m: eastM, dy_m: northM },
      residual_m: toCentimetres(found.residual * pixelWidthM),
    },
  }
}
