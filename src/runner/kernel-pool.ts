import { availableParallelism } from 'node:os'
import { createRequire } from 'node:module'
import { Piscina } from 'piscina'
import type { Grid, Window } from '../domain/grid.js'
import { ProcessingError } from '../domain/errors.js'
import { simdTarget } from '../kernels/addon.js'
import { encodeBound, TILE } from '../kernels/encode-tile.js'
import { packBound } from '../kernels/pack-block.js'
import { cogLevels } from '../raster/cog-layout.js'
import type { EncodedTile } from '../raster/cog-writer.js'
import type { BlockCells, CellLayout, CellSumsArgs } from '../kernels/cell-sums.js'
import {
  CORRECTION_FLAGS,
  type CorrectionTable as KernelTable,
  type PressureGrid,
  type SurroundingsGrid,
  type TerrainGrid,
} from '../kernels/correct-reflectance.js'
import type { castShadows, meansAround, RowRange, slopes } from '../kernels/ground.js'
import type { NormalizedDifferenceArgs } from '../kernels/normalized-difference.js'
import type { BytePlane } from '../kernels/or-flags.js'
import type { PhaseShiftsArgs } from '../kernels/phase-shift.js'
import type { ResampleArgs } from '../kernels/resample.js'
import type { NodeFactors } from '../kernels/scale-by-nodes.js'
import type { UnsureTerrain } from '../kernels/level-sigma.js'
import type { VarianceNodes } from '../kernels/sigma-by-nodes.js'
import { BlockBuffers } from './block-buffers.js'
import type { Budget } from './budget.js'
import type { AddDateTask, FinishedBlock, FinishTask } from './composite/composite-tasks.js'
import type { MaskTask, SceneMasks } from './l2a/mask-task.js'
import type {
  CorrectedSums,
  CorrectPackedTask,
  EncodeBlockTask,
  HalfTile,
  Image,
  MeasuredBlock,
  MeasureTask,
  TileFormat,
} from './kernel-worker.js'

/** Bits of the flag byte beside each corrected pixel: noData 1, saturated 2, clipped 4, noDetector 8. */
export const KERNEL_FLAGS = CORRECTION_FLAGS

/** Coefficients, pressure and radiometry of one band on shared memory, made by `KernelPool.shareTable`. */
export interface CorrectionTable {
  readonly table: KernelTable
  readonly pressure: PressureGrid | null
  readonly around: SurroundingsGrid | null
  readonly terrain: TerrainGrid | UnsureTerrain | null
  readonly offset: number
  readonly quantification: number
}

/** What a band's correction looks at beside the pixel itself; values stand on the centres of the pixels of `grid`. */
export interface Ground {
  /** hPa. */
  readonly pressure: { readonly grid: Grid; readonly hpa: Float32Array } | null
  /** Reflectance around each pixel; null: as the pixel. */
  readonly around: { readonly grid: Grid; readonly reflectance: Float32Array } | null
  /** Null: level. */
  readonly terrain: {
    readonly grid: Grid
    readonly east: Int16Array
    readonly north: Int16Array
    readonly hidden: Uint8Array
    /** How far slopes may be off; null: not asked for. On shared memory. */
    readonly doubt: Pick<UnsureTerrain, 'smoothness' | 'variances'> | null
    readonly isCanopy: boolean
  } | null
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
  /** [slot][pressure][ny][nx][2], see the kernel. */
  readonly legs: Float32Array | null
  /** [slot][ny][nx][4], see the kernel. */
  readonly directions: Float32Array | null
}

/** Variance on nodes as the processor makes it; node (0, 0) lies on (ulx, uly). */
export interface NodeVariance extends Omit<NodeCoefficients, 'pressureHpa' | 'data' | 'legs' | 'directions'> {
  /** [slot][ny][nx][5], see the kernel. */
  readonly data: Float32Array
  /** [slot][ny][nx][5], see `levelSigma`; null where slopes do not count. */
  readonly light: Float32Array | null
}

/** Variance of a band's reflectance over its image, and what errors of slopes depend on. */
export interface BandVariance extends VarianceNodes {
  readonly light: Float32Array | null
}

/**
 * Threads that run kernels on SharedArrayBuffers. Calls from one thread may overlap; each is one task. They take no
 * slot of a budget by themselves: wrap them in `budget.run`. Encoding takes its slots from the budget given to `openKernelPool`.
 */
