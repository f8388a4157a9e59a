import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { optionalLayers, type L2aParams } from '../../processors/l2a/definition.js'
import type { ThreadBudget } from '../step-context.js'
import { productGrids } from './product-grids.js'
import { TILE_SIZE } from './block-size.js'
import { isMaskBand, maskGrid } from './scene-masks.js'

/** What the memory of a correction depends on. */
export interface MemoryLoad {
  /** Millions of pixels of all bands. */
  readonly megapixels: number
  /** Millions of the cells on which masks are decided. */
  readonly maskMegacells: number
  /** Bands that are held on these cells. */
  readonly maskBands: number
  /** Layers besides `sre`. */
  readonly layers: number
  readonly hasDem: boolean
  /** How far slopes may be off is kept too. */
  readonly isSlopeDoubted: boolean
  readonly hasAdjacency: boolean
  /** Millions of pixels of the finest image where it is laid on a reference, else 0. */
  readonly coregisteredMegapixels: number
  /** Of the image from which a band is resampled, where bands lie on another grid, else 0. */
  readonly resampled: { readonly width: number; readonly megapixels: number }
}

/** How a correction is run: neither changes a pixel. */
export interface WorkShape {
  /** At least 1. */
  readonly threads: number
  /** Edge of a block, pixels: a multiple of 512. */
  readonly blockSize: number
}

/** Program, libraries, tables of the atmosphere, V8's heap. */
const PROGRAM_MB = 230
/** Reflectance, detector and saturation of one band on one cell. */
const CELL_BYTES = 9
/**
 * Planes on which masks and air are decided, slopes and planes of flags of large images, and what the collector has not taken back of them. Up to the cells of a Sentinel-2 tile they find room in what the other terms allow; of a whole Landsat scene,
 * 15.4 million cells, there were 1.5 GiB more than these (3970 MiB at the peak).
 */
const CELL_WORK = { tileMegacells: 3.35, bytes: 130 }
/** What has streamed through and is not given back yet: buffers that wait for the collector, GDAL's cache of 64 MiB, arenas of the allocator. It grows with the image up to a bound. */
const STREAMED = { mbPerMegapixel: 9, mostMb: 380 }
/** Planes of flags on all pixel sizes. */
const FLAGS_MB_PER_MEGAPIXEL = 0.3
/** Heights and slopes of 20 m, the warp that makes them, shadows. */
const DEM = { mb: 130, mbPerMegapixel: 0.2 }
/** A byte for each of the 20 m: 30 million of 673. */
const SLOPE_DOUBT = { mb: 0, mbPerMegapixel: 0.05 }
/** Reflectance of all bands on cells and what is around. */
const ADJACENCY = { mb: 90, mbPerMegapixel: 0.15 }
/** A thread of the pool with its V8, and a decoder with the tile that it decodes. */
const THREAD_MB = 70
/** A block in flight: numbers, detectors and packed bytes, or unpacked again with reflectance, flags and encoded tiles; each further layer with its encoded tiles. */
const BLOCK_BYTES = { base: 20, layer: 8 }
/** Of the finest pixels while shifts are looked for: near infrared, reference and windows. */
const COREGISTER_MB_PER_MEGAPIXEL = 8
/** Two bands that are resampled at once: each holds the blocks of two rows of its image, across zones its rows are crossed aslant, and its pieces until the collector comes. */
const RESAMPLED = { bands: 2, rows: 2, blockRows: 1024, pixelBytes: 2 }
/** The measured scenes stay within the sum of these terms and a tenth. */
const MARGIN = 1.1

/** What the correction of a scene depends on for its memory. */
export function memoryLoadOf(
  scene: L1Scene,
  params: Pick<L2aParams, 'dem' | 'slopes' | 'nbar' | 'uncertainty' | 'adjacency' | 'coregister'>,
): MemoryLoad {
  const cells = maskGrid(scene)
  const { finest } = productGrids(scene)
  const isOnCells = isMaskBand(scene)
  const placed = scene.bands.filter(({ placement }) => placement !== undefined)
  return {
    megapixels: scene.bands.reduce((sum, { grid }) => sum + grid.width * grid.height, 0) / 1e6,
    maskMegacells: (cells.width * cells.height) / 1e6,
    maskBands: scene.bands.filter(({ id }) => isOnCells(id)).length,
    layers: optionalLayers(params),
    hasDem: params.dem !== null,
    isSlopeDoubted: params.dem !== null && params.slopes !== 'none' && params.uncertainty,
    hasAdjacency: params.adjacency,
    coregisteredMegapixels: params.coregister === null ? 0 : (finest.width * finest.height) / 1e6,
    resampled: {
      width: Math.max(0, ...placed.map(({ grid, placement }) => (placement?.image ?? grid).width)),
      megapixels: Math.max(0, ...placed.map(({ grid }) => grid.width * grid.height)) / 1e6,
    },
  }
}

