import type { Window } from '../../domain/grid.js'
import { blocksOf } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand, PixelBytes } from '../../domain/l1-scene.js'
import { openAll } from '../../raster/open-all.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'
import { blockSizeFor } from './block-size.js'

/** What is read of one block: digital numbers, 0 where nothing was measured, and detectors, both on shared memory. */
export interface DecodedBlock {
  readonly dn: Uint16Array
  readonly detector: Uint8Array
}

type Masks = readonly [detectors: PixelBytes, lost: PixelBytes | null]

/** How a band is cut into blocks, the same in every pass. */
export function blocksOfBand({ grid, blockWidth }: L1SceneBand, wantedBlock: number): Window[] {
  return blocksOf(grid, blockSizeFor(blockWidth, Math.max(grid.width, grid.height), wantedBlock))
}

/**
 * Reads one band block by block. A reader decodes one block at a time, so there is one for each decode that runs at once; masks are
 * small and shared. Opened when its first block is wanted, closed after its last: files and caches of 13 bands never lie open together.
 */
export class BandInput {
  readonly blocks: readonly Window[]
  private readonly idle: RasterReader[] = []
  private readonly opened: RasterReader[] = []
  private masks: Promise<Masks> | undefined

  constructor(
    private readonly scene: L1Scene,
    readonly band: L1SceneBand,
    wantedBlock: number,
  ) {
    this.blocks = blocksOfBand(band, wantedBlock)
  }

  /** Decodes one block. */
  async read(window: Window): Promise<DecodedBlock> {
    const pixels = window.width * window.height
    const dn = new Uint16Array(new SharedArrayBuffer(pixels * 2))
    const detector = new Uint8Array(new SharedArrayBuffer(pixels))
    const [detectors, lost] = await (this.masks ??= this.openMasks())
    const reader = this.idle.pop() ?? (await this.openReader())
    try {
      await reader.read(0, window, dn)
    } finally {
      this.idle.push(reader)
    }
    await detectors.read(window, detector)
    if (lost !== null) {
      const isLost = new Uint8Array(pixels)
      await lost.read(window, isLost)
      for (let i = 0; i < pixels; i++) if (isLost[i] !== 0) dn[i] = 0
    }
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

  private async openReader(): Promise<RasterReader> {
    const reader = await openRaster(this.band.path)
    this.opened.push(reader)
    return reader
  }

  private async openMasks(): Promise<Masks> {
    return openAll<Masks>([() => this.scene.openDetectors(this.band), () => this.scene.openLost(this.band)])
  }
}