export interface KernelPool {
  /** Memory for the blocks that its tasks read and write. */
  readonly buffers: BlockBuffers
  /** Copies the coefficients of one band to shared memory and lays them and the ground over its image. */
  shareTable(
    planes: NodeCoefficients,
    band: { readonly grid: Grid; readonly offset: number; readonly quantification: number },
    ground: Ground,
  ): CorrectionTable
  /** Digital numbers between the pixels of a piece of an image, as the kernel; `out` must lie on shared memory, `image.pixels` should. */
  resample(task: ResampleArgs): Promise<void>
  /** Shifts between windows of two images, as the kernel; `out` must lie on shared memory, what is read should. Windows are shared among the threads of the budget. */
  phaseShifts(task: Omit<PhaseShiftsArgs, 'first' | 'last'>): Promise<void>
  /** The same of a band's variance. */
  shareVariance(planes: NodeVariance, grid: Grid): BandVariance
  /** Sums of what a sensor measured by cells, and the block packed for scratch where that is asked for. `dn`, `detector` should lie on shared memory; `packed` is of `buffers`, to be given back. */
  measure(task: Omit<MeasureTask, 'packed'> & { readonly isPacked: boolean }): Promise<
    Pick<MeasuredBlock, 'cells' | 'fine'> & {
      readonly packed: Uint8Array | null
    }
  >
  /**
   * Surface reflectance of one packed block (x 10000, no-data -32768) and KERNEL_FLAGS beside it, both of `buffers`, to be given back, its sums by cells where that
   * is asked for, and what its layers come to; `level`: what level ground would reflect, where the table has terrain; `nadir`: reflectance times `nbar`, `sigma`: its standard deviation, and `levelSigma`: that of `level`, where these are given. `packed` should lie on shared memory. Rejects with WRITE_FAILED where the bytes are not what was packed.
   */
  correctPacked(block: {
    readonly packed: Uint8Array
    readonly window: Window
    readonly table: CorrectionTable
    readonly cells: CellLayout | null
    readonly nbar: NodeFactors | null
    readonly variance: BandVariance | null
  }): Promise<{
    reflectance: Int16Array
    level: Int16Array | null
    nadir: Int16Array | null
    sigma: Int16Array | null
    levelSigma: Int16Array | null
    flags: Uint8Array
    sums: CorrectedSums
  }>
  /** mask[p] |= bitsOf[byte of the plane below the centre of p]. `mask` must lie on shared memory and is changed in place. */
  orFlags(task: { window: Window; mask: Uint16Array; plane: BytePlane; bitsOf: Uint16Array }): Promise<void>
  /** As the kernel; `out` must lie on shared memory, `a` and `b` should. */
  normalizedDifference(task: NormalizedDifferenceArgs): Promise<void>
  /** Sums of a block's pixels by cells, as the kernel; `pixels` should lie on shared memory. */
  cellSums(task: CellSumsArgs): Promise<BlockCells>
  /** As the kernels of the ground; what they write must lie on shared memory, what they read should. Rows are shared among the threads of the budget. */
  slopes(task: Omit<Parameters<typeof slopes>[0], keyof RowRange>): Promise<void>
  castShadows(task: Omit<Parameters<typeof castShadows>[0], keyof RowRange>): Promise<void>
  meansAround(task: Omit<Parameters<typeof meansAround>[0], keyof RowRange>): Promise<void>
  /** One date into the states of a composite, which lie on shared memory. */
  addDate(task: AddDateTask): Promise<void>
  finishComposite(task: FinishTask): Promise<FinishedBlock>
  /** Masks of a scene from its cells. What they measured is moved, not copied. */
  decideMasks(task: MaskTask): Promise<SceneMasks>
  /** For `openBandWriter`. */
  encodeBlock(task: Omit<EncodeBlockTask, 'into'>): Promise<EncodedTiles>
  encodeHalf(
    task: Omit<EncodeBlockTask, 'pixels' | 'window' | 'into'> & { readonly half: HalfTile },
  ): Promise<EncodedTiles>
  encodeRest(task: { readonly quarter: Image; readonly format: TileFormat }): Promise<EncodedTiles>
  close(): Promise<void>
}

/** Tiles as they lie one after another in `bytes`, which are of `buffers`, to be given back. */
export interface EncodedTiles {
  readonly tiles: readonly EncodedTile[]
  readonly bytes: Uint8Array
}

