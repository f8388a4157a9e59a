import { blocksOf, type Window } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand, PixelBytes } from '../../domain/l1-scene.js'
import type { ImagePlaces } from '../../kernels/resample.js'
import { openAll } from '../../raster/open-all.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { blockSizeFor } from './block-size.js'
import { neededOf, placesOf } from './places.js'
import { SourceBlocks } from './source-blocks.js'

/** What is read of one block: digital numbers, 0 where nothing was measured, and detectors, both of the pool's buffers, to be given back. */
export interface DecodedBlock {
  readonly dn: Uint16Array
  readonly detector: Uint8Array
}

type Masks = readonly [detectors: PixelBytes, lost: PixelBytes | null]

/** How a band is cut into blocks, the same in every pass. */
export function blocksOfBand(
  { grid, blockWidth }: Pick<L1SceneBand, 'grid' | 'blockWidth'>,
  wantedBlock: number,
): Window[] {
  return blocksOf(grid, blockSizeFor(blockWidth, Math.max(grid.width, grid.height), wantedBlock))
}

/** Least edge of the blocks in which an image is decoded that is resampled, pixels: each is decoded once, whatever the blocks of the output. */
const LEAST_SOURCE_BLOCK = 1024

/** What a band needs that is resampled: the pieces of its image by block, null where a block needs none. */
interface Resampling {
  readonly pieces: readonly ({ readonly places: ImagePlaces; readonly from: Window } | null)[]
  readonly source: SourceBlocks
}

/**
 * Reads one band block by block. A reader decodes one block at a time, so there is one for each decode that runs at once; masks are
 * small and shared. Opened when its first block is wanted, closed after its last: files and caches of 13 bands never lie open together.
 * A placed band is resampled on the way, so that what follows knows its grid alone; its blocks are read once each.
 */
export class BandInput {
  readonly blocks: readonly Window[]
  private readonly idle: RasterReader[] = []
  private readonly opened: RasterReader[] = []
  private masks: Promise<Masks> | undefined
  private readonly resampling: Resampling | null

  constructor(
    private readonly scene: L1Scene,
    readonly band: L1SceneBand,
    wantedBlock: number,
    private readonly work: {
      readonly budget: Budget
      readonly pool: Pick<KernelPool, 'resample' | 'buffers'>
    },
  ) {
    this.blocks = blocksOfBand(band, wantedBlock)
    this.resampling = this.planResampling(wantedBlock)
  }

  /** Decodes the block of this number, within the budget. */
  async read(index: number): Promise<DecodedBlock> {
    const window = this.blocks[index]
    if (window === undefined) throw new Error(`block ${index} of ${this.blocks.length} of ${this.band.id}`)
    const { budget, pool } = this.work
    const pixels = window.width * window.height
    const detector = pool.buffers.take(Uint8Array, pixels).fill(0)
    if (this.resampling === null)
      return budget.run(async () => {
        const dn = await this.decode(window)
        await this.readDetectors(window, detector)
        return { dn, detector }
      })
    const dn = pool.buffers.take(Uint16Array, pixels).fill(0)
    const piece = this.resampling.pieces[index]
    if (piece === undefined || piece === null) return { dn, detector }
    const { places, from } = piece
    const image = { ...from, pixels: await this.resampling.source.gather(from) }
    await budget.run(() => pool.resample({ image, places, window, out: dn }))
    await budget.run(() => this.readDetectors(window, detector))
    return { dn, detector }
  }

  async close(): Promise<void> {
    for (const reader of this.opened.splice(0)) reader.close()
    if (this.masks !== undefined) {
      // Whoever read was told where they could not be opened; nothing of them is left open then.
      for (const mask of (await this.masks.catch(() => null)) ?? []) mask?.close()
      this.masks = undefined
    }
  }

  private planResampling(wantedBlock: number): Resampling | null {
    const { grid, placement, blockWidth } = this.band
    if (placement === undefined) return null
    const pieces = this.blocks.map((window) => {
      const places = placesOf(grid, window, placement)
      const from = neededOf(places, window, placement.image)
      return from === null ? null : { places, from }
    })
    const sourceBlocks = blocksOfBand(
      { grid: placement.image, blockWidth },
      Math.max(wantedBlock, LEAST_SOURCE_BLOCK),
    )
    return {
      pieces,
      source: new SourceBlocks(
        sourceBlocks,
        pieces.flatMap((piece) => piece?.from ?? []),
        (window) => this.work.budget.run(() => this.decode(window)),
      ),
    }
  }

  /** Digital numbers of a window of the image as delivered, 0 where the product says that they were lost. */
  private async decode(window: Window): Promise<Uint16Array> {
    const dn = this.work.pool.buffers.take(Uint16Array, window.width * window.height)
    const [, lost] = await (this.masks ??= this.openMasks())
    const reader = this.idle.pop() ?? (await this.openReader())
    try {
      await reader.read(0, window, dn)
    } finally {
      this.idle.push(reader)
    }
    if (lost !== null) {
      const isLost = new Uint8Array(dn.length)
      await lost.read(window, isLost)
      for (let i = 0; i < dn.length; i++) if (isLost[i] !== 0) dn[i] = 0
    }
    return dn
  }

  private async readDetectors(window: Window, out: Uint8Array): Promise<void> {
    const [detectors] = await (this.masks ??= this.openMasks())
    await detectors.read(window, out)
  }

  private async openReader(): Promise<RasterReader> {
    const reader = await openRaster(this.band.path)
    this.opened.push(reader)
    return reader
  }

  private async openMasks(): Promise<Masks> {
    return openAll<Masks>([() => this.scene.openDetectors(this.band), () => this.scene.openLost(this.band)])
  }
}