function resampledMb({ width, megapixels }: MemoryLoad['resampled']): number {
  const { bands, rows, blockRows, pixelBytes } = RESAMPLED
  return (bands * pixelBytes * (rows * blockRows * width + 1e6 * megapixels)) / 2 ** 20
}

/** Peak of resident memory of a correction that runs so, MiB, on the safe side. Pure. */
export function memoryNeededMb(load: MemoryLoad, { threads, blockSize }: WorkShape): number {
  const { megapixels, maskMegacells, maskBands, layers } = load
  const perMegapixel = (is: boolean, of: { mb: number; mbPerMegapixel: number }) =>
    is ? of.mb + of.mbPerMegapixel * megapixels : 0
  const block = (blockSize ** 2 * (BLOCK_BYTES.base + BLOCK_BYTES.layer * layers)) / 2 ** 20
  const sum =
    PROGRAM_MB +
    (maskMegacells * 1e6 * maskBands * CELL_BYTES) / 2 ** 20 +
    (Math.max(0, maskMegacells - CELL_WORK.tileMegacells) * 1e6 * CELL_WORK.bytes) / 2 ** 20 +
    Math.min(STREAMED.mostMb, STREAMED.mbPerMegapixel * megapixels) +
    FLAGS_MB_PER_MEGAPIXEL * megapixels +
    perMegapixel(load.hasDem, DEM) +
    perMegapixel(load.isSlopeDoubted, SLOPE_DOUBT) +
    perMegapixel(load.hasAdjacency, ADJACENCY) +
    COREGISTER_MB_PER_MEGAPIXEL * load.coregisteredMegapixels +
    resampledMb(load.resampled) +
    THREAD_MB * threads +
    // One block more than threads waits for its turn.
    block * (threads + 1)
  return Math.ceil(MARGIN * sum)
}

/**
 * The most threads, at most as many as wanted, that fit into `memoryMb` (MiB), and with them the largest blocks, at most as large as wanted: fewer threads cost their share of the time, smaller
 * blocks next to none (26.8 s of CPU with 512 pixels, 27.0 s with 1024). Pure.
 * @throws ProcessingError MEMORY_TOO_SMALL where one thread with blocks of 512 pixels does not fit.
 */
export function planMemory(load: MemoryLoad, wanted: WorkShape, memoryMb: number): WorkShape {
  const sizes: number[] = []
  for (let size = wanted.blockSize; size > TILE_SIZE; size = Math.floor(size / 2 / TILE_SIZE) * TILE_SIZE)
    sizes.push(size)
  sizes.push(TILE_SIZE)
  for (let threads = wanted.threads; threads >= 1; threads--)
    for (const blockSize of sizes)
      if (memoryNeededMb(load, { threads, blockSize }) <= memoryMb) return { threads, blockSize }
  const least = memoryNeededMb(load, { threads: 1, blockSize: TILE_SIZE })
  throw new ProcessingError(
    'MEMORY_TOO_SMALL',
    `This scene needs ${least} MiB with one thread and blocks of ${TILE_SIZE} pixels, found ${memoryMb} MiB (--memory, processor.l2a.memory_mb). ` +
      'Give it that much, or leave out what takes memory: a DEM, light from beside, a reference for the shift; or take a part of the scene (--bbox).',
  )
}

/** A budget of which never more than `most` threads are used. */
export function cappedBudget(threads: ThreadBudget, most: number): ThreadBudget {
  return {
    get value() {
      return Math.min(most, threads.value)
    },
    onChange: (callback) =>
      threads.onChange((value) => {
        callback(Math.min(most, value))
      }),
  }
}

/**
 * How a correction runs within `memoryMb`: blocks for the threads that it has now, and as many threads, should it get more, as fit with these. Null: as it was asked for.
 * @throws ProcessingError MEMORY_TOO_SMALL.
 */
export function shapeFor(
  scene: L1Scene,
  {
    memoryMb,
    ...request
  }: { memoryMb: number | null; params: L2aParams; threads: ThreadBudget; blockSize: number },
): { readonly threads: ThreadBudget; readonly blockSize: number } {
  const { threads, blockSize } = request
  if (memoryMb === null) return { threads, blockSize }
  const load = memoryLoadOf(scene, request.params)
  const plan = planMemory(load, { threads: threads.value, blockSize }, memoryMb)
  let most = plan.threads
  while (memoryNeededMb(load, { threads: most + 1, blockSize: plan.blockSize }) <= memoryMb) most++
  return { threads: cappedBudget(threads, most), blockSize: plan.blockSize }
}