export interface KernelPoolOptions {
  /** Most threads that may ever be used; they start when needed. Default: CPUs. */
  readonly maxThreads?: number
  /** Gates encoding; without one only the number of threads does. */
  readonly budget?: Budget
}

/** Rows of a grid that one task of the ground works on. */
const ROWS_AT_ONCE = 64
/** Windows of one task that looks for shifts: about 50 ms. */
const WINDOWS_AT_ONCE = 16

/** Encoding goes before decoding, so that blocks leave memory. */
const ENCODE_PRIORITY = 1

const tilesOf = ({ width, height }: Pick<Window, 'width' | 'height'>): number =>
  Math.ceil(width / TILE) * Math.ceil(height / TILE)

const shared = <T extends Uint8Array | Int16Array | Uint16Array | Float32Array>(array: T): T => {
  if (array.buffer instanceof SharedArrayBuffer) return array
  const Pixels = array.constructor as new (buffer: SharedArrayBuffer) => T
  const copy = new Pixels(new SharedArrayBuffer(array.byteLength))
  copy.set(array)
  return copy
}

/** Nodes laid over an image; `first`: coordinate of the first one in steps from (ulx, uly). */
const layOver = (
  image: Grid,
  { ulx, uly, stepXM, stepYM }: Pick<NodeCoefficients, 'ulx' | 'uly' | 'stepXM' | 'stepYM'>,
  first = 0,
) => ({
  x0: (image.ulx + image.pixelWidthM / 2 - ulx) / stepXM - first,
  dx: image.pixelWidthM / stepXM,
  y0: (uly - (image.uly - image.pixelHeightM / 2)) / stepYM - first,
  dy: image.pixelHeightM / stepYM,
})

