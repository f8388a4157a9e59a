import { availableParallelism } from 'node:os'
import { createRequire } from 'node:module'
import { Piscina } from 'piscina'
import type { Grid, Window } from '../domain/grid.js'
import { simdTarget } from '../kernels/addon.js'
import type { BlockCells, CellSumsArgs } from '../kernels/cell-sums.js'
import {
  CORRECTION_FLAGS,
  type CorrectionTable as KernelTable,
  type PressureGrid,
} from '../kernels/correct-reflectance.js'
import type { NormalizedDifferenceArgs } from '../kernels/normalized-difference.js'
import type { BytePlane } from '../kernels/or-flags.js'
import type { Budget } from './budget.js'
import type { AddDateTask, FinishedBlock, FinishTask } from './composite/composite-tasks.js'
import type { EncodeBlockTask, EncodedTiles, HalfTile, Image, TileFormat } from './kernel-worker.js'

/** Bits of the flag byte beside each corrected pixel: noData 1, saturated 2, clipped 4, noDetector 8. */
export const KERNEL_FLAGS = CORRECTION_FLAGS

/** Coefficients, pressure and radiometry of one band on shared memory, made by `KernelPool.shareTable`. */
export interface CorrectionTable {
  readonly table: KernelTable
  readonly pressure: PressureGrid | null
  readonly offset: number
  readonly quantification: number
}

/** Coefficients on angle nodes as the processor makes them; node (0, 0) lies on (ulx, uly). */
export interface NodeCoefficients {
  readonly slots: Uint8Array
  readonly slotCount: number
  readonly pressureHpa: ArrayLike<number>
  readonly ulx: number
  readonly uly: number
  readonly stepXM: number
  readonly stepYM: number
  readonly nx: number
  readonly ny: number
  /** [slot][pressure][ny][nx][a, b, S]. */
  readonly data: Float32Array
}

/**
 * Threads that run kernels on SharedArrayBuffers. Calls from one thread may overlap; each is one task. `correct` and `orFlags` take no
 * slot of a budget by themselves: wrap them in `budget.run`. Encoding takes its slots from the budget given to `openKernelPool`.
 */
export interface KernelPool {
  /** Copies the coefficients of one band to shared memory and lays them over its image. `pressure`: hPa on pixel centres of `grid`. */
  shareTable(
    planes: NodeCoefficients,
    band: { readonly grid: Grid; readonly offset: number; readonly quantification: number },
    pressure: { readonly grid: Grid; readonly hpa: Float32Array } | null,
  ): CorrectionTable
  /**
   * Surface reflectance of one block (x 10000, no-data -32768) and KERNEL_FLAGS beside it, both new, on shared memory. `dn`, `detector`:
   * row-major, window.width x window.height; copied unless they lie on shared memory.
   */
  correct(block: {
    readonly dn: Uint16Array
    readonly detector: Uint8Array
    readonly window: Window
    readonly table: CorrectionTable
  }): Promise<{ reflectance: Int16Array; flags: Uint8Array }>
  /** mask[p] |= bitsOf[byte of the plane below the centre of p]. `mask` must lie on shared memory and is changed in place. */
  orFlags(task: { window: Window; mask: Uint16Array; plane: BytePlane; bitsOf: Uint16Array }): Promise<void>
  /** As the kernel; `out` must lie on shared memory, `a` and `b` should. */
  normalizedDifference(task: NormalizedDifferenceArgs): Promise<void>
  /** Sums of a block's pixels by cells, as the kernel; `pixels` should lie on shared memory. */
  cellSums(task: CellSumsArgs): Promise<BlockCells>
  /** One date into the states of a composite, which lie on shared memory. */
  addDate(task: AddDateTask): Promise<void>
  finishComposite(task: FinishTask): Promise<FinishedBlock>
  /** For `openBandWriter`. */
  encodeBlock(task: EncodeBlockTask): Promise<EncodedTiles>
  encodeHalf(
    task: Omit<EncodeBlockTask, 'pixels' | 'window'> & { readonly half: HalfTile },
  ): Promise<EncodedTiles>
  encodeRest(task: { readonly quarter: Image; readonly format: TileFormat }): Promise<EncodedTiles>
  close(): Promise<void>
}

export interface KernelPoolOptions {
  /** Most threads that may ever be used; they start when needed. Default: CPUs. */
  readonly maxThreads?: number
  /** Gates encoding; without one only the number of threads does. */
  readonly budget?: Budget
}

