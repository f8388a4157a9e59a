import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { memoryNeededMb, type MemoryLoad, type WorkShape } from '../../domain/l2a-memory.js'
import { optionalLayers, type L2aParams } from '../../processors/l2a/definition.js'
import type { ThreadBudget } from '../step-context.js'
import { productGrids } from './product-grids.js'
import { TILE_SIZE } from './block-size.js'
import { isMaskBand, maskGrid } from './scene-masks.js'

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
    isUncertain: params.uncertainty,
    hasAdjacency: params.adjacency,
    coregisteredMegapixels: params.coregister === null ? 0 : (finest.width * finest.height) / 1e6,
    resampled: {
      width: Math.max(0, ...placed.map(({ grid, placement }) => (placement?.image ?? grid).width)),
      megapixels: Math.max(0, ...placed.map(({ grid }) => grid.width * grid.height)) / 1e6,
    },
  }
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
