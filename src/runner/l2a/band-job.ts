import type { Window } from '../../domain/grid.js'
import { blocksOf } from '../../domain/grid.js'
import { L1C_QUALITY, type DetectorMap, type L1cBand } from '../../domain/sentinel2.js'
import { openDetectorMap } from '../../products/sentinel2/detector-map.js'
import { openQualityMask, type BitMask } from '../../products/sentinel2/quality-mask.js'
import { openRaster, type RasterReader } from '../../raster/open-raster.js'
import { blockSizeFor } from './block-size.js'

/** What is read of one block: digital numbers, detectors and quality, all on shared memory. */
export interface DecodedBlock {
  readonly dn: Uint16Array
  readonly detector: Uint8Array
  readonly quality: Uint8Array
}

const LOST = L1C_QUALITY.lost | L1C_QUALITY.noData

/**
 * Reads one band block by block. A reader decodes one block at a time, so there is one for each decode that runs at once; masks are
 * small and shared. Opened when its first block is wanted, closed after its last: files and caches of 13 bands never lie open together.
 */
export class BandInput {
  readonly blocks: readonly Window[]
  private readonly idle: RasterReader[] = []
  private readonly opened: RasterReader[] = []
  private masks: Promise<{ detectors: DetectorMap; quality: BitMask }> | undefined

  constructor(
    readonly band: L1cBand,
    wantedBlock: number,
  ) {
    const size = blockSizeFor(band.blockWidth, Math.max(band.grid.width, band.grid.height), wantedBlock)
    this.blocks = blocksOf(band.grid, size)
  }

  /** Decodes one block. `wantDetectors`: false for bands that are read for their no-data only. */
  async read(window: Window, wantDetectors: boolean): Promise<DecodedBlock> {
    const pixels = window.width * window.height
    const dn = new Uint16Array(new SharedArrayBuffer(pixels * 2))
    const detector = new Uint8Array(new SharedArrayBuffer(pixels))
    const quality = new Uint8Array(new SharedArrayBuffer(pixels))
    const { detectors, quality: qualityMask } = await (this.masks ??= this.openMasks())
    const reader = this.idle.pop() ?? (await this.openReader())
    try {
      await reader.read(0, window, dn)
    } finally {
      this.idle.push(reader)
    }
    await qualityMask.read(window, quality)
    if (wantDetectors) await detectors.read(window, detector)
    else detector.fill(1)
    // A packet lost on its way from the satellite left no measurement, whatever the image holds there.
    for (let i = 0; i < pixels; i++) if (((quality[i] ?? 0) & LOST) !== 0) dn[i] = 0
    return { dn, detector, quality }
  }

  async close(): Promise<void> {
    for (const reader of this.opened.splice(0)) reader.close()
    if (this.masks !== undefined) {
      const { detectors, quality } = await this.masks
      detectors.close()
      quality.close()
      this.masks = undefined
    }
  }

  private async openReader(): Promise<RasterReader> {
    const reader = await openRaster(this.band.path)
    this.opened.push(reader)
    return reader
  }

  private async openMasks(): Promise<{ detectors: DetectorMap; quality: BitMask }> {
    const detectors = await openDetectorMap(this.band)
    return { detectors, quality: await openQualityMask(this.band) }
  }
}