const isUnsure = (terrain: CorrectionTable['terrain']): terrain is UnsureTerrain =>
  terrain !== null && 'smoothness' in terrain

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
    // A thread that starts anew compiles its code again; on a busy machine a turn may be long in coming.
    idleTimeout: 60_000,
  })
  const gated = (run: () => Promise<unknown>): Promise<unknown> => options.budget?.run(run) ?? run()
  const inParts = (
    count: number,
    atOnce: number,
    run: (first: number, last: number) => Promise<unknown>,
  ): Promise<unknown> =>
    Promise.all(
      Array.from({ length: Math.ceil(count / atOnce) }, (_, i) =>
        gated(() => run(i * atOnce, Math.min(count, (i + 1) * atOnce))),
      ),
    )
  const byRows = (rows: number, run: (range: RowRange) => Promise<unknown>): Promise<unknown> =>
    inParts(rows, ROWS_AT_ONCE, (firstRow, lastRow) => run({ firstRow, lastRow }))
  const buffers = new BlockBuffers()
  const encode = (name: string, most: number, task: object): Promise<EncodedTiles> => {
    const run = async () => {
      const into = buffers.take(Uint8Array, most * encodeBound())
      const tiles = (await piscina.run({ ...task, into }, { name })) as EncodedTile[]
      return { tiles, bytes: into }
    }
    return options.budget ? options.budget.run(run, ENCODE_PRIORITY) : run()
  }
  return {
    buffers,
    shareTable: (planes, band, { pressure, around, terrain }) => {
      // Values stand on the centres of the grid's pixels.
      const onCentres = ({ ulx, uly, pixelWidthM, pixelHeightM, width, height }: Grid) => ({
        ...{ rows: height, columns: width },
        axes: layOver(band.grid, { ulx, uly, stepXM: pixelWidthM, stepYM: pixelHeightM }, 0.5),
      })
      return {
        table: {
          coefficients: shared(planes.data),
          legs: planes.legs && shared(planes.legs),
          directions: planes.directions && shared(planes.directions),
          slotOfDetector: shared(planes.slots),
          slots: planes.slotCount,
          rows: planes.ny,
          columns: planes.nx,
          nodeHpa: shared(Float32Array.from(planes.pressureHpa)),
          axes: layOver(band.grid, planes),
        },
        pressure: pressure && { ...onCentres(pressure.grid), hpa: shared(pressure.hpa) },
        around: around && { ...onCentres(around.grid), reflectance: shared(around.reflectance) },
        terrain: terrain && {
          ...onCentres(terrain.grid),
          ...{ east: shared(terrain.east), north: shared(terrain.north), hidden: shared(terrain.hidden) },
          canopy: terrain.isCanopy ? 1 : 0,
          ...terrain.doubt,
        },
        offset: band.offset,
        quantification: band.quantification,
      }
    },
    resample: async (task) => {
      mustBeShared('out', task.out)
      await piscina.run(task, { name: 'resampleBlock' })
    },
    phaseShifts: async (task) => {
      mustBeShared('out', task.out)
      await inParts(task.windows, WINDOWS_AT_ONCE, (first, last) =>
        piscina.run({ ...task, first, last }, { name: 'shifts' }),
      )
    },
    measure: async ({ isPacked, ...task }) => {
      const packed = isPacked ? buffers.take(Uint8Array, packBound(task.window)) : null
      const made = (await piscina.run({ ...task, packed }, { name: 'measure' })) as MeasuredBlock
      return { ...made, packed: packed?.subarray(0, made.packedBytes) ?? null }
    },
    shareVariance: ({ slots, slotCount, ulx, uly, stepXM, stepYM, nx, ny, data, light }, grid) => ({
      ...{ slots: shared(slots), slotCount, rows: ny, columns: nx, coefficients: shared(data) },
      light: light && shared(light),
      axes: layOver(grid, { ulx, uly, stepXM, stepYM }),
    }),
    correctPacked: async ({ packed, window, table, cells, nbar, variance }) => {
      const pixels = window.width * window.height
      const reflectance = buffers.take(Int16Array, pixels)
      const layer = (isWanted: boolean) => (isWanted ? buffers.take(Int16Array, pixels) : null)
      const [level, nadir] = [layer(table.terrain !== null), layer(nbar !== null)]
      const sigma = layer(variance !== null)
      const unsure = variance?.light != null && isUnsure(table.terrain) ? table.terrain : null
      const levelSigma = layer(unsure !== null)
      const flags = buffers.take(Uint8Array, pixels)
      const task: CorrectPackedTask = {
        ...table,
        ...{ packed, window, out: reflectance, flat: level, flags, cells },
        nbar: nbar && nadir && { scale: nbar, out: nadir },
        sigma: variance && sigma && { variance, out: sigma },
        levelSigma:
          variance?.light && unsure && levelSigma
            ? { nodes: variance, light: variance.light, terrain: unsure, out: levelSigma }
            : null,
      }
      const sums = (await piscina.run(task, { name: 'correctPacked' })) as CorrectedSums | false
      if (sums === false)
        throw new ProcessingError(
          'WRITE_FAILED',
          `A packed block of ${window.width} x ${window.height} pixels came back from scratch as something else. Is the disk sound? Try again.`,
        )
      return { reflectance, level, nadir, sigma, levelSigma, flags, sums }
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
    slopes: async (task) => {
      mustBeShared('east', task.east)
      mustBeShared('north', task.north)
      await byRows(task.rows - 2 * task.reach, (rows) =>
        piscina.run({ ...task, ...rows }, { name: 'slopes' }),
      )
    },
    castShadows: async (task) => {
      mustBeShared('hidden', task.hidden)
      await byRows(task.rows, (rows) => piscina.run({ ...task, ...rows }, { name: 'castShadows' }))
    },
    meansAround: async (task) => {
      mustBeShared('out', task.out)
      await byRows(task.rows, (rows) => piscina.run({ ...task, ...rows }, { name: 'meansAround' }))
    },
    addDate: async (task) => {
      for (const { state } of task.groups) mustBeShared('sums', state.sums)
      await piscina.run(task, { name: 'addDate' })
    },
    finishComposite: (task) => piscina.run(task, { name: 'finishComposite' }) as Promise<FinishedBlock>,
    decideMasks: (task) =>
      piscina.run(task, {
        name: 'decideCellMasks',
        transferList: [...task.toa.bands.values()].flatMap(({ rho, isSaturated, detectors }) =>
          [rho, isSaturated, detectors].map(({ buffer }) => buffer as ArrayBuffer),
        ),
      }) as Promise<SceneMasks>,
    encodeBlock: (task) => {
      const { window, halves } = task
      const complete = halves.filter((half) => half.complete).length
      return encode('encodeBlock', tilesOf(window) + complete, task)
    },
    encodeHalf: (task) => encode('encodeHalf', 1, task),
    encodeRest: (task) => {
      const { width, height } = task.quarter
      const levels = cogLevels(width, height).map((level) => level.tilesX * level.tilesY)
      return encode(
        'encodeRest',
        levels.reduce((sum, count) => sum + count, 0),
        task,
      )
    },
    close: () => piscina.destroy(),
  }
}