/** Encoding goes before decoding, so that blocks leave memory. */
const ENCODE_PRIORITY = 1

const shared = <T extends Uint8Array | Uint16Array | Float32Array>(array: T): T => {
  if (array.buffer instanceof SharedArrayBuffer) return array
  const Pixels = array.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new Pixels(new SharedArrayBuffer(array.byteLength))
  copy.set(array)
  return copy
}

/** What a thread writes to a copy nobody ever sees. */
function mustBeShared(name: string, array: { readonly buffer: ArrayBufferLike }): void {
  if (!(array.buffer instanceof SharedArrayBuffer))
    throw new TypeError(`${name}: expected an array on a SharedArrayBuffer`)
}

/** Starts the pool. Throws NATIVE_UNAVAILABLE when the kernels cannot be loaded. */
// eslint-disable-next-line @typescript-eslint/require-await -- rejects, rather than throws, when the kernels are missing
export async function openKernelPool(options: KernelPoolOptions = {}): Promise<KernelPool> {
  // Loaded here once, so that missing kernels are an error of opening and not of the first task.
  simdTarget()
  const maxThreads = options.maxThreads ?? availableParallelism()
  const piscina = new Piscina({
    filename: createRequire(import.meta.url).resolve('#kernel-worker'),
    minThreads: 0,
    maxThreads,
    idleTimeout: 5_000,
  })
  const encode = (name: string, task: object): Promise<EncodedTiles> => {
    const run = () => piscina.run(task, { name }) as Promise<EncodedTiles>
    return options.budget ? options.budget.run(run, ENCODE_PRIORITY) : run()
  }
  return {
    shareTable: (planes, band, pressure) => {
      const { grid } = band
      const lay = (ulx: number, uly: number, stepX: number, stepY: number, first: number) => ({
        x0: (grid.ulx + grid.pixelWidthM / 2 - ulx) / stepX - first,
        dx: grid.pixelWidthM / stepX,
        y0: (uly - (grid.uly - grid.pixelHeightM / 2)) / stepY - first,
        dy: grid.pixelHeightM / stepY,
      })
      return {
        table: {
          coefficients: shared(planes.data),
          slotOfDetector: shared(planes.slots),
          slots: planes.slotCount,
          rows: planes.ny,
          columns: planes.nx,
          nodeHpa: shared(Float32Array.from(planes.pressureHpa)),
          axes: lay(planes.ulx, planes.uly, planes.stepXM, planes.stepYM, 0),
        },
        pressure: pressure && {
          hpa: shared(pressure.hpa),
          rows: pressure.grid.height,
          columns: pressure.grid.width,
          // Values stand on the centres of the grid's pixels.
          axes: lay(
            pressure.grid.ulx,
            pressure.grid.uly,
            pressure.grid.pixelWidthM,
            pressure.grid.pixelHeightM,
            0.5,
          ),
        },
        offset: band.offset,
        quantification: band.quantification,
      }
    },
    correct: async ({ dn, detector, window, table }) => {
      const pixels = window.width * window.height
      const reflectance = new Int16Array(new SharedArrayBuffer(pixels * 2))
      const flags = new Uint8Array(new SharedArrayBuffer(pixels))
      await piscina.run(
        { ...table, dn: shared(dn), detector: shared(detector), window, out: reflectance, flags },
        { name: 'correct' },
      )
      return { reflectance, flags }
    },
    orFlags: async (task) => {
      mustBeShared('mask', task.mask)
      await piscina.run(task, { name: 'orPlane' })
    },
    normalizedDifference: async (task) => {
      mustBeShared('out', task.out)
      await piscina.run(task, { name: 'difference' })
    },
    cellSums: (task) => piscina.run(task, { name: 'cells' }) as Promise<BlockCells>,
    addDate: async (task) => {
      for (const { state } of task.groups) mustBeShared('sums', state.sums)
      await piscina.run(task, { name: 'addDate' })
    },
    finishComposite: (task) => piscina.run(task, { name: 'finishComposite' }) as Promise<FinishedBlock>,
    encodeBlock: (task) => encode('encodeBlock', task),
    encodeHalf: (task) => encode('encodeHalf', task),
    encodeRest: (task) => encode('encodeRest', task),
    close: () => piscina.destroy(),
  }
}
